//! What the emulated boards say on their consoles, and how they end.

use board_tests::machine::built;
use board_tests::{Machine, each_board, server_v4, sockets};
use boards::elf::Elf;

each_board!(
    the_boot_line_says_what_is_where,
    the_leased_address_is_said,
    the_formed_address_is_said,
    a_log_build_prints_the_timeline,
    a_panic_ends_with_101,
    a_fault_ends_with_102,
);

fn the_boot_line_says_what_is_where(board: &str) {
    let (mut machine, _wire) = Machine::on_wire(board, &[]);
    // To the line's end: the console is slow.
    machine.says(" bytes\r\n");
    let (_, elf) = built(board, &[]);
    let ram = Elf::read(&elf).expect("what was built").ram();
    let console = machine.console();
    let line = console.lines().next().expect("the boot line");
    assert_eq!(
        line.split_once(" of ").map(|(line, _)| line),
        Some(
            format!(
                "The server is ready to receive: {}/24 on 02:00:00:00:00:01, UDP 12000, TCP 12000, \
                 TCP stream 12001, board {board}, static RAM {ram}",
                server_v4()
            )
            .as_str()
        ),
        "{line}"
    );
}

fn the_leased_address_is_said(board: &str) {
    let (mut machine, _) = Machine::on_sockets(board, &["ipv6", "dhcp", "unicode"]);
    machine.says("receive: fdaa::1/64 and fe80::ff:fe00:1/64 on 02:00:00:00:00:01");
    machine.says("DHCP: the address is 192.168.69.15/24");
}

/// QEMU's own network has a router, too, which advertises fec0::/64.
fn the_formed_address_is_said(board: &str) {
    let (mut machine, _) = Machine::on_sockets(board, &["ipv6", "slaac"]);
    machine.says("receive: 192.168.69.1/24 and fe80::ff:fe00:1/64 on 02:00:00:00:00:01");
    machine.says("SLAAC: the address is fec0::ff:fe00:1/64");
}

fn a_log_build_prints_the_timeline(board: &str) {
    let (mut machine, ports) = Machine::on_sockets(board, &["log"]);
    assert_eq!(sockets::udp(ports.udp, b"hello"), b"HELLO");
    machine.says("server  udp recvfrom 192.168.69.100:");
    assert_eq!(sockets::tcp(ports.sentence, b"hello").expect("a reply"), b"HELLO");
    for line in
        ["S 0:0(0) win ", "LISTEN -> SYN-RECEIVED\r\n", "#0 accept ", "#0 recv 5 bytes\r\n", "#0 close\r\n"]
    {
        machine.says(line);
    }
}

/// Sends the processor to an address; a datagram wakes it there.
#[track_caller]
fn ends_at(board: &str, address: impl FnOnce(&Elf) -> u32) -> Option<i32> {
    let (_, elf) = built(board, &[]);
    let address = address(&Elf::read(&elf).expect("what was built"));
    let (mut machine, ports) = Machine::on_sockets(board, &[]);
    machine.go_to(address);
    // It is sent again until the board has ended, and then nobody answers.
    let reply = sockets::udp_while(ports.udp, b"wake up", || machine.runs());
    assert_eq!(reply, None, "it goes on");
    machine.exit_code()
}

fn a_panic_ends_with_101(board: &str) {
    let code = ends_at(board, |elf| elf.panic().expect("a function that panics"));
    assert_eq!(code, Some(101));
}

/// There is no memory at the highest addresses of these machines.
fn a_fault_ends_with_102(board: &str) {
    assert_eq!(ends_at(board, |_| 0xffff_fff0), Some(102));
}
