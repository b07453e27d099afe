use super::*;

#[test]
fn every_accept_reply_and_close_is_a_line() {
    alone("log::every_accept_reply_and_close_is_a_line", || {
        recipe();
        let server = serve("");
        for sentence in ["one", "three", "sixteen"] {
            answers(&format!("tcp 192.168.69.1 {sentence}"), &sentence.to_uppercase());
            answers(&format!("udp fdaa::1 {sentence}"), &sentence.to_uppercase());
        }
        let ran = stop(server);
        let lines = |call: &str| {
            let lines = ran.stderr.lines().filter_map(|line| line.split_once(" debug ")?.1.split_once(call));
            lines.map(|(_, rest)| rest).collect::<Vec<_>>()
        };
        let accepts = lines("] accept ");
        let right =
            |line: &&str| line.starts_with("192.168.69.100:") && line.ends_with(" at 192.168.69.1:12000");
        assert!(accepts.len() == 3 && accepts.iter().all(right), "{ran:?}");
        assert_eq!(lines("] reply "), ["3 bytes", "5 bytes", "7 bytes"], "{ran:?}");
        assert_eq!(lines("] close"), ["", "", ""], "{ran:?}");
        let replies = lines("udp reply to [fdaa::100]:");
        let sizes: Vec<&str> = replies.iter().filter_map(|line| Some(line.split_once(": ")?.1)).collect();
        assert_eq!(sizes, ["3 bytes", "5 bytes", "7 bytes"], "{ran:?}");
    });
}

#[test]
fn without_it_only_the_beginning_and_the_end_are_said() {
    alone("log::without_it_only_the_beginning_and_the_end_are_said", || {
        recipe();
        let server = Program::start(undersock(["serve"]));
        server.says(READY);
        carries();
        answers("udp 192.168.69.1 hello", "HELLO");
        answers("tcp 192.168.69.1 hello", "HELLO");
        let ran = stop(server);
        assert_eq!(ran.stderr.lines().count(), 2, "{ran:?}");
    });
}
