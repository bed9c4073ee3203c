//! Requests of strangers: told in security.log, and nothing else grows by them.

use std::time::Duration;

use capconduit_tests::{Center, Link, Place, Raw, RawCaller};

use super::traffic::Traffic;

#[tokio::test]
async fn strangers_fill_no_log_but_their_own() {
    // A switch of its own: whatever its log says is of strangers.
    let traffic = Traffic::new().await;
    let center = Center::start(&traffic.site, "answers", &[("RING", "100")]).await;
    let line = traffic.number(&[Link::cap(5)], &[center.contact()]).await;
    let mut stranger = RawCaller::udp(&traffic.site, &traffic.switch, Place::Stranger).await;
    let before = traffic.switch.log();
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
            let mut request = Raw::call(&traffic.switch, &line.did);
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
    let log = traffic.switch.log();
    assert_eq!(log.strip_prefix(&before), Some(""), "{log}");
    // fail2ban reads the address. BYE and methods that do not exist are answered without a look at who asks.
    let security = traffic.switch.security_log();
    let told = security.matches("RemoteAddress=\"IPV4/UDP/10.77.192.").count();
    assert!(told >= 40 * 10, "{told}");
    assert!(traffic.switch.spooled().is_empty());
    for table in ["call_logs", "live_calls", "reject_counts"] {
        let sql = format!("select count(*) from {table}");
        let rows: i64 = traffic.admin.query_one(&sql, &[]).await.expect(table).get(0);
        assert_eq!(rows, 0, "{table}");
    }
}
