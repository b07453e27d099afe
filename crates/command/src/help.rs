//! What `--help` prints: no line longer than 80 columns, defaults shown, examples last.

/// What there is help for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Topic {
    All,
    Lab,
    Serve,
    Udp,
    Tcp,
    Check,
}

impl Topic {
    pub(crate) const COMMANDS: [Topic; 5] = [Topic::Lab, Topic::Serve, Topic::Udp, Topic::Tcp, Topic::Check];

    /// The command's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Topic::All => "undersock",
            Topic::Lab => "lab",
            Topic::Serve => "serve",
            Topic::Udp => "udp",
            Topic::Tcp => "tcp",
            Topic::Check => "check",
        }
    }
}

/// The text for a topic.
pub(crate) fn text(topic: Topic) -> String {
    match topic {
        Topic::All => [ALL, COMMON, ALL_EXAMPLES].concat(),
        Topic::Lab => [LAB, SERVER, WATCH, TROUBLE, COMMON, LAB_EXAMPLES].concat(),
        Topic::Serve => [SERVE, SERVER, WATCH, TROUBLE, COMMON, SERVE_EXAMPLES].concat(),
        Topic::Udp => [UDP, COMMON, UDP_EXAMPLES].concat(),
        Topic::Tcp => [TCP, COMMON, TCP_EXAMPLES].concat(),
        Topic::Check => [CHECK, COMMON, CHECK_EXAMPLES].concat(),
    }
}

/// The text for `--version`.
pub(crate) const VERSION: &str = concat!("undersock ", env!("CARGO_PKG_VERSION"), "\n");

const COMMON: &str = "
Options of every command:
      --log LEVEL       error, warn, info, debug or trace      [default: info]
  -v, --verbose         the same as --log debug
  -h, --help            help, on the command where one is named
  -V, --version         the version
";

const ALL: &str = "\
The networking textbook's uppercase server, on a TCP/IP stack that you can open.

Usage: undersock [COMMAND] [OPTIONS]

Commands:
  lab      a private network with the server in it: no root, no set-up [default]
  serve    the server on a TAP or TUN interface (Linux)
  udp      the textbook's UDP client
  tcp      the textbook's TCP client; and a file, through the stream port
  check    what is missing on this machine, and the command that mends it
  help     this text, or with a name the command's

`undersock COMMAND --help` lists a command's options.
";

const ALL_EXAMPLES: &str = "
Examples:
  undersock                                 make the lab and ask for a sentence
  printf 'hello\\n' | undersock              the same, for scripts
  undersock lab -- ping -c1 192.168.69.1    run a program in the lab
  undersock lab --list                      small scenes to play and to explain
  undersock serve --tap tap0                serve on an interface
  undersock udp 192.168.69.1 hello          send a datagram, print the reply
  undersock tcp localhost:12000 hello       send a sentence over TCP

Results go to standard output, everything else to standard error. NO_COLOR is
honoured. Exit status: 0 done, 1 failed, 2 wrong usage, 141 nobody reads the
output; with lab -- PROGRAM the program's own.
";

const LAB: &str = "\
A private network: the server on one side, this computer's kernel on the other.
Asks for sentences and sends each over UDP and over TCP; standard input that is
no terminal is read line by line. Or runs a program in that network instead.

Usage: undersock [lab] [OPTIONS] [-- PROGRAM [ARGUMENT...]]

The kernel's side is 192.168.69.100 and fdaa::100, the server's 192.168.69.1 and
fdaa::1. The exit status is the program's, or 128 + n when signal n ended it.

Options:
      --join[=PID]      enter the lab that is running (in which process PID is)
      --board FILE      firmware, an ELF file, on an emulated board as the
                        server, none of whose options apply; its console is
                        shown on standard error
      --machine NAME    the board: mps2-an385, lm3s6965evb or riscv32-virt
                                    [default: what the firmware says]
      --show WHAT       what follows each reply: ladder, timeline or nothing
                                    [default: a ladder, if it is a terminal]
      --list            the scenarios: small scenes with a question each
      --scenario NAME   one of them, in virtual time, with its answer
