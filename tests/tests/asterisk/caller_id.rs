//! Who the call center sees, and that nothing in a caller's name does anything.

use capconduit_tests::{CallRecord, Center, Link, Strategy, assert_invariants};

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
    for (center, expected) in [
        (&a, "\"Leads\" <sip:+18005551111@"),
        (&b, "\"Jane Doe\" <sip:+15550001111@"),
    ] {
        let (from, identity) = shown(center);
        assert!(from.starts_with(expected), "{from}");
        assert!(identity.starts_with(expected), "{identity}");
    }
    let record = CallRecord::of(line.db, &seen).await;
    assert_eq!(record.caller_number.as_deref(), Some("+15550001111"));
    assert_eq!(record.caller_name.as_deref(), Some("Jane Doe"));
}

/// From and P-Asserted-Identity of the INVITE that a call center got.
fn shown(center: &Center) -> (String, String) {
    let seen = center.seen();
    let invites = seen.requests("INVITE");
    let invite = invites.last().expect("an INVITE");
    (
        invite.header("From").to_owned(),
        invite.header("P-Asserted-Identity").to_owned(),
    )
}

/// Some call centers want an account of theirs in From. The number stands in P-Asserted-Identity then.
#[tokio::test]
async fn a_from_user_does_not_hide_the_number() {
    let (line, center) = Line::answering().await;
    line.set_endpoint(0, "from_user = 'our_account', from_domain = 'capconduit.example'")
        .await;
    let own = "\"Jane Doe\" <sip:+15550001111@capconduit.example>";
    let overridden = "\"Leads\" <sip:+18005551111@capconduit.example>";
    for (settings, asserted) in [
        ("callerid = null", own),
        ("callerid = 'Leads <+18005551111>'", overridden),
    ] {
        line.set_endpoint(0, settings).await;
        let seen = line.caller().call().await;
        CallRecord::of(line.db, &seen).await.assert_equals(&seen);
        let (from, identity) = shown(&center);
        assert!(from.starts_with("<sip:our_account@capconduit.example>"), "{from}");
        assert_eq!(identity, asserted);
    }
    // The number is told once, not again during the call.
    let seen = center.seen();
    assert_eq!(seen.requests("INVITE").len(), 2);
    assert!(seen.requests("UPDATE").is_empty());
}

/// The carrier asserts a number that its caller withholds: it is in the record, and not told to the call center.
#[tokio::test]
async fn a_withheld_number_stays_withheld() {
    let (line, center) = Line::answering().await;
    for from_user in ["null", "'our_account'"] {
        line.set_endpoint(0, &format!("from_user = {from_user}")).await;
        let caller = line
            .caller()
            .from("\"Anonymous\" <sip:anonymous@anonymous.invalid>")
            .with_header("P-Asserted-Identity: <sip:+15550001111@carrier.example>")
            .with_header("Privacy: id");
        let seen = caller.call().await;
        let record = CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        assert_eq!(record.caller_number.as_deref(), Some("+15550001111"));
        let seen = center.seen();
        let invite = &seen.requests("INVITE").last().expect("an INVITE").text;
        assert!(!invite.contains("5550001111"), "{invite}");
    }
}

/// Names as people write them. SIP puts a backslash before quotes and backslashes.
const NAMES: &[&str] = &[
    r#"O'Brien, "Bob" \ Sons"#,
    r#""1\"2\\1"#,
    "a,b,c)${SHELL(id)}",
    "'); drop table capconduit.users; --",
    "${CC_DID}${UNIQUEID}",
    "📞 Zoë Müller 电话",
    r"x\' || pg_sleep(9) || \'",
    "",
];

fn escaped(name: &str) -> String {
    name.replace('\\', r"\\").replace('"', r#"\""#)
}

#[tokio::test]
async fn a_hostile_name_is_only_a_name() {
    let (line, center) = Line::answering().await;
    for name in NAMES {
        let caller = line.caller().from(&format!(
            "\"{}\" <sip:+15550001111@carrier.example>",
            escaped(name)
        ));
        let seen = caller.call().await;
        let record = CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        assert_eq!(record.caller_name.as_deref().unwrap_or_default(), *name);
        assert_eq!(record.did, line.scenario.did);
        let (from, _) = shown(&center);
        let expected = format!("\"{}\" <sip:+15550001111@", escaped(name));
        assert!(name.is_empty() || from.starts_with(&expected), "{name}: {from}");
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

/// As carriers write it who send no Privacy.
const NO_NUMBER: &[&str] = &[
    "anonymous",
    "Anonymous",
    "ANONYMOUS",
    "unknown",
    "Unavailable",
    "Restricted",
    "private",
    "withheld",
    "blocked",
    "no-number",
    "+anonymous",
    "caller-id-unavailable",
    "0000000000",
];

/// "Anonymous" and "restricted" on the keys of a telephone.
const KEYS: &[&str] = &["+266696687", "+7378742833"];

/// Those are real numbers, too: only who withholds the number means the word.
#[tokio::test]
async fn a_word_on_the_keys_is_a_number_unless_its_caller_withholds_it() {
    let (line, _center) = Line::answering().await;
    for number in KEYS {
        let caller = line.caller().from(&format!("<sip:{number}@carrier.example>"));
        let seen = caller.clone().call().await;
        let record = CallRecord::of(line.db, &seen).await;
        assert_eq!(record.caller_number.as_deref(), Some(*number));
        let seen = caller
            .with_header(&format!("P-Asserted-Identity: <sip:{number}@carrier.example>"))
            .with_header("Privacy: id")
            .call()
            .await;
        let record = CallRecord::of(line.db, &seen).await;
        assert_eq!(record.caller_number, None, "{number}");
    }
}

#[tokio::test]
async fn a_word_is_no_number_and_who_hides_behind_it_stays_hidden() {
    let (line, center) = Line::answering().await;
    for word in NO_NUMBER {
        for from in [
            format!("\"{word}\" <sip:{word}@carrier.example>"),
            format!("<sip:{word}@anonymous.invalid>"),
        ] {
            let seen = line.caller().from(&from).call().await;
            let record = CallRecord::of(line.db, &seen).await;
            record.assert_equals(&seen);
            assert_eq!(record.caller_number, None, "{from}");
            let shown = center.seen();
            let invite = shown.requests("INVITE").last().expect("an INVITE").text.clone();
            assert!(
                invite.contains("sip:anonymous@anonymous.invalid"),
                "{from}: {invite}"
            );
        }
    }
    // And what only begins like one is a number, or a name of somebody.
    for number in [
        "+15550001111",
        "unknownsoldier",
        "privateer",
        "100",
        "+2666966870",
    ] {
        let seen = line
            .caller()
            .from(&format!("<sip:{number}@carrier.example>"))
            .call()
            .await;
        let record = CallRecord::of(line.db, &seen).await;
        assert_eq!(record.caller_number.as_deref(), Some(number));
    }
}
