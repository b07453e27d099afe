//! Frames as tshark sees them: a capture file, tshark over it, and the fields that it prints.
#![allow(dead_code, unreachable_pub, reason = "no test file uses all of it, and each has it as a module")]

pub mod build;
pub mod exchanges;
pub mod odd;
mod pdml;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub use pdml::{Packet, Shown};

/// A directory of the test's own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Self {
        let name = format!("undersock-{}-{:?}", std::process::id(), std::thread::current().id());
        let path = std::env::temp_dir().join(name.replace(['(', ')'], ""));
        fs::create_dir_all(&path).expect("a temporary directory");
        Directory(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The protocols that the decoder knows. tshark may decode no other, or it would take a payload for what it isn't.
const PROTOCOLS: &[&str] = &[
    "arp",
    "data",
    "dhcp",
    "eth",
    "ethertype",
    "frame",
    "icmp",
    "icmpv6",
    "ieee8021ad",
    "ip",
    "ipv6",
    "ipv6.dstopts",
    "ipv6.fraghdr",
    "ipv6.hopopts",
    "ipv6.routing",
    "llc",
    "tcp",
    "udp",
    "vlan",
    "_ws.malformed",
    "_ws.short",
    "_ws.expert",
    "_ws.unreassembled",
    "_ws.lua",
    "_ws.number_string.decoding_error",
    "_ws.string",
    "_ws.type_length",
];

/// What tshark would otherwise do to help: put together what was cut up, count from zero, guess at an FCS.
const PREFERENCES: &[&str] = &[
    "ip.check_checksum:TRUE",
    "ip.defragment:FALSE",
    "ipv6.defragment:FALSE",
    "tcp.analyze_sequence_numbers:FALSE",
    "tcp.check_checksum:TRUE",
    "tcp.desegment_tcp_streams:FALSE",
    "tcp.relative_sequence_numbers:FALSE",
    "udp.check_checksum:TRUE",
    "eth.fcs:Never",
];

/// What tshark shows of each of these frames.
pub fn dissected(frames: &[Vec<u8>]) -> Vec<Packet> {
    let directory = Directory::new();
    let capture = directory.0.join("frames.pcap");
    fs::write(&capture, pcap(frames)).expect("a capture file");
    let disabled: String = protocols(&directory.0).iter().map(|name| format!("{name}\n")).collect();
    fs::write(directory.0.join("disabled_protos"), disabled).expect("a configuration file");
    let mut tshark = tshark(&directory.0);
    tshark.args(["-n", "-T", "pdml", "-r"]).arg(&capture);
    // By its number the textbook's port is IBM's Enterprise Extender: LLC in UDP.
    tshark.args(["-d", "udp.port==12000-12004,data"]);
    PREFERENCES.iter().for_each(|preference| {
        tshark.args(["-o", preference]);
    });
    let packets = pdml::packets(&output(tshark));
    assert_eq!(packets.len(), frames.len(), "tshark shows every frame");
    packets
}

/// All of tshark's protocols but those that the decoder knows.
fn protocols(configuration: &Path) -> BTreeSet<String> {
    let mut tshark = tshark(configuration);
    tshark.args(["-G", "protocols"]);
    let names = output(tshark);
    let names = names.lines().filter_map(|line| line.split('\t').nth(2));
    names.filter(|name| !PROTOCOLS.contains(name)).map(ToString::to_string).collect()
}

fn tshark(configuration: &Path) -> Command {
    let mut command = Command::new("tshark");
    command.env("WIRESHARK_CONFIG_DIR", configuration).env("LC_ALL", "C.UTF-8");
    command
}

fn output(mut command: Command) -> String {
    let output = command.output();
    let Output { status, stdout, stderr } = output
        .unwrap_or_else(|error| panic!("this test needs tshark ({error}): sudo apt-get install tshark"));
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("tshark writes UTF-8")
}

/// A capture file in the format that every program reads: a header, then each frame behind its own.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    const MAGIC: u32 = 0xa1b2_c3d4;
    const VERSION: [u16; 2] = [2, 4];
    const LONGEST: u32 = 262_144;
    const ETHERNET: u32 = 1;
    let mut file = Vec::new();
    file.extend(MAGIC.to_le_bytes());
    VERSION.iter().for_each(|number| file.extend(number.to_le_bytes()));
    // Time zone and accuracy: neither is used.
    file.extend([0; 8]);
    file.extend(LONGEST.to_le_bytes());
    file.extend(ETHERNET.to_le_bytes());
    for (number, frame) in frames.iter().enumerate() {
        let length = frame.len() as u32;
        [number as u32, 0, length, length].iter().for_each(|field| file.extend(field.to_le_bytes()));
        file.extend(frame);
    }
    file
}