";

const SERVE: &str = "\
The server on a TAP or TUN interface, an existing one or a new one. UDP, and TCP
in sentence mode: read once, reply in upper case, close. TCP in stream mode:
every byte, until the client closes its side.

Usage: undersock serve [OPTIONS]

Options:
      --tap NAME        the interface                          [default: tap0]
      --tun NAME        a TUN interface in its place: IP packets, no Ethernet
      --address CIDR    an address and its network; again for more, 5 at most,
                        with the IPv6 link-local one that follows from the MAC
                                    [default: 192.168.69.1/24 and fdaa::1/64]
      --gateway IP      the router; again for the other IP version [default:
                        192.168.69.100 and fdaa::100, where they are in the
                        server's networks]
      --replies-via-gateway
                        send answers for hosts off the link to the gateway, not
                        where the question came from
      --dhcp            take the IPv4 address and the router from DHCP, in place
                        of the default network; IPv6 then needs an --address
                        or --slaac
      --slaac           form IPv6 addresses from the prefixes that a router
                        advertises, and take the router from there too, in place
                        of the default network; IPv4 then needs an --address or
                        --dhcp
";

const SERVER: &str = "
Options of the server:
      --mac MAC           its Ethernet address    [default: 02:00:00:00:00:01]
      --udp-port N        for datagrams; 0: none              [default: 12000]
      --sentence-port N   for TCP, sentence mode; 0: none     [default: 12000]
      --stream-port N     for TCP, stream mode; 0: none       [default: 12001]
      --text MODE         unicode, as Python's str.upper(), or ascii
                                                            [default: unicode]
      --slots N           connections at once                    [default: 64]
      --buffer BYTES      each way, each connection; 4k to 16M  [default: 64k]
      --half-open TIME    give up a handshake after              [default: 5s]
      --idle TIME         ... a connection with nothing to send [default: 60s]
      --stalled TIME      ... one whose client takes nothing    [default: 20s]
      --closing TIME      ... one that is being closed          [default: 10s]
      --no-recovery       repeat what is lost by a timer of a second alone, to
                          see what TCP does without SACK, RACK and probes
  A TIME has its unit: 500ms, 5s, 2m, 1h. When every slot is taken and a client
  waits, a handshake has 1s, and others that make no progress have 3s.
";

const WATCH: &str = "
To see what happens:
      --trace             a line for each call, state, frame and timer
      --explain           every frame's headers, field by field
      --capture FILE      a pcapng file for Wireshark, calls and states as
                          comments beside the frames. It takes UDP port 12000
                          for LLC: Decode As..., UDP port 12000, Data; or
                          tshark -d udp.port==12000,data
      --ladder FILE       at the end, the last events as a ladder: .svg, .html
                          or .txt; ...states.svg: the TCP states instead
      --events FILE       every event as JSON, one a line (docs/events.md)
  kill -USR1 has it print the table of connections, and its counters.
";

const TROUBLE: &str = "
Trouble on the wire, each for both directions, or with in: or out: before the
value for one; the same --seed makes the same trouble:
      --loss SHARE        frames that never arrive: 5%, 1/20
      --duplicate SHARE   ... that arrive twice
      --corrupt SHARE     ... that arrive with one bit inverted
      --reorder SHARE     ... that later ones overtake
      --delay TIME        how long a frame is under way: 20ms, 20ms+-5ms
      --rate RATE         how fast frames leave: 1Mbit/s
      --trouble RULE      one event: 'drop the 2nd SYN-ACK', 'drop the first
                          data segment', 'delay the FIN by 3 s', 'duplicate
                          datagram 2', 'drop frames over 576 bytes'
      --seed N                                                   [default: 0]
";

const LAB_EXAMPLES: &str = "
Examples:
  undersock
  printf 'hello\\nstra\u{df}e\\n' | undersock lab
  undersock lab -- ping -c1 192.168.69.1
  undersock lab -- python3 TCPClient.py
  undersock lab -v --slots 4 -- bash
  undersock lab --join
  undersock lab --scenario lost-syn-ack
  undersock lab --capture lab.pcapng --trouble 'drop the first data segment'
  undersock lab --board firmware.elf -- ping -c1 192.168.69.1
";

const SERVE_EXAMPLES: &str = "
Examples:
  undersock serve
  undersock serve --tap tap7 --address 10.0.0.2/24 --gateway 10.0.0.1
  undersock serve --dhcp --slaac --mac 02:00:00:00:00:2a
  undersock serve --tun tun0
  undersock serve -v --slots 4 --buffer 16k --idle 5m
";

const UDP: &str = "\
The textbook's UDP client: a sentence goes as one datagram, and the reply is
printed. Names are resolved by the system.

Usage: undersock udp [OPTIONS] [HOST[:PORT]] [SENTENCE]

Arguments:
  HOST[:PORT]           the server; [::1]:12000 for IPv6, fe80::1%eth0 for a
                        link-local address        [default: 192.168.69.1:12000]
  SENTENCE              what to send; after -- if it begins with a hyphen.
                        Without it a terminal is asked for one; else each line
                        of standard input is one, until the first that fails

Options:
      --timeout TIME    wait for a reply so long, each time: 500ms, 5s, 2m
                                                                [default: 5s]
      --tries N         send N times at most; each time but the first is
                        reported                                 [default: 3]

A terminal's reply begins with \"From Server:\"; otherwise there is one reply a
line and nothing else. The server drops IP fragments, so 1472 bytes (IPv6: 1452)
are the most that it answers.
";

const UDP_EXAMPLES: &str = "
Examples:
  undersock udp
  undersock udp 192.168.69.1 'input lowercase sentence'
  undersock udp '[fdaa::1]:12000' hello
  undersock udp localhost --timeout 500ms --tries 5 < sentences.txt
";

const TCP: &str = "\
The textbook's TCP client: one connection a sentence, and the reply is printed.
With --stream, a file instead, through the port that upper-cases every byte.

Usage: undersock tcp [OPTIONS] [HOST[:PORT]] [SENTENCE]
       undersock tcp [OPTIONS] [HOST[:PORT]] --stream FILE

Arguments:
  HOST[:PORT]           the server; [::1]:12000 for IPv6, fe80::1%eth0 for a
                        link-local address        [default: 192.168.69.1:12000]
  SENTENCE              what to send; after -- if it begins with a hyphen.
                        Without it a terminal is asked for one; else each line
                        of standard input is one, until the first that fails

Options:
      --timeout TIME    wait so long for the connection, and for the reply:
                        500ms, 5s, 2m; with --stream, wait so long while
                        nothing moves                           [default: 5s]
      --stream FILE     send a file, or standard input if it is -, to port 12001
                        and write what returns to standard output

A terminal's reply begins with \"From Server:\"; otherwise there is one reply a
line and nothing else. The server reads a sentence once, 1024 bytes at most.
--stream shows its progress on a terminal.
";

const TCP_EXAMPLES: &str = "
Examples:
  undersock tcp
  undersock tcp 192.168.69.1 'input lowercase sentence'
  undersock tcp fe80::1%eth0 hello
  undersock tcp 192.168.69.1 --stream book.txt > BOOK.TXT
  seq 1000 | undersock tcp --stream - | tail
";

const CHECK: &str = "\
Looks for what `serve` and `lab` need: TUN device, interface, addresses,
namespaces. Each thing that is missing comes with the command that mends it.

Usage: undersock check [OPTIONS]

Options:
      --tap NAME        the interface to serve on; without it, only what the lab
                        needs is looked for
      --tun NAME        a TUN interface in its place
      --address CIDR    the server's address, as for serve
                                    [default: 192.168.69.1/24 and fdaa::1/64]
";

const CHECK_EXAMPLES: &str = "
Examples:
  undersock check
  undersock check --tap tap7 --address 10.0.0.2/24
  undersock check --tun tun0
";
