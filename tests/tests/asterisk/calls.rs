//! A call that is answered: its record, who ends it, what the caller hears before.

use std::time::Duration;

use capconduit_tests::{CallRecord, Link, Place, Strategy, assert_invariants};

use super::support::Line;

#[tokio::test]
async fn an_answered_call_has_a_record_that_equals_what_was_on_the_wire() {
    let (line, center) = Line::answering().await;
    let mut calls = 0;
    let mut called = async || {
        calls += 1;
        let address = line.site.address(Place::TrunkA);
        let caller = line.caller().from_address(&address).talks_for(1500);
        let seen = caller.call().await;
        assert_eq!(seen.final_status(), 200);
        let record = CallRecord::of(line.db, &seen).await;
        record.assert_equals(&seen);
        (record.apart(&seen), record)
    };
    // Within a second; asked again, because a busy machine may stand still for longer.
    let (mut apart, mut record) = called().await;
    for _ in 0..4 {
        if apart > Duration::from_secs(1) {
            (apart, record) = called().await;
        }
    }
    assert!(apart <= Duration::from_secs(1), "{apart:?}: {record:#?}");
    assert_eq!(record.status, "ANSWERED");
    assert_eq!(record.did, line.scenario.did);
    assert_eq!(record.caller_number.as_deref(), Some("+15550001111"));
    assert_eq!(record.caller_name.as_deref(), Some("Jane Doe"));
    assert_eq!(record.link_id, Some(line.scenario.link_ids[0]));
    assert_eq!(record.cause, Some(16));
    assert_eq!(record.cause_text.as_deref(), Some("Normal clearing"));
    assert_eq!(record.hangup_by.as_deref(), Some("caller"));
    assert_eq!(record.node.as_deref(), Some("pbx1"));
    assert_eq!(record.linkedid.as_deref(), Some(record.uniqueid.as_str()));
    assert!(record.uniqueid.starts_with("pbx1-"), "{record:#?}");
    assert!(record.failed_attempts.is_empty());
    assert_eq!(line.counters(0).await, (0, calls));
    assert_eq!(center.seen().requests("INVITE").len(), calls as usize);
    assert_invariants(line.db).await;
}

#[tokio::test]
async fn the_call_center_may_hang_up() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let _center = line
        .center(0, "answers-and-ends", &[("RING", "200"), ("TALK", "1200")])
        .await;
    let seen = line.caller().waits().call().await;
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.hangup_by.as_deref(), Some("client"));
    assert_eq!(record.billsec_seconds, 1);
    assert_eq!(record.cause, Some(16));
    assert_eq!(line.counters(0).await, (0, 1));
}

#[tokio::test]
async fn a_caller_who_gives_up_while_it_rings_is_not_counted() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let center = line.center(0, "rings", &[]).await;
    let seen = line.caller().abandons_after(700).call().await;
    assert_eq!(seen.final_status(), 487);
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.status, "CANCEL");
    assert_eq!(
        (record.cause, record.hangup_by.as_deref()),
        (Some(16), Some("caller"))
    );
    assert_eq!(record.link_id, Some(line.scenario.link_ids[0]));
    assert_eq!(line.counters(0).await, (0, 0));
    assert_eq!(center.seen().requests("CANCEL").len(), 1);
}

/// Trunk-a is a carrier in Great Britain, trunk-b one in North America.
#[tokio::test]
async fn five_ways_to_write_a_number_reach_the_same_did() {
    let (line, _center) = Line::answering().await;
    // One that the patterns of a North American carrier know.
    let national = "8005550199".to_owned();
    let sql = "with d as (insert into dids (user_id, number) values ($1, '+1' || $2::text) returning id)
               insert into campaign_dids (campaign_id, did_id) select $3, id from d";
    let params: &[&(dyn tokio_postgres::types::ToSql + Sync)] =
        &[&line.scenario.user_id, &national, &line.scenario.campaign_id];
    line.admin.execute(sql, params).await.expect("the number");
    let ways = [
        (Place::TrunkA, format!("+1{national}")),
        (Place::TrunkA, format!("001{national}")),
        (Place::TrunkA, format!("1{national}")),
        (Place::TrunkB, format!("1{national}")),
        (Place::TrunkB, national.clone()),
    ];
    for (trunk, number) in ways {
        let seen = capconduit_tests::Caller::new(line.site, line.switch, &number)
            .at(trunk)
            .call()
            .await;
        assert_eq!(seen.final_status(), 200, "{number} over {trunk:?}");
        let record = CallRecord::of(line.db, &seen).await;
        assert_eq!(record.did, format!("+1{national}"), "{number} over {trunk:?}");
        record.assert_equals(&seen);
    }
    assert_eq!(line.counters(0).await, (0, 5));
}
