//! What admins and staff see of the platform at work: switches, registrations, rejected calls, and what needs a hand.

use capconduit_tests::{Calls, eventually};
use serde_json::{Value, json};
use tokio_postgres::Client;

use super::support::{World, column, field_error, keys, run};

async fn heartbeat(switch: &Client, node: &str, calls: &str) {
    run(
        switch,
        &format!(
            "select capconduit.node_heartbeat('{node}', 'agent-{node}', clock_timestamp(), array[{calls}]::text[])"
        ),
    )
    .await;
}

#[tokio::test]
async fn switches_are_told_as_they_were_last_heard() {
    let world = World::new().await;
    let (switch, superuser) = (world.db.asterisk().await, world.db.superuser().await);
    let get = async |query: &str| {
        let page = world.staff.get(&format!("/api/admin/nodes{query}")).await.ok();
        page["items"].clone()
    };
    assert_eq!(get("").await, json!([]));
    for node in ["pbx1", "pbx2", "pbx3"] {
        heartbeat(&switch, node, "'x', 'y'").await;
    }
    switch
        .route_on("+18005550101", "call-1", "+4930", "pbx2")
        .await
        .unwrap()
        .link();
    run(
        &superuser,
        "select node_report('pbx3', 'agent-pbx3', 'stopped');
         update nodes set heartbeat_at = now() - interval '3 minutes', last_call_at = null where name = 'pbx2'",
    )
    .await;
    let all = get("").await;
    assert_eq!(column(&all, "name"), ["pbx1", "pbx2", "pbx3"]);
    assert_eq!(column(&all, "state"), ["heard", "silent", "unwatched"]);
    assert_eq!(column(&all, "listedCalls"), [2, 2, 2]);
    assert_eq!(column(&all, "callsInFlight"), [0, 1, 0]);
    assert_eq!(column(&all, "slotsHeld"), [0, 1, 0]);
    assert_eq!(
        keys(&all[0]),
        [
            "callsInFlight",
            "heardAt",
            "lastCallAt",
            "listedAt",
            "listedCalls",
            "name",
            "slotsHeld",
            "startedAt",
            "state"
        ]
    );
    assert_eq!(column(&get("?state=silent").await, "name"), ["pbx2"]);
    assert_eq!(column(&get("?name=pbx1").await, "name"), ["pbx1"]);
    assert_eq!(
        column(&get("?sort=-calls_in_flight").await, "name"),
        ["pbx2", "pbx1", "pbx3"]
    );
    // A sign of a call is one of the switch.
    run(
        &superuser,
        "update nodes set last_call_at = now() where name = 'pbx2'",
    )
    .await;
    assert_eq!(column(&get("").await, "state"), ["heard", "heard", "unwatched"]);
}

#[tokio::test]
async fn registrations_are_told_as_asterisk_wrote_them() {
    let world = World::new().await;
    let superuser = world.db.superuser().await;
    run(
        &superuser,
        "insert into pjsip_contacts (id, endpoint, uri, expiration_time, via_addr, via_port, reg_server, user_agent)
         values ('client_alpha_sales^3B@1', 'client_alpha_sales', 'sip:a@192.0.2.7:5060^3Btransport=tcp', 4000000000,
                 '192.0.2.7', 5061, 'pbx1', 'Phone/1'),
                ('client_beta_support^3B@1', 'client_beta_support', 'sip:b@192.0.2.8', 1000000000, null, null, null, null),
                ('client_delta_partners^3B@1', 'client_delta_partners', 'sip:d@192.0.2.9', 4000000000, null, null, null, null),
                ('gone^3B@1', 'gone', null, 9223372036854775807, null, null, null, null),
                ('none^3B@1', null, null, null, null, null, null, null)",
    )
    .await;
    let get = async |query: &str| {
        let page = world
            .staff
            .get(&format!("/api/admin/registrations{query}"))
            .await
            .ok();
        page["items"].clone()
    };
    let all = get("").await;
    assert_eq!(
        all[0],
        json!({"clientId": 1, "clientIdentifier": "client_alpha_sales", "clientName": "Alpha Corp",
               "contact": "sip:a@192.0.2.7:5060;transport=tcp", "viaAddress": "192.0.2.7", "viaPort": 5061, "node": "pbx1",
               "userAgent": "Phone/1", "until": "2096-10-02T07:06:40+00:00", "reachable": true})
    );
    // Ended, of an inactive client, of none.
    assert_eq!(column(&all, "reachable"), [true, false, false, false, false]);
    assert_eq!(column(&get("?reachable=true").await, "clientId"), [1]);
    assert_eq!(
        column(&get("?client_id=2").await, "until"),
        ["2001-09-09T01:46:40+00:00"]
    );
    assert_eq!(column(&get("?node=pbx1").await, "clientId"), [1]);
    assert_eq!(column(&get("?sort=until&per_page=1").await, "clientId"), [2]);
}

