//! Who hears what a client on the kernel's sockets does.

use core::net::SocketAddr;

use crate::output;

/// Hears what a client does, call by call, in the words of the socket API. All but [`Witness::remark`] is for those who
/// draw it.
pub(crate) trait Witness {
    /// What the user would want to know: that a datagram was sent again, or may not arrive.
    fn remark(&mut self, text: &str) {
        output::note(format_args!("undersock: {text}"));
    }

    /// A call that takes its time begins: `connect`, `send`, `sendto`.
    fn calling(&mut self) {}

    /// `connect` has returned: a connection between these two.
    fn connected(&mut self, _local: SocketAddr, _remote: SocketAddr) {}

    /// `send` took so many bytes.
    fn sent(&mut self, _bytes: usize) {}

    /// `recv` gave so many bytes; none at the end of the other side.
    fn received(&mut self, _bytes: usize) {}

    /// `close` is about to be called.
    fn closing(&mut self) {}

    /// `close` has returned; the kernel goes on by itself.
    fn closed(&mut self) {}

    /// `sendto` took a datagram.
    fn sent_to(&mut self, _remote: SocketAddr, _bytes: usize) {}

    /// `recvfrom` gave a datagram.
    fn received_from(&mut self, _remote: SocketAddr, _bytes: usize) {}
}

/// Nobody but the user.
pub(crate) struct User;

impl Witness for User {}
