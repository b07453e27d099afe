//! The client on a link in virtual time, with servers that say what a test wants.

use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use super::super::*;
use crate::packet::dhcp::{ACK, DECLINE, DISCOVER, NAK, OFFER, REQUEST};
use crate::packet::{Shape, Tlv, ipv4, ipv4_at, u16_at, u32_at, udp};

pub(super) const MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x01]);
pub(super) const STATION: Mac = Mac([0x02, 0, 0, 0, 0, 0x64]);
pub(super) const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);
pub(super) const RIVAL: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 200);
pub(super) const LEASED: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 77);
pub(super) const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 254);
pub(super) const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
pub(super) const HOUR: u32 = 3_600;

/// A message of the client, as a server reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    pub(super) kind: u8,
    pub(super) transaction: u32,
    pub(super) seconds: u16,
    pub(super) client: Ipv4Addr,
    pub(super) requested: Option<Ipv4Addr>,
    pub(super) server: Option<Ipv4Addr>,
}

/// Reads an IP packet of the client's, and checks what all have in common.
pub(super) fn asked(packet: &[u8], state: State) -> Asked {
    let ip = ipv4::Header::new(packet).expect("an IPv4 packet");
    assert_eq!((ip.length(), ip.total_length(), ip.protocol()), (20, packet.len(), 17));
    let datagram = &packet[20..];
    let header = udp::Header::new(datagram).expect("a datagram");
    assert_eq!((header.source_port(), header.destination_port()), (68, 67));
    assert_eq!(header.length(), datagram.len());
    let message = &datagram[8..];
    assert_eq!(message[..4], [1, 1, 6, 0]);
    assert_eq!(u16_at(message, 10), Some(0), "flags");
    assert_eq!(message[12..28].iter().skip(4).filter(|byte| **byte != 0).count(), 0);
    assert_eq!(message[28..44], [2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let options: Vec<_> = Tlv::new(Shape::Dhcp, &message[240..]).collect();
    assert!(options.iter().all(|option| option.wrong.is_none()), "{options:?}");
    assert_eq!(options.last().map(|option| option.kind), Some(255));
    let option = |kind| options.iter().find(|option| option.kind == kind).map(|option| option.data);
    assert_eq!(option(61), Some(&[1, 2, 0, 0, 0, 0, 1][..]));
    let kind = dhcp::message_type(message).expect("a kind");
    // RFC 2131, table 5: what is asked for in which state.
    assert_eq!(option(55), (kind != DECLINE).then_some(&[1, 3, 51, 58, 59][..]));
    let client = ipv4_at(message, 12).expect("ciaddr");
    assert_eq!(ip.source(), client);
    assert_eq!(ip.destination(), if state == State::Renewing { SERVER } else { Ipv4Addr::BROADCAST });
    Asked {
        kind,
        transaction: u32_at(message, 4).expect("xid"),
        seconds: u16_at(message, 8).expect("secs"),
        client,
        requested: option(50).map(|data| ipv4_at(data, 0).expect("four bytes")),
        server: option(54).map(|data| ipv4_at(data, 0).expect("four bytes")),
    }
}

/// A server's answer, to be made as it is wanted.
#[derive(Clone)]
pub(super) struct Says {
    pub(super) kind: u8,
    pub(super) address: Ipv4Addr,
    pub(super) server: Ipv4Addr,
    pub(super) options: Vec<(u8, Vec<u8>)>,
}

impl Says {
    pub(super) fn new(kind: u8) -> Self {
        Says { kind, address: if kind == NAK { NOBODY } else { LEASED }, server: SERVER, options: Vec::new() }
    }

    /// With mask, router and lease time, as servers say them.
    pub(super) fn usual(kind: u8, lease: u32) -> Self {
        Says::new(kind).option(1, &[255, 255, 255, 0]).option(3, &ROUTER.octets()).seconds(51, lease)
    }

    pub(super) fn from(mut self, server: Ipv4Addr) -> Self {
        self.server = server;
        self
    }

    pub(super) fn address(mut self, address: [u8; 4]) -> Self {
        self.address = address.into();
        self
    }

    pub(super) fn option(mut self, kind: u8, data: &[u8]) -> Self {
        self.options.push((kind, data.into()));
        self
    }

    pub(super) fn seconds(self, kind: u8, seconds: u32) -> Self {
        self.option(kind, &seconds.to_be_bytes())
    }

    pub(super) fn message(&self, transaction: u32) -> Vec<u8> {
        let mut message = std::vec![0; 240];
        message[..3].copy_from_slice(&[2, 1, 6]);
        message[4..8].copy_from_slice(&transaction.to_be_bytes());
        message[16..20].copy_from_slice(&self.address.octets());
        message[28..34].copy_from_slice(&MAC.0);
        message[236..].copy_from_slice(&dhcp::COOKIE);
        message.extend([53, 1, self.kind]);
        if self.server != NOBODY {
            message.extend([54, 4]);
            message.extend(self.server.octets());
        }
        for (kind, data) in &self.options {
            message.extend([*kind, data.len() as u8]);
            message.extend(data);
        }
        message.push(255);
        message
    }
}

/// The client on a link, in virtual time, and what came of it.
pub(super) struct Link {
    pub(super) dhcp: Dhcp,
    pub(super) now: Instant,
    /// The instants in milliseconds, and what was sent.
    pub(super) trace: Vec<(i64, String)>,
    pub(super) last: Option<Asked>,
}

impl Link {
    pub(super) fn new() -> Self {
        Link::seeded(7)
    }

    pub(super) fn seeded(seed: u64) -> Self {
        Link { dhcp: Dhcp::new(MAC, seed, Instant::ZERO), now: Instant::ZERO, trace: Vec::new(), last: None }
    }

    /// Lets time go on, with a server that answers at once.
    pub(super) fn run(&mut self, until: u32, mut server: impl FnMut(&Asked) -> Vec<Says>) {
        let until = Instant::from_secs(until);
        while self.dhcp.deadline() <= until {
            self.now = self.now.max(self.dhcp.deadline());
            let Some(outgoing) = self.dhcp.due(self.now) else { continue };
            let state = self.dhcp.state;
            let (what, asked) = match outgoing {
                Outgoing::Probe(address) => (format!("probe {address}"), None),
                Outgoing::Message(to) => {
                    assert_eq!(to, if state == State::Renewing { STATION } else { Mac::BROADCAST });
                    let mut packet = [0xee; dhcp::QUESTION_PACKET];
                    self.dhcp.write(&mut packet);
                    let asked = asked(&packet, state);
                    let name = match (asked.kind, state) {
                        (DISCOVER, _) => "discover",
                        (DECLINE, _) => "decline",
                        (REQUEST, State::Requesting) => "request",
                        (REQUEST, State::Renewing) => "renew",
                        (REQUEST, State::Rebinding) => "rebind",
                        (REQUEST, State::Rebooting) => "reboot",
                        other => panic!("{other:?}"),
                    };
                    // RFC 2131, table 5.
                    let (address, chosen) = (Some(LEASED), Some(SERVER));
                    let (client, requested, server) = match name {
                        "discover" => (NOBODY, None, None),
                        "request" | "decline" => (NOBODY, address, chosen),
                        "reboot" => (NOBODY, address, None),
                        _ => (LEASED, None, None),
                    };
                    assert_eq!(
                        (asked.client, asked.requested, asked.server),
                        (client, requested, server),
                        "{name}"
                    );
                    (name.to_string(), Some(asked))
                }
            };
            self.trace.push((self.now.total_millis(), what));
            self.dhcp.transmitted(self.now);
            assert!(self.dhcp.deadline() > self.now || self.trace.len() < 10_000, "{:?}", self.trace);
            if let Some(asked) = asked {
                self.last = Some(asked);
                for says in server(&asked) {
                    self.hear(&says);
                }
            }
        }
        self.now = until;
    }

    /// An ARP packet comes.
    pub(super) fn arp(&mut self, mac: Mac, sender: Ipv4Addr, target: Ipv4Addr) {
        let mut frame = [0; arp::FRAME];
        arp::request(&mut frame, (mac, sender), target);
        let packet = arp::Packet::new(&frame[14..]).expect("a packet");
        self.dhcp.arp(&packet, self.now);
    }

    pub(super) fn hear(&mut self, says: &Says) {
        let transaction = self.last.expect("a question").transaction;
        self.dhcp.receive(&says.message(transaction), STATION, self.now);
    }

    /// The address is in use a few seconds after the start.
    pub(super) fn bound(lease: u32) -> Self {
        let mut link = Link::new();
        link.run(6, life(lease));
        assert_eq!(link.dhcp.lease(), Some(leased()), "{:?}", link.trace);
        assert!(link.dhcp.changed());
        link.run(10, life(lease));
        link.trace.clear();
        link
    }

    /// What was sent, without the instants.
    pub(super) fn names(&self) -> Vec<&str> {
        self.trace.iter().map(|(_, what)| what.as_str()).collect()
    }

    /// When that was sent, in milliseconds.
    pub(super) fn times(&self, name: &str) -> Vec<i64> {
        self.trace.iter().filter(|(_, what)| what == name).map(|(at, _)| *at).collect()
    }
}

/// A server that works.
pub(super) fn life(lease: u32) -> impl FnMut(&Asked) -> Vec<Says> {
    move |asked| match asked.kind {
        DISCOVER => [Says::usual(OFFER, lease)].into(),
        REQUEST => [Says::usual(ACK, lease)].into(),
        _ => Vec::new(),
    }
}

pub(super) fn silence(_: &Asked) -> Vec<Says> {
    Vec::new()
}

pub(super) fn leased() -> Lease {
    Lease { address: Ipv4Cidr::new(LEASED, 24), router: ROUTER }
}

/// Each is so much after the one before, in milliseconds, one second more or less.
pub(super) fn assert_gaps(times: &[i64], gaps: &[i64]) {
    let found: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(found.len(), gaps.len(), "{times:?}");
    assert!(found.iter().zip(gaps).all(|(found, gap)| (found - gap).abs() <= 1_000), "{times:?}");
}