#[tokio::test]
async fn rejected_calls_are_told_by_reason_number_and_switch() {
    let world = World::new().await;
    let switch = world.db.asterisk().await;
    for (n, (did, node)) in [
        ("+99999999999", "pbx1"),
        ("+99999999999", "pbx1"),
        ("+99999999999", "pbx2"),
        ("+442075550104", "pbx1"),
    ]
    .into_iter()
    .enumerate()
    {
        switch
            .route_on(did, &format!("call-{n}"), "+4930", node)
            .await
            .unwrap()
            .reject_reason();
    }
    drop(switch);
    let get = async |query: &str| world.staff.get(&format!("/api/admin/rejects{query}")).await.ok();
    eventually("all are written down", async || get("").await["calls"] == 4).await;
    let all = get("").await;
    assert_eq!(all["minutes"], 15);
    assert_eq!(
        all["byReason"],
        json!([{"reason": "did_not_found", "calls": 3}, {"reason": "did_inactive", "calls": 1}])
    );
    assert_eq!(
        all["byNumber"],
        json!([{"did": "+99999999999", "calls": 3, "didId": null, "userId": null, "username": null},
               {"did": "+442075550104", "calls": 1, "didId": 4, "userId": 3, "username": "seller_alice"}])
    );
    assert_eq!(
        all["byNode"],
        json!([{"node": "pbx1", "calls": 3}, {"node": "pbx2", "calls": 1}])
    );
    let narrow = get("?node=pbx2&reason=did_not_found&did=%2B99999999999&minutes=1").await;
    assert_eq!((&narrow["calls"], &narrow["minutes"]), (&json!(1), &json!(1)));
    run(
        &world.db.superuser().await,
        "update reject_counts set minute = minute - interval '1 hour'",
    )
    .await;
    let none = json!({"minutes": 15, "calls": 0, "byReason": [], "byNumber": [], "byNode": []});
    assert_eq!(get("").await, none);
    assert_eq!(get("?minutes=90").await["calls"], 4);
    for bad in ["0", "10081", "x", ""] {
        let answer = world
            .staff
            .get(&format!("/api/admin/rejects?minutes={bad}"))
            .await;
        field_error(&answer.problem(400, "validation_failed"), "minutes");
    }
}

async fn concerns(world: &World) -> Value {
    world.staff.get("/api/admin/attention").await.ok()["items"].clone()
}

#[tokio::test]
async fn what_needs_a_hand_is_told_with_what_to_do() {
    let world = World::new().await;
    let (switch, superuser) = (world.db.asterisk().await, world.db.superuser().await);
    assert_eq!(
        concerns(&world).await,
        json!([]),
        "the sample data's platform is well"
    );
    heartbeat(&switch, "pbx1", "").await;
    for (did, uniqueid) in [("+18005550101", "call-1"), ("+18005550101", "call-2")] {
        switch
            .route_on(did, uniqueid, "+4930", "pbx1")
            .await
            .unwrap()
            .link();
    }
    run(
        &superuser,
        "select release_call('call-2', 'its end was never told')",
    )
    .await;
    assert_eq!(column(&concerns(&world).await, "code"), ["records_missing"]);
    // The service gives the slots of calls beyond their lease back: one whose row is locked stays for the next time.
    let holder = world.db.superuser().await;
    run(&holder, "begin; select from live_calls for key share").await;
    run(
        &superuser,
        "update nodes set heartbeat_at = now() - interval '3 minutes', last_call_at = now() - interval '3 minutes';
         update live_calls set lease_until = now() - interval '1 minute';
         update call_logs set late_excess = true, created_at = now() where id = 5;
         update campaign_client_settings set total_calls_allowed = 0 where id = 1;
         update campaign_client_settings set status = 'inactive' where id in (2, 3);
         update pjsip_aors set contact = null where client_id = 3",
    )
    .await;
    let found = concerns(&world).await;
    let told: Vec<(&str, &Value, &Value)> = found
        .as_array()
        .expect("a list")
        .iter()
        .map(|c| {
            (
                c["code"].as_str().expect("a code"),
                &c["objectType"],
                &c["objectId"],
            )
        })
        .collect();
    let null = &Value::Null;
    assert_eq!(
        told,
        [
            ("node_silent", &json!("node"), &json!("pbx1")),
            ("calls_overdue", null, null),
            ("records_missing", null, null),
            ("late_excess", null, null),
            ("campaign_leads_nowhere", &json!("campaign"), &json!("1")),
            ("campaign_leads_nowhere", &json!("campaign"), &json!("2")),
            ("client_without_contact", &json!("client"), &json!("3")),
            ("total_exceeded", &json!("link"), &json!("1")),
        ]
    );
    for concern in found.as_array().expect("a list") {
        for key in ["text", "whatToDo"] {
            assert!(
                concern[key].as_str().is_some_and(|text| text.ends_with('.')),
                "{concern}"
            );
        }
    }
    assert!(
        found[0]["since"].is_string() && found[1]["since"].is_string(),
        "{found}"
    );
    // What it says of campaigns is what the next call would hear.
    for (did, nowhere) in [
        ("+18005550101", true),
        ("+12125550102", true),
        ("+13105550103", false),
    ] {
        let explained = world
            .staff
            .get(&format!("/api/admin/explain?did={}", did.replace('+', "%2B")))
            .await
            .ok();
        let eligible = column(&explained["links"], "eligible");
        assert_eq!(
            eligible.iter().all(|one| **one == json!(false)),
            nowhere,
            "{explained}"
        );
    }
    // A registration that lasts is a contact, and an inactive seller's campaign is nobody's concern.
    run(
        &superuser,
        "insert into pjsip_contacts (id, endpoint, expiration_time)
         values ('client_gamma_intake^3B@1', 'client_gamma_intake', 4000000000);
         update users set status = 'inactive' where id = 3",
    )
    .await;
    let codes = concerns(&world).await;
    let codes = column(&codes, "code");
    assert!(
        !codes.iter().any(
            |code| **code == json!("campaign_leads_nowhere") || **code == json!("client_without_contact")
        ),
        "{codes:?}"
    );
    run(&holder, "rollback").await;
    // What somebody adds to a table makes calls dearer, or refuses them.
    run(
        &superuser,
        "create function nothing() returns trigger language plpgsql as 'begin return new; end';
         create trigger added before update on link_counters for each row execute function nothing()",
    )
    .await;
    assert_eq!(concerns(&world).await[0]["code"], "calls_dearer");
}
