//! The server on a TAP or TUN interface: it sleeps until a frame comes or a deadline passes.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Instant as Clock;

use undersock::device::impaired::Impaired;
use undersock::device::tap::Tap;
use undersock::event::{Counters, DropRule, Observer};
use undersock::server::{Memory, Mode, Server};
use undersock::service::Uppercase;
use undersock::smoltcp::phy::Device;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::IpCidr;
use undersock_views::record::Recorder;

use super::options;
use super::requests::Requests;
use super::views::Views;
use crate::args::ServerOptions;
use crate::failure::{Failure, Result};
use crate::linux::tap;

/// Frames on their way at once, in each direction, where the wire makes trouble.
const HELD: usize = 256;

/// A server, its interface, and the clock of this computer.
pub(crate) struct Host {
    interface: Interface,
    server: Server<'static>,
    service: Uppercase,
    views: Views,
    start: Clock,
}

/// The interface, with or without trouble.
enum Interface {
    Plain(Tap),
    Impaired(Box<Impaired<Tap, Views, HELD>>),
}

/// A device with a TAP or TUN interface at its bottom.
trait TapDevice: Device {
    fn tap(&mut self) -> &mut Tap;

    /// Sends what has been held back until now; when to do so again.
    fn flush(&mut self, now: Instant) -> Option<Instant>;
}

impl TapDevice for Tap {
    fn tap(&mut self) -> &mut Tap {
        self
    }

    fn flush(&mut self, _now: Instant) -> Option<Instant> {
        None
    }
}

impl<O: Observer> TapDevice for Impaired<Tap, O, HELD> {
    fn tap(&mut self) -> &mut Tap {
        self.device_mut()
    }

    fn flush(&mut self, now: Instant) -> Option<Instant> {
        Impaired::flush(self, now);
        self.poll_at(now)
    }
}

impl Host {
    /// A server as `options` say, at the file end of `tap`. With `records`, the last events are kept.
    pub(crate) fn new(tap: Tap, options: &ServerOptions, records: bool) -> Result<Host> {
        let config = options.config.clone().with_seed(options::unguessable());
        let sizes = options::sizes(options);
        log::debug!("memory: {} KiB for {} connections", sizes.bytes() / 1_024, sizes.connections);
        let memory = Memory::owned(sizes);
        let start = Clock::now();
        let mut views = Views::new(options, tap.name(), tap.link(), records)?;
        let trouble = &options.views.trouble;
        let mut interface = match (trouble.is_identity(), tap.link()) {
            (true, _) => Interface::Plain(tap),
            (false, link) => {
                Interface::Impaired(Box::new(Impaired::new(tap, trouble, views.clone()).with_link(link)))
            }
        };
        let server = match &mut interface {
            Interface::Plain(tap) => Server::new(&config, memory, tap, Instant::ZERO),
            Interface::Impaired(device) => Server::new(&config, memory, &mut **device, Instant::ZERO),
        };
        let server = server.map_err(|error| Failure::new("starting the server", error))?;
        server.introduce(Instant::ZERO, &mut views);
        Ok(Host { interface, server, service: options::service(options), views, start })
    }

    /// Serves until a byte comes on `stop`, then ends every connection. Requests for the table are answered meanwhile.
    pub(crate) fn run(&mut self, stop: &UnixStream, requests: &Requests) -> Result<()> {
        let Host { interface, server, service, views, start } = self;
        let serving = Serving { server, service, start: *start, stop, requests, views };
        // Looking costs time even where nothing is written, so nobody looks who doesn't write.
        let looks = serving.views.looks();
        let result = match interface {
            Interface::Plain(tap) if looks => serving.serve(tap, &mut views.clone()),
            Interface::Plain(tap) => serving.serve(tap, &mut ()),
            Interface::Impaired(device) => serving.serve(&mut **device, &mut views.clone()),
        };
        let now = self.now();
        match &mut self.interface {
            Interface::Plain(tap) => self.server.shutdown(now, tap, &mut self.service, &mut self.views),
            Interface::Impaired(device) => {
                self.server.shutdown(now, &mut **device, &mut self.service, &mut self.views);
                Impaired::flush(device, now);
            }
        }
        result.and(self.views.finish())
    }

