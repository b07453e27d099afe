use super::*;

const CLIENTS: usize = 8;
const CONNECTIONS: usize = 100;

#[test]
fn eight_clients_at_four_slots_get_eight_hundred_replies() {
    let ran = inside_a_lab(
        "crowds::eight_clients_at_four_slots_get_eight_hundred_replies",
        &["--slots", "4"],
        || {
            let client =
                |client: usize| move || (0..CONNECTIONS).for_each(|number| one_sentence(client, number));
            let clients: Vec<_> = (0..CLIENTS).map(|number| thread::spawn(client(number))).collect();
            for client in clients {
                client.join().expect("a hundred replies");
            }
        },
    );
    if let Some(ran) = ran {
        let calls = |call: &str| ran.stderr.lines().filter(|line| line.contains(call)).count();
        let all = CLIENTS * CONNECTIONS;
        assert_eq!((calls("] accept "), calls("] reply "), calls("] close")), (all, all, all), "{ran:?}");
    }
}

/// A connection that is neither refused nor reset, and the right reply to its end.
fn one_sentence(client: usize, number: usize) {
    let mut socket = TcpStream::connect(("192.168.69.1", 12000)).expect("no refusal");
    socket.set_read_timeout(Some(BOUND)).expect("a timeout");
    let sentence = format!("client {client}, sentence {number}");
    // One write, and so one segment: the server reads once.
    socket.write_all(sentence.as_bytes()).expect("no reset");
    let mut reply = String::new();
    socket.read_to_string(&mut reply).expect("no reset");
    assert_eq!(reply, sentence.to_uppercase());
}

#[test]
fn a_burst_of_a_hundred_datagrams_gets_a_hundred_replies() {
    inside_a_lab("crowds::a_burst_of_a_hundred_datagrams_gets_a_hundred_replies", &[], || {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a port");
        socket.connect("192.168.69.1:12000").expect("a route");
        socket.set_read_timeout(Some(BOUND / 4)).expect("a timeout");
        for number in 0..100 {
            socket.send(format!("datagram {number}").as_bytes()).expect("room");
        }
        let mut missing: Vec<String> = (0..100).map(|number| format!("DATAGRAM {number}")).collect();
        while !missing.is_empty() {
            let mut reply = [0; 2048];
            let length = socket.recv(&mut reply).unwrap_or_else(|error| panic!("{error}: {missing:?}"));
            let place = missing.iter().position(|text| text.as_bytes() == &reply[..length]);
            missing.swap_remove(place.expect("a reply that was expected, once"));
        }
    });
}
