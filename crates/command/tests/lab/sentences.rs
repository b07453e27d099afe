use super::*;

#[test]
fn the_first_thing_that_anybody_types() {
    for words in [&[][..], &["lab"]] {
        let ran = run(undersock(words), SENTENCES.as_bytes());
        prints(&ran, REPLIES);
        for part in [
            "192.168.69.100/24 and fdaa::100/64, this computer's kernel, interface tap0",
            "192.168.69.1/24 and fdaa::1/64 on 02:00:00:00:00:01, UDP 12000, TCP 12000, TCP stream 12001",
            READY,
            "undersock lab --join",
        ] {
            assert!(ran.stderr.contains(part), "{part:?} is not said: {ran:?}");
        }
    }
}

#[test]
fn any_line_is_a_sentence() {
    let largest = "a".repeat(1472);
    let (read, unread) = largest.split_at(1024);
    let lines: [&[u8]; 5] = [read.as_bytes(), b"", b"nul \0 \xff\xc3 \xe2\x82", b"\xc3\xa9", b"last"];
    let replies: [&[u8]; 5] = [&[b'A'; 1024], b"", b"NUL \0 \xff\xc3 \xe2\x82", b"\xc3\x89", b"LAST"];
    let ran = run(undersock(["lab", "-v"]), &lines.join(&b'\n'));
    let twice = |reply: &[u8]| [b"UDP From Server: ", reply, b"\nTCP From Server: ", reply, b"\n"].concat();
    prints(&ran, replies.map(twice).concat());

    // The largest datagram that one frame carries. A TCP sentence is what one read takes, and that is less.
    let ran = run(undersock(["lab", "-v"]), largest.as_bytes());
    let (upper, read) = (largest.to_uppercase(), read.to_uppercase());
    prints(&ran, format!("UDP From Server: {upper}\nTCP From Server: {read}\n"));
    let said = format!("{} bytes: the server reads once, at most 1024", read.len() + unread.len());
    assert!(ran.stderr.contains(&said), "{ran:?}");
}

#[test]
fn a_reply_that_no_datagram_holds_is_not_sent_and_the_next_one_is() {
    // Each of these has two bytes, its upper case six.
    let large = "\u{390}".repeat(736);
    let client = this_command();
    let script = format!(
        "{client} udp --tries 1 --timeout 300ms 192.168.69.1 {large}; {client} udp 192.168.69.1 next"
    );
    let ran = in_lab(&["sh", "-c", &script], b"");
    prints(&ran, "NEXT\n");
    assert!(ran.stderr.contains("it is too large for a datagram"), "{ran:?}");
    assert!(
        ran.stderr.contains("waiting for 192.168.69.1:12000: no reply within 300ms, sent once"),
        "{ran:?}"
    );
}

#[test]
fn an_option_changes_the_lab_too() {
    let ran = run(undersock(["lab", "-v", "--text", "ascii", "--udp-port", "0"]), "straße\n".as_bytes());
    prints(&ran, "TCP From Server: STRAßE\n");
}
