//! Requests of strangers: told in security.log, and nothing else grows by them.

use std::time::Duration;

use capconduit_tests::{Place, Raw, RawCaller};

use super::support::Line;

#[tokio::test]
async fn strangers_fill_no_log_but_their_own() {
    let (line, _center) = Line::answering().await;
    let mut stranger = RawCaller::udp(line.site, line.switch, Place::Stranger).await;
    let before = line.switch.log().len();
    for n in 0..40 {
        for method in [
            "INVITE",
            "REGISTER",
            "OPTIONS",
            "SUBSCRIBE",
            "MESSAGE",
            "BYE",
            "NONSENSE",
        ] {
            let mut request = Raw::call(line.switch, &line.scenario.did);
            request.from = format!("<sip:somebody{n}@example.org>").into_bytes();
            let reply = stranger.ask_outside(method, &request).await;
            assert!(reply.is_some_and(|reply| reply.status() >= Some(400)), "{method}");
        }
        // No SIP at all, or none that a parser takes.
        for bytes in [
            &b"\xff\xfe\x00nonsense"[..],
            b"INVITE sip:\xff SIP/2.0\r\n\r\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"\r\n\r\n",
        ] {
            stranger.send_bytes(bytes).await;
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let log = line.switch.log();
    let added: Vec<&str> = log[before..]
        .lines()
        .filter(|text| text.contains("10.77.19") || text.contains("somebody"))
        .collect();
    assert!(added.is_empty(), "{} lines: {:?}", added.len(), added.first());
    assert!(line.switch.security_log().matches("somebody").count() >= 40);
}
