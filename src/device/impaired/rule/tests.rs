use smoltcp::time::Duration;

use super::*;

fn read(text: &str) -> Rule {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// What a text means is shown by what it is written as.
fn means(text: &str, canonical: &str) {
    assert_eq!(std::format!("{}", read(text)), canonical, "{text}");
}

#[test]
fn a_rule_is_read_as_it_is_written_whatever_it_says() {
    let verbs = [
        Verb::Drop,
        Verb::Duplicate,
        Verb::Corrupt,
        Verb::Delay(Duration::from_secs(3)),
        Verb::Delay(Duration::from_millis(20)),
        Verb::Delay(Duration::from_micros(1_500)),
    ];
    let which = [(1, 1), (2, 2), (3, 3), (4, 4), (11, 11), (22, 22), (1, 3), (7, u32::MAX)];
    let which = which.map(|(first, last)| Which::Numbered { first, last }).into_iter();
    let which = which.chain([1, 2, 3, 113].map(Which::Every));
    let mut count = 0;
    for which in which {
        for verb in verbs {
            for kind in FrameKind::ALL {
                for direction in [None, Some(Direction::In), Some(Direction::Out)] {
                    for over in [None, Some(0), Some(576)] {
                        let rule = Rule { verb, which, kind, direction, over };
                        assert_eq!(read(&std::format!("{rule}")), rule, "{rule}");
                        count += 1;
                    }
                }
            }
        }
    }
    assert_eq!(count, 12 * 6 * 16 * 3 * 3);
}

#[test]
fn rules_are_read_as_people_say_them() {
    for (text, canonical) in [
        ("drop the 2nd SYN-ACK", "drop the 2nd SYN-ACK"),
        ("drop the first data segment", "drop the 1st data segment"),
        ("delay the FIN by 3 s", "delay the 1st FIN by 3 s"),
        ("duplicate datagram 2", "duplicate the 2nd datagram"),
        ("corrupt the first ACK", "corrupt the 1st ACK"),
        ("drop syn 1-3", "drop SYN 1-3"),
        ("drop every SYN", "drop every SYN"),
        ("drop frames over 576 bytes", "drop every frame over 576 bytes"),
        ("Lose the SYN.", "drop the 1st SYN"),
        ("drop SYNs", "drop every SYN"),
        ("drop the first 3 SYNs", "drop SYN 1-3"),
        ("drop the first two SYN segments", "drop SYN 1-2"),
        ("drop syn ack #2", "drop the 2nd SYN-ACK"),
        ("drop the SYN/ACK", "drop the 1st SYN-ACK"),
        ("discard the 2nd to 4th data segments of the server", "drop data segment 2-4 from the server"),
        ("drop data 2 to 4 to the client", "drop data segment 2-4 from the server"),
        ("drop data segment 2 to the server", "drop the 2nd data segment from the client"),
        ("damage every 3rd packet from client", "corrupt every 3rd packet from the client"),
        ("hold back the server's first FIN for 250ms", "delay the 1st FIN from the server by 250 ms"),
        ("delay the client’s third ack by 0.5 s", "delay the 3rd ACK from the client by 500 ms"),
        ("delay the fin the server sends by 3s", "delay the 1st FIN from the server by 3 s"),
        ("delay the RST sent by the client by 1 min", "delay the 1st RST from the client by 60 s"),
        ("repeat each incoming UDP datagram", "duplicate every datagram from the client"),
        ("drop ARP", "drop the 1st ARP"),
        ("drop the second ARP request", "drop the 2nd ARP request"),
        ("drop all arp replies", "drop every ARP reply"),
        ("drop the first NS", "drop the 1st neighbour solicitation"),
        ("drop the first neighbor advertisement", "drop the 1st neighbour advertisement"),
        ("drop every NA", "drop every neighbour advertisement"),
        ("drop the 2nd ICMP message", "drop the 2nd ICMP"),
        ("drop out packets larger than 1400", "drop every packet from the server over 1400 bytes"),
        ("drop everything over 600 bytes", "drop every frame over 600 bytes"),
        ("drop TCP segment 5", "drop the 5th segment"),
        ("drop the FIN segment", "drop the 1st FIN"),
        ("drop the pure ACK", "drop the 1st ACK"),
        ("drop resets", "drop every RST"),
    ] {
        means(text, canonical);
    }
}

#[test]
fn what_is_no_rule_says_why_and_shows_a_right_one() {
    for (text, why) in [
        ("", "nothing is to happen"),
        ("  ", "nothing is to happen"),
        ("the 2nd SYN", "'the' is none of drop, duplicate, corrupt and delay, which come first"),
        ("drip the SYN", "'drip' is none of drop, duplicate, corrupt and delay, which come first"),
        (
            "drop the 2nd",
            "what kind of frame? SYN, SYN-ACK, ACK, data segment, FIN, RST, datagram, ARP, NS, NA, ICMP, packet, frame",
        ),
        ("drop the 2nd SIN", "'SIN' means nothing here"),
        ("drop SYN ACK FIN", "'FIN' says once more what has been said"),
        ("drop the first 2nd SYN 3", "'3' says once more what has been said"),
        ("drop the client's SYN from the client", "'from' says once more what has been said"),
        ("drop SYN 0", "'0' is not a number from 1 on, or a range of them"),
        ("drop SYN 3-1", "'3-1' is not a number from 1 on, or a range of them"),
        ("drop SYN 3rd to 1st", "'1st' is not a number from 1 on, or a range of them"),
        ("drop SYN 99999999999", "'99999999999' is not a number from 1 on, or a range of them"),
        ("drop the 2rd_ SYN", "'2rd_' is not a number from 1 on, or a range of them"),
        ("drop the last ACK", "nobody knows yet which is the last"),
        ("drop the SYN from Bob", "from whom? the client or the server"),
        ("drop the SYN from", "from whom? the client or the server"),
        ("delay the FIN", "by how long?"),
        ("delay the FIN by", "by how long?"),
        ("delay the FIN by 3", "'3' is not a duration of up to 24 h with a unit (us, ms, s or min)"),
        (
            "delay the FIN by 3 moons",
            "'3 moons' is not a duration of up to 24 h with a unit (us, ms, s or min)",
        ),
        (
            "delay the FIN by 25000min",
            "'25000min' is not a duration of up to 24 h with a unit (us, ms, s or min)",
        ),
        ("delay the FIN by 0 s", "'0' is not a duration of up to 24 h with a unit (us, ms, s or min)"),
        ("drop the FIN by 3 s", "only a delay takes a time"),
        ("drop frames over", "over how many bytes?"),
        ("drop frames over many", "'many' is not a number from 1 on, or a range of them"),
        ("drop frames over 3kg", "'3kg' is not a number from 1 on, or a range of them"),
        ("drop the \u{7}SYN", "'\\u{7}SYN' means nothing here"),
        (
            "drop a-word-that-is-so-long-that-nobody-wants-to-read-it",
            "'a-word-that-is-so-long-that-nobo...' means nothing here",
        ),
    ] {
        let error = text.parse::<Rule>().expect_err(text);
        assert_eq!(std::format!("{error}"), why, "{text}");
        assert!(error.right().parse::<Rule>().is_ok(), "{}", error.right());
    }
    assert!(Rule::EXAMPLE.parse::<Rule>().is_ok());
}

/// Every sequence of up to four of these words is a rule or an error, never a panic; a rule is read again as written.
#[test]
fn any_words_in_any_order_do_no_harm() {
    let words = [
        "drop", "delay", "the", "first", "2nd", "1-3", "every", "to", "from", "client", "server's", "over",
        "576", "by", "3", "s", "SYN", "ack", "data", "segments", "last", "-", "é", "#", "more", "than", "'",
        "0",
    ];
    let mut rules = 0;
    let mut text = std::string::String::new();
    for indices in 0..words.len().pow(4) {
        text.clear();
        let mut rest = indices;
        for _ in 0..4 {
            text.push_str(words[rest % words.len()]);
            text.push(' ');
            rest /= words.len();
        }
        if let Ok(rule) = text.parse::<Rule>() {
            assert_eq!(read(&std::format!("{rule}")), rule, "{text}");
            rules += 1;
        }
    }
    assert!(rules > 1_000, "{rules}");
}
