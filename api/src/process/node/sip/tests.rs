//! Tests of what is taken from a captured SIP packet.

use super::*;

fn packet(to: [u8; 4], message: &str) -> Vec<u8> {
    let mut chunks = Vec::new();
    for (kind, value) in [(4_u16, &to[..]), (15, message.as_bytes())] {
        chunks.extend(
            [0_u16, kind, 6 + value.len() as u16]
                .into_iter()
                .flat_map(u16::to_be_bytes),
        );
        chunks.extend(value);
    }
    [b"HEP3", &(6 + chunks.len() as u16).to_be_bytes()[..], &chunks].concat()
}

#[test]
fn a_refusal_without_a_cause_is_one_of_the_sip_stack() {
    let message = "SIP/2.0 488 Not Acceptable Here\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n";
    let refusal = |message: &str| match read(&packet([192, 0, 2, 1], message)) {
        Some(Message::Refusal { to, status, request }) => (to.to_string(), status, request),
        other => panic!("{other:?} for {message}"),
    };
    let (to, status, request) = refusal(message);
    assert_eq!((to.as_str(), status), ("192.0.2.1", 488));
    // In short, with blanks, in another case, it is the same request.
    let short = message.replace("Call-ID: a", "i :a").replace("CSeq", "cseq");
    assert_eq!(refusal(&short).2, request);
    assert_ne!(refusal(&message.replace("CSeq: 1", "CSeq: 2")).2, request);
    assert_eq!(refusal(&message.replace("488", "699")).1, 699);
    for other in [
        message.replace("\r\n\r\n", "\r\nReason: Q.850;cause=34\r\n\r\n"),
        message.replace("INVITE", "OPTIONS"),
        message.replace("488", "180"),
        message.replace("488", "487"),
        message.replace("488", "401"),
        message.replace("488", "407"),
        message.replace("488", "700"),
        message.replace("SIP/2.0 488 Not Acceptable Here", "INVITE sip:x SIP/2.0"),
        String::new(),
    ] {
        assert_eq!(read(&packet([192, 0, 2, 1], &other)), None, "{other}");
    }
    let whole = packet([192, 0, 2, 1], message);
    for end in 0..whole.len() {
        assert_eq!(read(&whole[..end]), None);
    }
}

#[test]
fn an_answer_within_a_call_is_no_refusal_of_a_call() {
    let invite = "INVITE sip:x SIP/2.0\r\nTo: <sip:x>;TAG=1\r\nCall-ID: a\r\nCSeq: 2 INVITE\r\n\r\n";
    let answer = "SIP/2.0 488 Not Acceptable Here\r\nt: <sip:x>;tag=1\r\ni: a\r\nCSeq: 2 INVITE\r\n\r\n";
    let Some(Message::InDialog(asked)) = read(&packet([192, 0, 2, 1], invite)) else {
        panic!("it has a tag");
    };
    assert!(
        matches!(read(&packet([192, 0, 2, 1], answer)), Some(Message::Refusal { request, .. }) if request == asked)
    );
    assert_eq!(read(&packet([192, 0, 2, 1], &invite.replace(";TAG=1", ""))), None);
}

#[test]
fn only_the_own_machine_is_heard() {
    for own in ["127.0.0.1:1", "127.8.0.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(is_own(own.parse().unwrap()), "{own}");
    }
    for other in ["192.0.2.1:1", "[2001:db8::1]:1", "0.0.0.0:1"] {
        assert!(!is_own(other.parse().unwrap()), "{other}");
    }
}

#[test]
fn a_trunk_is_known_by_its_narrowest_address() {
    let text = "\n Identify:  <Identify/Endpoint....>\n      Match:  <criteria....>\n====\n\n Identify:  a-address/trunk-a\n      \
                Match: 192.0.2.0/28\n      Match: 2001:db8::/32\n Identify:  b/trunk-b\n      Match: 192.0.2.5/32\n \
                Identify:  c/trunk-c\n      Match: Replaces: /./\n      Match: 198.51.100.7\n";
    let trunks = read_trunks(text);
    let find = |address: &str| trunk_of(&trunks, address.parse().unwrap());
    assert_eq!(find("192.0.2.1"), Some("trunk-a"));
    assert_eq!(find("2001:db8::7"), Some("trunk-a"));
    assert_eq!(find("192.0.2.5"), Some("trunk-b"));
    assert_eq!(find("198.51.100.7"), Some("trunk-c"));
    assert_eq!(find("198.51.100.8"), None);
    assert_eq!(find("::"), None);
}

#[test]
fn an_answer_is_known_until_it_is_acknowledged() {
    let of = |message: &str| read(&packet([192, 0, 2, 1], message));
    let answer = "SIP/2.0 200 OK\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n\r\n";
    let Some(Message::Answer { call, .. }) = of(answer) else {
        panic!("it is an answer");
    };
    let ack = "ACK sip:x SIP/2.0\r\ni: a\r\nCSeq: 1 ACK\r\n\r\n";
    assert_eq!(of(ack), Some(Message::Acknowledged(call)));
    let bye = "BYE sip:x SIP/2.0\r\nCall-ID: a\r\nCSeq: 2 BYE\r\n\r\n";
    let to = IpAddr::from([192, 0, 2, 1]);
    assert_eq!(of(bye), Some(Message::Bye { to, call }));
    assert_eq!(of(&answer.replace("INVITE", "BYE")), None);
    let mut answers = Remembered::default();
    assert_eq!(answers.forget(&call), None);
    assert!(answers.is_new(call, to));
    assert_eq!((answers.forget(&call), answers.forget(&call)), (Some(to), None));
}

#[test]
fn what_is_sent_again_is_counted_once() {
    let mut counted = Remembered::default();
    let request = |n: usize| (n as u128).to_be_bytes();
    assert!(counted.is_new(request(0), ()) && !counted.is_new(request(0), ()));
    assert!((1..=REMEMBERED).all(|n| counted.is_new(request(n), ())));
    assert_eq!(counted.known.len(), REMEMBERED);
}