    fn now(&self) -> Instant {
        since(self.start)
    }

    /// Where the last events are kept.
    pub(crate) fn recorder(&self) -> Option<Recorder> {
        self.views.recorder()
    }

    /// When the server's clock began.
    pub(crate) fn start(&self) -> Clock {
        self.start
    }

    /// The lines with which a server says what it serves, and where.
    pub(crate) fn banner(&self) -> String {
        let udp = self.server.udp_port().map(|port| format!("UDP {port}"));
        let tcp = self.server.listeners().iter().map(|listener| match listener.mode {
            Mode::Stream => format!("TCP stream {}", listener.port),
            _ => format!("TCP {}", listener.port),
        });
        let ports: Vec<String> = udp.into_iter().chain(tcp).collect();
        let mac = self.server.mac().map(|mac| format!(" on {mac}")).unwrap_or_default();
        format!("{}{mac}, {}", addresses(&self.server), ports.join(", "))
    }

    /// One line of what was served, and of what was dropped if anything was.
    pub(crate) fn summary(&self) -> String {
        summary(self.server.counters())
    }
}

/// A server at work.
struct Serving<'h> {
    server: &'h mut Server<'static>,
    service: &'h mut Uppercase,
    start: Clock,
    stop: &'h UnixStream,
    requests: &'h Requests,
    views: &'h Views,
}

impl Serving<'_> {
    fn serve<D: TapDevice>(self, device: &mut D, observer: &mut impl Observer) -> Result<()> {
        let Serving { server, service, start, stop, requests, views } = self;
        let mut known = server.addresses().to_vec();
        let mut is_asked = false;
        loop {
            let deadline = server.poll(since(start), device, service, observer);
            let held = device.flush(since(start));
            let tap = device.tap();
            if let Some(error) = tap.error() {
                return Err(tap::failure(tap.name(), tap.link(), &error));
            }
            if server.addresses() != known {
                known = server.addresses().to_vec();
                log::info!("addresses: {}", addresses(server));
            }
            let deadline = [deadline, held].into_iter().flatten().min();
            let timeout = match deadline {
                // The interface has no room: whatever is due must wait for it.
                _ if tap.blocked() => None,
                Some(at) if at <= since(start) => Some(Duration::ZERO),
                Some(at) => Some(at - since(start)),
                None => None,
            };
            if timeout != Some(Duration::ZERO) {
                views.settle();
            }
            // After the poll: who asks is told of what had come before.
            if is_asked {
                requests.answer(&views.table(server, since(start)));
            }
            let ready = tap
                .wait(timeout.map(Into::into), [stop.as_fd(), requests.receiver()])
                .map_err(|error| Failure::io("waiting for a frame", &error))?;
            if ready.others[0] {
                return Ok(());
            }
            is_asked = ready.others[1];
        }
    }
}

/// The time since `start`, as the stack counts it.
pub(crate) fn since(start: Clock) -> Instant {
    Instant::from_micros(i64::try_from(start.elapsed().as_micros()).unwrap_or(i64::MAX))
}

/// All but the link-local one, which follows from the MAC.
fn addresses(server: &Server<'_>) -> String {
    let is_global = |cidr: &&IpCidr| match cidr {
        IpCidr::Ipv4(_) => true,
        IpCidr::Ipv6(v6) => !v6.address().is_unicast_link_local(),
    };
    let addresses: Vec<String> = server.addresses().iter().filter(is_global).map(IpCidr::to_string).collect();
    if addresses.is_empty() { "no address yet".to_owned() } else { addresses.join(" and ") }
}

fn summary(counters: &Counters) -> String {
    let Counters { datagrams_out, datagrams_in, accepted, evicted, frames_in, frames_out, .. } = counters;
    let mut text = format!(
        "{datagrams_in} datagrams ({datagrams_out} answered), {accepted} connections ({evicted} given up), \
         {frames_in} frames in, {frames_out} out"
    );
    for (rule, count) in DropRule::ALL.iter().zip(counters.dropped) {
        // What is for others passes by on every network.
        if count > 0 && *rule != DropRule::NotForUs {
            text += &format!("; dropped {count}: {}", rule.text());
        }
    }
    text
}
