//! Call centers of all kinds, and what becomes of a change in mid-traffic.

use std::time::Duration;

use capconduit_tests::{CallRecord, Caller, Center, Link, Place, Strategy, assert_invariants, unique};

use super::support::Line;

#[tokio::test]
async fn a_call_center_that_wants_a_digest_gets_it() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let values = [
        ("RING", "100"),
        ("REALM", "center.example"),
        ("USER", "us"),
        ("PASSWORD", "s3cret;x^y"),
    ];
    let center = line.center(0, "answers-after-digest", &values).await;
    line.credentials(0, "us", "s3cret;x^y").await;
    line.set_endpoint(0, "outbound_auth = id || '-auth'").await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 200, "{:#?}", center.seen());
    assert_eq!(center.seen().requests("INVITE").len(), 2);
    CallRecord::of(line.db, &seen).await.assert_equals(&seen);
}

/// A `;` splits values in Asterisk's realtime: the view has to write it otherwise.
#[tokio::test]
async fn a_contact_over_tcp_is_reached_over_tcp() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let address = line.site.address(Place::Center);
    let center = Center::start_at(line.site, &address, "answers", &[("RING", "100")], &["-t", "t1"]).await;
    line.contact(0, &format!("{};transport=tcp", center.contact()))
        .await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 200);
    assert!(
        center.seen().requests("INVITE")[0]
            .header("Via")
            .starts_with("SIP/2.0/TCP")
    );
    CallRecord::of(line.db, &seen).await.assert_equals(&seen);
}

#[tokio::test]
async fn a_call_center_that_registers_gets_calls_at_its_address() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let identifier = line.identifier(0).await;
    line.credentials(0, &identifier, "s3cret").await;
    line.set_endpoint(0, "auth = id || '-auth'").await;
    let sql = "update pjsip_aors set contact = null where client_id = $1";
    line.admin
        .execute(sql, &[&line.scenario.client_ids[0]])
        .await
        .expect("no static contact");
    // Not registered: nobody to call.
    assert_eq!(line.caller().call().await.final_status(), 480);

    let address = line.site.address(Place::Center);
    line.register(&address, &identifier, "s3cret").await;
    let center = Center::start_at(line.site, &address, "answers", &[("RING", "100")], &[]).await;
    let seen = line.caller().call().await;
    assert_eq!(seen.final_status(), 200);
    assert_eq!(center.seen().requests("INVITE").len(), 1);
    CallRecord::of(line.db, &seen).await.assert_equals(&seen);
}

#[tokio::test]
async fn a_change_counts_for_the_next_call_without_a_reload() {
    let (line, first) = Line::answering().await;
    assert_eq!(line.caller().call().await.final_status(), 200);
    assert_eq!(first.seen().requests("INVITE").len(), 1);
    // Another address and another codec.
    let second = line.center(0, "refuses", &[("CODE", "486")]).await;
    line.set_endpoint(0, "allow = 'alaw'").await;
    assert_eq!(line.caller().call().await.final_status(), 486);
    assert_eq!(first.seen().requests("INVITE").len(), 1);
    let seen = second.seen();
    let media = seen.requests("INVITE")[0]
        .text
        .lines()
        .find(|line| line.starts_with("m=audio"))
        .expect("SDP")
        .to_owned();
    assert!(media.contains(" RTP/AVP 8"), "{media}");
    // A client more.
    let (client, link) = {
        let client = capconduit_tests::client(&line.admin).await;
        (
            client,
            capconduit_tests::link(&line.admin, line.scenario.campaign_id, client, Link::cap(1)).await,
        )
    };
    let third = Center::start(line.site, "answers", &[("RING", "100")]).await;
    let sql = "update pjsip_aors set contact = $2, qualify_frequency = 0 where client_id = $1";
    line.admin
        .execute(sql, &[&client, &third.contact()])
        .await
        .expect("the contact");
    let seen = line.caller().call().await;
    assert_eq!(CallRecord::of(line.db, &seen).await.link_id, Some(link));
    // And none at all.
    let sql = "update clients set status = 'inactive' where id = any ($1)";
    line.admin
        .execute(sql, &[&vec![client, line.scenario.client_ids[0]]])
        .await
        .expect("the clients");
    assert_eq!(line.caller().call().await.final_status(), 480);
}

