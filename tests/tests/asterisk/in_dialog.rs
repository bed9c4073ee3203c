//! Requests inside a call, and outside of one: answered at once, and the call goes on.

use capconduit_tests::{Place, Raw, RawCaller, assert_invariants};

use super::support::{Line, becomes};

const MESSAGE: Option<(&str, &str)> = Some(("text/plain", "hello"));
const DTMF: Option<(&str, &str)> = Some(("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"));

/// Method, headers, body, and the answer.
type Request = (
    &'static str,
    &'static str,
    Option<(&'static str, &'static str)>,
    &'static [u16],
);

const INSIDE: &[Request] = &[
    ("OPTIONS", "", None, &[200]),
    ("INFO", "", None, &[200]),
    ("INFO", "", DTMF, &[200]),
    ("UPDATE", "", None, &[200]),
    ("MESSAGE", "", MESSAGE, &[202]),
    (
        "REFER",
        "Refer-To: <sip:+442079460000@example.org>\r\n",
        None,
        &[603],
    ),
    (
        "REFER",
        "Refer-To: <sip:1@x?Replaces=1%40x%3Bto-tag%3D1%3Bfrom-tag%3D2>\r\n",
        None,
        &[603],
    ),
    ("REFER", "", None, &[400, 603]),
    ("PRACK", "RAck: 1 1 INVITE\r\n", None, &[400, 481]),
    ("REGISTER", "", None, &[403, 405]),
    ("OPTIONS", "", None, &[200]),
];

const OUTSIDE: &[&str] = &[
    "OPTIONS",
    "INFO",
    "REFER",
    "UPDATE",
    "MESSAGE",
    "NOTIFY",
    "SUBSCRIBE",
    "PUBLISH",
    "PRACK",
    "BYE",
    "CANCEL",
    "REGISTER",
    "NONSENSE",
];

#[tokio::test]
async fn a_request_inside_a_call_is_answered_and_the_call_goes_on() {
    let (line, _center) = Line::answering().await;
    let mut caller = RawCaller::udp(line.site, line.switch, Place::TrunkA).await;
    let request = Raw::call(line.switch, &line.scenario.did);
    let reply = caller.invite(&request).await.expect("an answer");
    assert_eq!(reply.status(), Some(200), "{}", reply.text());
    for (method, headers, body, wanted) in INSIDE {
        let reply = caller.ask(method, headers, *body).await;
        let status = reply.as_ref().and_then(|reply| reply.status());
        assert!(
            status.is_some_and(|status| wanted.contains(&status)),
            "{method} {headers}: {status:?} and none of {wanted:?}"
        );
    }
    assert_eq!(line.counters(0).await.0, 1, "the call goes on");
    caller.bye().await;
    let call_id = String::from_utf8(request.call_id).expect("text");
    let sql = "select call_status || ' ' || hangup_by from call_logs where sip_call_id = $1";
    becomes("the record", Some("ANSWERED caller".to_owned()), async || {
        let row = line.admin.query_opt(sql, &[&call_id]).await.expect("records");
        row.map(|row| row.get(0))
    })
    .await;
}

#[tokio::test]
async fn a_request_outside_a_call_is_answered_and_leaves_nothing() {
    let (line, center) = Line::answering().await;
    for place in [Place::TrunkA, Place::Center, Place::Stranger] {
        for method in OUTSIDE {
            let mut somebody = RawCaller::udp(line.site, line.switch, place).await;
            let mut request = Raw::call(line.switch, &line.scenario.did)
                .with_header("Event", b"presence")
                .with_header("Refer-To", b"<sip:+442079460000@example.org>");
            request.body = (*method == "MESSAGE").then(|| ("text/plain".to_owned(), b"hello".to_vec()));
            let reply = somebody.ask_outside(method, &request).await;
            let status = reply.and_then(|reply| reply.status());
            let expected = if *method == "OPTIONS" && place == Place::TrunkA {
                200..=200
            } else {
                400..=699
            };
            assert!(
                status.is_some_and(|status| expected.contains(&status)),
                "{method} from {place:?}: {status:?}"
            );
        }
    }
    assert!(center.seen().messages.is_empty(), "{:#?}", center.seen());
    assert_invariants(line.db).await;
}

/// It would end the record and free the slot while the call goes on with another caller.
#[tokio::test]
async fn nobody_takes_a_call_over_with_replaces() {
    let (line, center) = Line::answering().await;
    let mut caller = RawCaller::udp(line.site, line.switch, Place::TrunkA).await;
    let request = Raw::call(line.switch, &line.scenario.did);
    assert_eq!(
        caller.invite(&request).await.expect("an answer").status(),
        Some(200)
    );
    let (ours, theirs) = caller.tags();
    let call_id = String::from_utf8(request.call_id).expect("text");
    for place in [Place::TrunkA, Place::TrunkB, Place::Center, Place::Stranger] {
        let mut other = RawCaller::udp(line.site, line.switch, place).await;
        for name in ["Replaces", "replaces"] {
            let value = format!("{call_id};to-tag={theirs};from-tag={ours}");
            let taking = Raw::call(line.switch, &line.scenario.did).with_header(name, value.as_bytes());
            let reply = other.invite(&taking).await.expect("an answer");
            assert_eq!(reply.status(), Some(404), "{place:?}");
        }
    }
    assert_eq!(line.counters(0).await, (1, 0), "the call goes on");
    assert_eq!(
        caller
            .ask("OPTIONS", "", None)
            .await
            .and_then(|reply| reply.status()),
        Some(200)
    );
    caller.bye().await;
    becomes("the call is counted", (0, 1), async || line.counters(0).await).await;
    assert_eq!(center.seen().requests("INVITE").len(), 1);
}

/// Asterisk gives up by itself. It tells its dialplan no difference to a caller who hangs up, so neither does the record.
#[tokio::test]
async fn a_call_whose_answer_is_never_acknowledged_ends_within_half_a_minute() {
    let (line, _center) = Line::answering().await;
    let mut caller = RawCaller::udp(line.site, line.switch, Place::TrunkA).await;
    let request = Raw::call(line.switch, &line.scenario.did);
    let reply = caller.invite_unacknowledged(&request).await.expect("an answer");
    assert_eq!(reply.status(), Some(200), "{}", reply.text());
    assert_eq!(line.counters(0).await, (1, 0));
    let call_id = String::from_utf8(request.call_id).expect("text");
    let sql = "select call_status || ' ' || hangup_by || ' ' || hangup_cause_code, billsec_seconds
                 from call_logs where sip_call_id = $1";
    becomes("the record", Some("ANSWERED caller 16".to_owned()), async || {
        let row = line.admin.query_opt(sql, &[&call_id]).await.expect("records");
        row.map(|row| {
            assert!(row.get::<_, i32>(1) < 30);
            row.get(0)
        })
    })
    .await;
    assert_eq!(line.counters(0).await, (0, 1));
    assert_invariants(line.db).await;
}
