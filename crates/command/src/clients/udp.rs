//! The textbook's UDP client on the kernel's sockets, and what it leaves to the reader: a datagram may be lost, so it
//! is sent again.

use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use std::io;
use std::net::UdpSocket;
use std::time::Instant;

use super::witness::{User, Witness};
use super::{remote, sentences};
use crate::args::UdpOptions;
use crate::failure::{Failure, Result};

/// The most bytes in a datagram: 65,535 without the headers of IPv4 and UDP.
const LARGEST: usize = 65_507;
/// The most bytes in a datagram that an Ethernet frame carries whole: 1,500 without the headers.
const WHOLE_IPV4: usize = 1_472;
const WHOLE_IPV6: usize = 1_452;

/// `undersock udp`
pub(crate) fn run(options: &UdpOptions) -> Result<()> {
    let mut servers = remote::resolve(&options.server)?;
    sentences::converse(options.sentence.as_deref(), &mut |sentence| {
        let mut last = Ok(Vec::new());
        for server in servers.clone() {
            match ask(server, sentence, options.timeout, options.tries, &mut User) {
                Ok(reply) => {
                    servers = vec![server];
                    return Ok(reply);
                }
                Err(unanswered) => {
                    last = Err(unanswered.failure);
                    if !unanswered.elsewhere {
                        break;
                    }
                }
            }
        }
        last
    })
}

/// Sends one sentence and waits for its reply; each of `tries` times for as long as `timeout`.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux's lab and serve use it"))]
pub(crate) fn exchange(
    server: SocketAddr,
    sentence: &[u8],
    timeout: Duration,
    tries: u32,
    witness: &mut dyn Witness,
) -> Result<Vec<u8>> {
    ask(server, sentence, timeout, tries, witness).map_err(|unanswered| unanswered.failure)
}

/// No reply.
struct Unanswered {
    failure: Failure,
    /// Another address of the same host may do better: this one was refused, or there is no way to it.
    elsewhere: bool,
}

impl Unanswered {
    fn at(step: &str, server: SocketAddr, error: &io::Error) -> Unanswered {
        Unanswered { failure: remote::failed(step, server, error), elsewhere: true }
    }
}

fn ask(
    server: SocketAddr,
    sentence: &[u8],
    timeout: Duration,
    tries: u32,
    witness: &mut dyn Witness,
) -> core::result::Result<Vec<u8>, Unanswered> {
    if sentence.len() > LARGEST {
        let reason = format!("a datagram has at most {LARGEST} bytes, the sentence {}", sentence.len());
        let failure = Failure::new(format!("sending to {server}"), reason);
        return Err(Unanswered { failure, elsewhere: false });
    }
    let (any, whole): (SocketAddr, usize) = match server {
        SocketAddr::V4(_) => ((Ipv4Addr::UNSPECIFIED, 0).into(), WHOLE_IPV4),
        SocketAddr::V6(_) => ((Ipv6Addr::UNSPECIFIED, 0).into(), WHOLE_IPV6),
    };
    if sentence.len() > whole {
        witness.remark(&format!(
            "{} bytes take more than one frame (at most {whole}): undersock's server drops such fragments",
            sentence.len()
        ));
    }
    // A socket, and so a port, for each sentence: a late reply to an earlier one finds nobody. Connected, so that the
    // kernel drops what others send and reports it when nobody listens there (ICMP port unreachable).
    let socket =
        UdpSocket::bind(any).map_err(|error| Unanswered::at("opening a socket to", server, &error))?;
    socket.connect(server).map_err(|error| Unanswered::at("connecting to", server, &error))?;
    for attempt in 1..=tries {
        witness.calling();
        socket.send(sentence).map_err(|error| Unanswered::at("sending to", server, &error))?;
        witness.sent_to(server, sentence.len());
        if attempt > 1 {
            witness.remark(&format!("no reply within {timeout:?}, sent again ({attempt} of {tries})"));
        }
        match receive(&socket, timeout) {
            Ok(Some(reply)) => {
                witness.received_from(server, reply.len());
                return Ok(reply);
            }
            Ok(None) => {}
            Err(error) => return Err(Unanswered::at("waiting for", server, &error)),
        }
    }
    let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
    let failure =
        remote::timed_out("waiting for", server, format!("no reply within {timeout:?}, sent {times}"));
    Err(Unanswered { failure, elsewhere: false })
}

/// The next datagram, if one comes in time.
fn receive(socket: &UdpSocket, timeout: Duration) -> io::Result<Option<Vec<u8>>> {
    let start = Instant::now();
    let mut reply = vec![0; LARGEST];
    while let Some(left) = timeout.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        socket.set_read_timeout(Some(left))?;
        match socket.recv(&mut reply) {
            Ok(length) => {
                reply.truncate(length);
                return Ok(Some(reply));
            }
            // Unix says the one, Windows the other; either may come early, and so may a signal.
            Err(error) if is_patience(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

fn is_patience(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut | io::ErrorKind::Interrupted)
}
