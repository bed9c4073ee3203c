//! `preview_route`: whom a call would be offered first, asked before there is one. That it always agrees with
//! `explain_route` is held by the model's histories as well (`model::op`).

use capconduit_tests::{Calls, Link, Scenario, Strategy, TestDb, assert_invariants};

use super::support::{run, value};

#[tokio::test]
async fn it_foretells_every_route_and_every_reject() {
    let db = TestDb::sample().await;
    let (admin, switch) = (db.admin().await, db.asterisk().await);
    for did in ["+18005550101", "+12125550102"] {
        // Both links of both campaigns run full on the way.
        for n in 0..30 {
            let foretold = switch.preview(did).await.unwrap();
            let target = switch.route(did, &format!("{did}-{n}")).await.unwrap();
            assert_eq!(
                (foretold.status.as_str(), &foretold.reason, foretold.hangup_cause),
                (target.status.as_str(), &target.reason, target.hangup_cause),
                "{did} call {n}"
            );
            assert_eq!(
                (
                    foretold.link_id,
                    &foretold.client_identifier,
                    foretold.campaign_id
                ),
                (target.link_id, &target.client_identifier, target.campaign_id),
                "{did} call {n}"
            );
        }
        let full = switch.preview(did).await.unwrap();
        assert_eq!(
            full.reason.as_deref(),
            Some("no_eligible_clients_available"),
            "{did}"
        );
    }
    for (did, change) in [
        ("not a number", ""),
        ("+19990001", ""),
        ("+442075550104", ""),
        (
            "+18005550101",
            "update users set status = 'suspended' where id = (select user_id from dids where number = '+18005550101')",
        ),
        ("+12125550102", "update campaigns set status = 'paused'"),
        (
            "+13105550103",
            "update users set status = 'active'; update campaigns set status = 'active'; update clients set status = 'inactive'",
        ),
    ] {
        run(&admin, change).await;
        let foretold = switch.preview(did).await.unwrap();
        let told = switch.route(did, &format!("{did} refused")).await.unwrap();
        assert_eq!(
            (foretold.status.as_str(), told.status.as_str()),
            ("reject", "reject"),
            "{did}"
        );
        assert_eq!(
            (foretold.reason, foretold.hangup_cause),
            (told.reason, told.hangup_cause),
            "{did}"
        );
    }
    assert_invariants(&db).await;
}

#[tokio::test]
async fn it_draws_as_a_weighted_campaign_does() {
    let db = TestDb::new().await;
    let admin = db.admin().await;
    let links = [
        Link::cap(5).weight(70),
        Link::cap(5).weight(30),
        Link::cap(5).allowed(0).weight(900),
    ];
    let scenario = Scenario::new(&admin, Strategy::Weighted, &links).await;
    // A number that is written anew for each row, so that each row asks anew.
    let first: i64 = value(
        &admin,
        &format!(
            "select count(*) filter (where p.link_id = {})
               from generate_series(1, 20000) n, preview_route('{}' || left(n::text, 0)) p",
            scenario.link_ids[0], scenario.did
        ),
    )
    .await;
    // 70 % of 20,000 with a standard deviation of 65: five of them.
    assert!((13_675..=14_325).contains(&first), "{first}");
}

#[tokio::test]
async fn it_leaves_no_trace() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    run(&switch, "begin read only").await;
    switch.preview("+12125550102").await.unwrap();
    let wrote: bool = value(&switch, "select pg_current_xact_id_if_assigned() is not null").await;
    run(&switch, "commit").await;
    assert!(!wrote);
    let live: i64 = value(
        &db.superuser().await,
        "select count(*) from capconduit.live_calls",
    )
    .await;
    assert_eq!(live, 0);
}