#[tokio::test]
async fn a_call_of_a_client_that_is_deactivated_ends_and_is_recorded() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let _center = line
        .center(0, "answers-and-ends", &[("RING", "100"), ("TALK", "2500")])
        .await;
    let caller = line.caller().waits().start();
    line.until_answered(&caller).await;
    let sql = "update clients set status = 'inactive' where id = $1";
    line.admin
        .execute(sql, &[&line.scenario.client_ids[0]])
        .await
        .expect("the client");
    let seen = caller.finish().await;
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(record.hangup_by.as_deref(), Some("client"));
    assert_eq!(line.counters(0).await, (0, 1));
    assert_invariants(line.db).await;
}

/// rtp_timeout of a call center is 30 s: no BYE ever comes, the slot returns all the same.
#[tokio::test]
async fn a_call_center_that_goes_silent_loses_the_call() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let center = line.center(0, "answers", &[("RING", "100")]).await;
    let caller = line.caller().waits().start();
    line.until_answered(&caller).await;
    drop(center);
    let seen = caller.finish().await;
    let talked = seen
        .ended_at()
        .duration_since(seen.answered_at().expect("an answer"))
        .as_secs_f64();
    assert!((25.0..40.0).contains(&talked), "it ended after {talked} s");
    let record = CallRecord::of(line.db, &seen).await;
    record.assert_equals(&seen);
    assert_eq!(
        (record.hangup_by.as_deref(), record.cause),
        (Some("system"), Some(44))
    );
    tokio::time::timeout(Duration::from_secs(10), async {
        while line.counters(0).await != (0, 1) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await
    .expect("the slot returns");
}

async fn shares(strategy: Strategy, links: &[Link]) -> Vec<usize> {
    let line = Line::new(strategy, links).await;
    let mut centers = Vec::new();
    for n in 0..links.len() {
        centers.push(line.center(n, "answers", &[("RING", "50")]).await);
    }
    let seen = line
        .caller()
        .talks_for(100)
        .start_with(&["-m", "100", "-r", "20"])
        .finish()
        .await;
    assert_eq!(seen.calls().len(), 100);
    for call in seen.calls() {
        CallRecord::of(line.db, &call).await.assert_equals(&call);
    }
    assert_invariants(line.db).await;
    centers.iter().map(|center| center.seen().calls().len()).collect()
}

#[tokio::test]
async fn priority_sends_a_hundred_calls_to_the_first() {
    let links = [Link::cap(100).priority(2), Link::cap(100).priority(1)];
    assert_eq!(shares(Strategy::Priority, &links).await, [0, 100]);
}

#[tokio::test]
async fn round_robin_shares_a_hundred_calls_equally() {
    assert_eq!(
        shares(Strategy::RoundRobin, &[Link::cap(100), Link::cap(100)]).await,
        [50, 50]
    );
}

/// 70 of 100, by chance: five standard deviations are 23.
#[tokio::test]
async fn weighted_shares_a_hundred_calls_by_weight() {
    let shares = shares(
        Strategy::Weighted,
        &[Link::cap(100).weight(70), Link::cap(100).weight(30)],
    )
    .await;
    assert_eq!(shares[0] + shares[1], 100);
    assert!((47..=93).contains(&shares[0]), "{shares:?}");
}

#[tokio::test]
async fn a_wrong_password_registers_nobody() {
    let line = Line::new(Strategy::Priority, &[Link::cap(1)]).await;
    let identifier = line.identifier(0).await;
    line.credentials(0, &identifier, "right").await;
    line.set_endpoint(0, "auth = id || '-auth'").await;
    let number = format!("{}", unique());
    let caller = Caller::new(line.site, line.switch, &number)
        .at(Place::Stranger)
        .plays("registers")
        .named(&identifier);
    let seen = caller
        .start_with(&["-m", "1", "-au", &identifier, "-ap", "wrong"])
        .finish_anyhow()
        .await;
    assert!(
        seen.messages.iter().all(|message| message.status() != Some(200)),
        "{seen:#?}"
    );
    let sql = "select count(*) from pjsip_contacts where endpoint = $1";
    let contacts: i64 = line
        .admin
        .query_one(sql, &[&identifier])
        .await
        .expect("contacts")
        .get(0);
    assert_eq!(contacts, 0);
}
