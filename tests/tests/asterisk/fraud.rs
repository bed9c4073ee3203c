//! Nobody dials through us: not a stranger, not in a call center's name, not a call center itself.

use capconduit_tests::{Caller, Link, Place, Seen, Strategy, assert_invariants};

use super::support::Line;

const FOREIGN: &str = "+442079460000";

/// No record and no slot for the call that SIPp saw, nor any leg of it.
async fn left_nothing(line: &Line, seen: &Seen) {
    let sql = "select (select count(*) from call_logs where sip_call_id = $1)
                    + (select count(*) from live_calls where link_id = any ($2))";
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] = &[&seen.call_id(), &line.scenario.link_ids];
    let traces: i64 = line.admin.query_one(sql, params).await.expect("traces").get(0);
    assert_eq!(traces, 0, "{seen:#?}");
    assert_invariants(line.db).await;
}

#[tokio::test]
async fn a_stranger_in_a_call_center_s_name_is_refused() {
    let (line, center) = Line::answering().await;
    let identifier = line.identifier(0).await;
    for place in [Place::Stranger, Place::Center] {
        for number in [line.scenario.did.as_str(), FOREIGN, "s", "h"] {
            let caller = Caller::new(line.site, line.switch, number).at(place);
            let from = format!("<sip:{identifier}@{}>", line.switch.address());
            let seen = caller.from(&from).call().await;
            assert_eq!(seen.final_status(), 401, "{number} from {place:?}");
            left_nothing(&line, &seen).await;
        }
    }
    assert!(center.seen().messages.is_empty());
}

/// With its right password it is recognised, and may do nothing.
#[tokio::test]
async fn a_call_center_can_make_no_call() {
    let (line, center) = Line::answering().await;
    let identifier = line.identifier(0).await;
    line.credentials(0, &identifier, "s3cret").await;
    line.set_endpoint(0, "auth = id || '-auth'").await;
    for number in [line.scenario.did.as_str(), FOREIGN] {
        let caller = Caller::new(line.site, line.switch, number)
            .at(Place::Center)
            .plays("caller-authenticates");
        let caller = caller.from(&format!("<sip:{identifier}@{}>", line.switch.address()));
        let seen = caller
            .start_with(&["-m", "1", "-au", &identifier, "-ap", "s3cret"])
            .finish()
            .await;
        assert_eq!(seen.responses().last(), Some(&403), "{number}");
        left_nothing(&line, &seen).await;
    }
    assert!(center.seen().messages.is_empty());
}

/// Blind, and attended with the dialog it would replace: both are declined.
#[tokio::test]
async fn a_transfer_is_refused_and_the_call_goes_on() {
    let foreign = format!("<sip:{FOREIGN}@[remote_ip]>");
    let attended = format!("<sip:{FOREIGN}@[remote_ip]?Replaces=1%40x%3Bto-tag%3D1%3Bfrom-tag%3D2>");
    for refer_to in [foreign, attended] {
        let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
        let center = line
            .center(0, "transfers", &[("RING", "100"), ("REFER", &refer_to)])
            .await;
        let caller = line.caller().talks_for(1500).start();
        let seen = caller.finish().await;
        assert_eq!(seen.final_status(), 200);
        let record = capconduit_tests::CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        assert_eq!(
            record.hangup_by.as_deref(),
            Some("caller"),
            "the transfer ended the call"
        );
        let seen = center.seen();
        assert_eq!(
            (seen.requests("REFER").len(), seen.requests("INVITE").len()),
            (1, 1)
        );
        let refusals = seen
            .messages
            .iter()
            .filter(|message| message.header("CSeq").ends_with("REFER"));
        assert!(
            refusals
                .filter_map(|message| message.status())
                .all(|status| status >= 400)
        );
        assert_eq!(line.counters(0).await, (0, 1));
    }
}

/// The scenario's 302 points at a number at its own address: whoever follows it arrives there.
#[tokio::test]
async fn a_redirection_is_not_followed() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1), Link::cap(1)]).await;
    let first = line.center(0, "refuses", &[("CODE", "302")]).await;
    let second = line.center(1, "answers", &[("RING", "100")]).await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 200);
    assert_eq!(first.seen().requests("INVITE").len(), 1);
    assert_eq!(second.seen().requests("INVITE").len(), 1);
    let record = capconduit_tests::CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.failed_attempts.len(), 1, "{record:#?}");
    assert_invariants(line.db).await;
}
