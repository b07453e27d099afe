//! Every view of a host whose frames are IP packets, with nothing before them.

use test_support::golden;
use test_support::world::raw::{Peer, udp};
use test_support::world::{World, client_v4, server_v4, server_v6, small};
use undersock::event::{Direction, Event, Fate, Frame, Observer, Trouble, Way};
use undersock::packet::Link;
use undersock::smoltcp::time::{Duration, Instant};
use undersock::smoltcp::wire::TcpControl;
use undersock_views::Side;
use undersock_views::explain::{Explain, Summary};
use undersock_views::fields::{Value, link_fields};
use undersock_views::json::json_lines;
use undersock_views::ladder::{Style, html, terminal};
use undersock_views::record::{Record, What};
use undersock_views::table::{SlotObserver, Table};
use undersock_views::timeline::Timeline;

/// A sentence over each protocol, and what no packet is.
fn records() -> Vec<Record> {
    let mut world = World::point_to_point(small());
    world.server.introduce(world.now, &mut world.history);
    world.udp(server_v6(), b"hello").unwrap();
    world.tcp(server_v4(), b"hello").unwrap();
    let mut world = world.raw();
    world.give(&[7; 9]);
    world.history.records()
}

/// The same as on Ethernet, but for ARP and NDP.
#[test]
fn timeline_and_ladder_show_packets() {
    let records = records();
    let told = undersock_views::timeline::timeline(&records);
    golden::check("timeline/ip-link", &told);
    let ladder = terminal(&records, Style::default());
    // Each frame once, from one end to the other.
    let arrows = |part: &str| ladder.lines().filter(|line| line.contains(part)).count();
    assert_eq!((arrows(" SYN seq=0"), arrows("UDP ")), (1, 2), "{ladder}");
    assert!(!ladder.contains("never arrived") && ladder.contains("not IP"), "{ladder}");
    let page = html(&records, "Packets", "");
    assert!(page.contains("a frame of 33 bytes") || page.contains("a frame of 53 bytes"), "{page}");
}

#[test]
fn json_says_which_link_it_is() {
    let mut text = String::new();
    json_lines(&records(), true, &mut text).unwrap();
    let frames: Vec<&str> = text.lines().filter(|line| line.contains("\"event\":\"frame\"")).collect();
    assert!(frames.len() > 10 && frames.iter().all(|line| line.contains(",\"link\":\"ip\",")), "{text}");
    let syn = frames.iter().find(|line| line.contains("\"flags\":\"S\"")).expect("a SYN");
    assert!(syn.contains("\"frame\":\"45000"), "{syn}");
}

#[test]
fn a_packet_is_explained_from_its_first_byte_on() {
    let frame = udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello");
    let packet = &frame[14..];
    let page = Explain::new(packet).with_link(Link::Ip).to_string();
    let expected = "33 bytes: udp 192.168.69.100:5000 > 192.168.69.1:12000 (5)\n\nIPv4, bytes 0 to 19\n";
    assert!(page.starts_with(expected) && page.contains("\nUDP, bytes 20 to 27\n"), "{page}");
    assert!(page.contains("\nPayload, bytes 28 to 32\n") && !page.contains("Ethernet"), "{page}");
    // Behind the packet.
    let longer = [packet, &[0; 3]].concat();
    let page = Explain::new(&longer).with_link(Link::Ip).to_string();
    assert!(page.contains("\nLeft over, bytes 33 to 35\n"), "{page}");
    // The fields are those of the Ethernet frame, 14 bytes earlier.
    let listed = |link: Link, bytes: &[u8]| {
        let mut list = Vec::new();
        link_fields(link, bytes, &mut |field| {
            let start = field.start + 8 * (14 - link.header());
            list.push((field.name, start, field.bits, field.value.to_string()));
        });
        list
    };
    let all = listed(Link::Ethernet, &frame);
    assert_eq!(all[3..], listed(Link::Ip, packet));
    for (bytes, said) in [(&[7; 9][..], "not IP"), (&[], "not IP"), (&[0x45, 0], "IPv4, cut off")] {
        assert_eq!(Summary::new(bytes).with_link(Link::Ip).to_string(), said);
    }
    assert_eq!(Value::Decimal(1).to_string(), "1");
}

/// What the wire does to packets, and the table's retransmissions.
#[test]
fn trouble_and_table_read_packets() {
    let syn = Peer::new(40_000).segment(TcpControl::Syn, b"");
    let mut text = Timeline::new(String::new());
    let trouble = Trouble::new(Direction::In, Fate::Lost, &syn[14..]).with_link(Link::Ip);
    text.event(Instant::ZERO, &Event::Trouble(trouble));
    let text = text.into_inner();
    assert!(text.contains("lost: tcp 192.168.69.100:40000 > 192.168.69.1:12000 S "), "{text}");

    let mut world = World::point_to_point(small()).raw();
    let mut slots = SlotObserver::owned(4);
    let mut peer = Peer::new(40_000);
    world.give(&peer.segment(TcpControl::Syn, b"")[14..]);
    world.pass(Duration::from_secs(2));
    for Record { at, what, .. } in world.history.records() {
        if let Some(event) = what.event() {
            slots.event(at, &event);
        }
    }
    assert!(slots.again(0).is_some_and(|again| again > 0), "{}", world.history.timeline());
    let table = Table::new(&world.server, world.now).with(&slots).to_string();
    assert!(table.contains("192.168.69.100:40000"), "{table}");
}

/// A frame's damage is found where the packet is.
#[test]
fn a_damaged_packet_is_shown_as_one() {
    let mut frame = udp((client_v4(), 5_000), (server_v4(), 12_000), b"hello");
    frame[45] ^= 1;
    let event = Event::Frame(Frame::new(Way::Common, &frame[14..]).with_link(Link::Ip));
    let mut text = Timeline::new(String::new());
    text.event(Instant::ZERO, &event);
    assert!(text.into_inner().contains("wrong UDP checksum"));
    let what = What::from(&event);
    assert_eq!(what.event(), Some(event));
    let record = Record { at: Instant::ZERO, end: Side::Server, what };
    assert!(terminal(&[record], Style::default()).contains("wrong UDP checksum"));
}
