//! Who the call center sees, and that nothing in a caller's name does anything.

use capconduit_tests::{CallRecord, Link, Strategy, assert_invariants};

use super::support::Line;

#[tokio::test]
async fn the_override_of_one_call_center_is_not_shown_to_the_next() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1), Link::cap(1)]).await;
    let a = line.center(0, "refuses", &[("CODE", "486")]).await;
    let b = line.center(1, "answers", &[("RING", "100")]).await;
    line.admin
        .execute(
            "update pjsip_endpoints set callerid = 'Leads <+18005551111>' where client_id = $1",
            &[&line.scenario.client_ids[0]],
        )
        .await
        .expect("the override");
    let seen = line.caller().call().await;
    let from =
        |center: &capconduit_tests::Center| center.seen().requests("INVITE")[0].header("From").to_owned();
    assert!(
        from(&a).starts_with("\"Leads\" <sip:+18005551111@"),
        "{}",
        from(&a)
    );
    assert!(
        from(&b).starts_with("\"Jane Doe\" <sip:+15550001111@"),
        "{}",
        from(&b)
    );
    let record = CallRecord::of(line.db, &seen).await;
    assert_eq!(record.caller_number.as_deref(), Some("+15550001111"));
    assert_eq!(record.caller_name.as_deref(), Some("Jane Doe"));
}

/// The quoted name in SIP. Asterisk keeps it as it stands there, escapes included, and so does the record.
const NAMES: &[&str] = &[
    r#"O'Brien, \"Bob\" \\ Sons"#,
    "a,b,c)${SHELL(id)}",
    "'); drop table capconduit.users; --",
    "${CC_DID}${UNIQUEID}",
    "📞 Zoë Müller 电话",
    r"x\\' || pg_sleep(9) || \\'",
    "",
];

#[tokio::test]
async fn a_hostile_name_is_only_a_name() {
    let (line, center) = Line::answering().await;
    for name in NAMES {
        let caller = line
            .caller()
            .from(&format!("\"{name}\" <sip:+15550001111@carrier.example>"));
        let seen = caller.call().await;
        let record = CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        assert_eq!(record.caller_name.as_deref().unwrap_or_default(), *name);
        assert_eq!(record.did, line.scenario.did);
    }
    assert_eq!(center.seen().calls().len(), NAMES.len());
    assert_invariants(line.db).await;
}

#[tokio::test]
async fn a_caller_without_a_name_or_number_is_a_caller() {
    let (line, _center) = Line::answering().await;
    let callers = [
        ("<sip:+15550001111@carrier.example>", Some("+15550001111"), None),
        (
            "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
            None,
            Some("Anonymous"),
        ),
    ];
    for (from, number, name) in callers {
        let seen = line.caller().from(from).call().await;
        let record = CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        assert_eq!(
            (record.caller_number.as_deref(), record.caller_name.as_deref()),
            (number, name),
            "{from}"
        );
    }
}
