//! The server on a TAP interface: it sleeps until a frame comes or a deadline passes.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use log::LevelFilter;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::IpCidr;
use undersock::device::tap::Tap;
use undersock::event::{Counters, Drop};
use undersock::server::config::Mac;
use undersock::server::{Config, Memory, Ports, Server};
use undersock::service::Uppercase;
use undersock::view::log::Log;

use super::tap_failure;
use crate::cli::args::ServerOptions;
use crate::cli::failure::{Failure, Result};
use crate::cli::options;

/// A server, its interface, and the clock of this computer.
pub(crate) struct Host {
    tap: Tap,
    server: Server<'static>,
    service: Uppercase,
    start: std::time::Instant,
}

impl Host {
    /// A server as `options` say, at the file end of `tap`.
    pub(crate) fn new(mut tap: Tap, options: &ServerOptions) -> Result<Host> {
        let config = Config { seed: options::unguessable(), ..options.config.clone() };
        let sizes = options::sizes(options);
        log::debug!("memory: {} KiB for {} connections", sizes.bytes() / 1_024, sizes.connections);
        let memory = Memory::owned(sizes);
        let server = Server::new(&config, memory, &mut tap, Instant::ZERO)
            .map_err(|error| Failure::new("starting the server", error))?;
        Ok(Host { tap, server, service: options::service(options), start: std::time::Instant::now() })
    }

    /// Serves until a byte comes on `stop`, then ends every connection.
    pub(crate) fn run(&mut self, stop: &UnixStream) -> Result<()> {
        // Looking costs time even where nothing is written, so nobody looks who doesn't write.
        let result = if log::max_level() >= LevelFilter::Debug {
            self.serve(stop, &mut Log)
        } else {
            self.serve(stop, &mut ())
        };
        self.server.shutdown(self.now(), &mut self.tap, &mut Log);
        result
    }

    fn serve(&mut self, stop: &UnixStream, observer: &mut impl undersock::event::Observer) -> Result<()> {
        let mut leased = self.server.addresses().len();
        loop {
            let deadline = self.server.poll(self.now(), &mut self.tap, &mut self.service, observer);
            if let Some(error) = self.tap.error() {
                return Err(tap_failure(self.tap.name(), &error));
            }
            if self.server.addresses().len() != leased {
                leased = self.server.addresses().len();
                log::info!("addresses: {}", addresses(&self.server));
            }
            let timeout = match deadline {
                // The interface has no room: whatever is due must wait for it.
                _ if self.tap.blocked() => None,
                Some(at) if at <= self.now() => Some(Duration::ZERO),
                Some(at) => Some(at - self.now()),
                None => None,
            };
            let ready = self
                .tap
                .wait(timeout.map(Into::into), [stop.as_fd()])
                .map_err(|error| Failure::io("waiting for a frame", &error))?;
            if ready.others[0] {
                return Ok(());
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(i64::try_from(self.start.elapsed().as_micros()).unwrap_or(i64::MAX))
    }

    /// The lines with which a server says what it serves, and where.
    pub(crate) fn banner(&self) -> String {
        let Ports { udp, sentence, stream } = self.server.ports();
        let ports: Vec<String> = [("UDP", udp), ("TCP", sentence), ("TCP stream", stream)]
            .iter()
            .filter(|(_, port)| *port != 0)
            .map(|(name, port)| format!("{name} {port}"))
            .collect();
        format!("{} on {}, {}", addresses(&self.server), Mac(self.server.mac()), ports.join(", "))
    }

    /// One line of what was served, and of what was dropped if anything was.
    pub(crate) fn summary(&self) -> String {
        summary(self.server.counters())
    }
}

/// All but the link-local one, which follows from the MAC.
fn addresses(server: &Server<'_>) -> String {
    let is_global = |cidr: &&IpCidr| match cidr {
        IpCidr::Ipv4(_) => true,
        IpCidr::Ipv6(v6) => !v6.address().is_unicast_link_local(),
    };
    let addresses: Vec<String> = server.addresses().iter().filter(is_global).map(IpCidr::to_string).collect();
    if addresses.is_empty() { "no address yet (DHCP)".to_owned() } else { addresses.join(" and ") }
}

fn summary(counters: &Counters) -> String {
    let Counters { datagrams_out, datagrams_in, accepted, evicted, frames_in, frames_out, .. } = counters;
    let mut text = format!(
        "{datagrams_in} datagrams ({datagrams_out} answered), {accepted} connections ({evicted} given up), \
         {frames_in} frames in, {frames_out} out"
    );
    for (rule, count) in Drop::ALL.iter().zip(counters.dropped) {
        // What is for others passes by on every network.
        if count > 0 && *rule != Drop::NotForUs {
            text += &format!("; dropped {count}: {}", rule.text());
        }
    }
    text
}
