//! The switch over HTTP: its tokens, and the dry run that keeps its word.

use capconduit_tests::{Answer, TestApi, TestDb, Visitor, assert_invariants, project};
use serde_json::json;

use super::support::{World, column, json_of, keys, run};

const INFO: &str = "/api/internal/route_info";
const ROUTE: &str = "/api/internal/route_call";
const NEXT: &str = "/api/internal/next_target";
const LOG: &str = "/api/internal/log_call";

async fn info(switch: &Visitor, did: &str) -> Answer {
    switch
        .get(&format!("{INFO}?did={}", did.replace('+', "%2B")))
        .await
}

async fn rejected(switch: &Visitor, did: &str) -> String {
    let answer = info(switch, did).await.expect_status(404);
    assert_eq!(answer.content_type(), "application/json");
    let body = answer.json();
    assert_eq!(
        (keys(&body), &body["status"]),
        (vec!["rejectReason", "status"], &json!("reject"))
    );
    body["rejectReason"].as_str().expect("a reason").to_owned()
}

#[tokio::test]
async fn tokens_rotate_and_are_checked_first() {
    let db = TestDb::sample().await;
    let file = project::fresh_state_folder().with_extension("tokens");
    std::fs::write(&file, "from-file-token-one\n\n  from-file-token-two  \n").expect("a file");
    let path = file.to_str().expect("a path");
    let settings = [
        ("INTERNAL_API_TOKEN", "old-token-0123456789, new-token-0123456789"),
        ("CAPCONDUIT_INTERNAL_TOKEN_FILE", path),
    ];
    let api = TestApi::start_with(&db, &settings).await;
    let with = |token: &str| api.nobody().with("x-internal-api-token", token);
    for token in [
        "old-token-0123456789",
        "new-token-0123456789",
        "from-file-token-one",
        "from-file-token-two",
    ] {
        info(&with(token), "+18005550101").await.expect_status(200);
    }
    let admin = api.login("platform_admin", "password").await;
    for stranger in [
        with("old-token-012345678"),
        with("old-token-01234567890"),
        with("OLD-token-0123456789"),
        with(""),
        with("old-token-0123456789, new-token-0123456789"),
        api.nobody(),
        admin,
        api.bearer("old-token-0123456789"),
    ] {
        stranger.get(INFO).await.problem(401, "unauthenticated");
        for path in [ROUTE, NEXT, LOG] {
            stranger
                .raw("POST", path, Some("text/plain"), "{".into())
                .await
                .problem(401, "unauthenticated");
        }
    }
    std::fs::remove_file(&file).expect("the file was there");
}

#[tokio::test]
async fn without_a_token_the_service_does_not_start() {
    let db = TestDb::sample().await;
    let serve = async |token: &str, off: &str| {
        let mut command = tokio::process::Command::from(project::capconduit());
        command
            .arg("serve")
            .env("DATABASE_URL", db.url(capconduit_tests::API))
            .env("CAPCONDUIT_LISTEN", "127.0.0.1:1")
            .env("INTERNAL_API_TOKEN", token)
            .env("CAPCONDUIT_WITHOUT_INTERNAL_API", off)
            .kill_on_drop(true);
        let output = command.output().await.expect("the command runs");
        assert!(!output.status.success());
        String::from_utf8(output.stderr).expect("text")
    };
    assert!(serve("", "").await.contains("no token for the internal API"));
    let weak = serve("short", "").await;
    assert!(weak.contains("too weak") && !weak.contains("short"), "{weak}");
    assert!(
        serve("a-good-token-0123456789", "true")
            .await
            .contains("choose one")
    );
    let off = TestApi::start_with(
        &db,
        &[
            ("INTERNAL_API_TOKEN", ""),
            ("CAPCONDUIT_WITHOUT_INTERNAL_API", "true"),
        ],
    )
    .await;
    for path in [INFO, ROUTE, NEXT, LOG] {
        off.switch().get(path).await.problem(404, "not_found");
    }
    let paths = off.nobody().get("/openapi.json").await.ok()["paths"].to_string();
    assert!(!paths.contains("/api/internal"));
}

#[tokio::test]
async fn a_dry_run_tells_the_targets() {
    let world = World::new().await;
    let switch = world.api.switch();
    let missing = switch.get(INFO).await.problem(400, "missing_did");
    assert_eq!(missing["message"], "Missing 'did' query parameter");
    let body = info(&switch, "+18005550101").await.ok();
    assert_eq!(keys(&body), ["routingInfo", "status"]);
    assert_eq!(body["status"], "proceed");
    let routing = &body["routingInfo"];
    assert_eq!(
        keys(routing),
        [
            "campaign_id",
            "dial_timeout_seconds",
            "did_id",
            "routing_strategy",
            "targets",
            "user_id"
        ]
    );
    assert_eq!(
        (
            &routing["user_id"],
            &routing["campaign_id"],
            &routing["did_id"],
            &routing["routing_strategy"],
            &routing["dial_timeout_seconds"]
        ),
        (&json!(3), &json!(1), &json!(1), &json!("priority"), &json!(25))
    );
    assert_eq!(
        routing["targets"][0],
        json!({"campaignClientSettingId": 1, "client_id": 1, "client_identifier": "client_alpha_sales",
               "client_name": "Alpha Corp", "sip_uri": "sip:10.10.10.1:5060", "max_concurrency": 10, "weight": 100,
               "priority": 0, "outbound_auth": null, "callerid_override": "Alice Leads <+18005551111>",
               "context": "from-capconduit", "transport": "transport-udp"})
    );
    assert_eq!(column(&routing["targets"], "campaignClientSettingId"), [1, 2]);
    // Bob's first link is at its cap, the third is inactive: one is left. The plus may be left out.
    for did in ["+13105550103", "13105550103"] {
        let body = info(&switch, did).await.ok();
        assert_eq!(
            column(&body["routingInfo"]["targets"], "campaignClientSettingId"),
            [6]
        );
        assert_eq!(body["routingInfo"]["did_id"], 3);
    }
}

/// The first reason that applies, in the order of the contract.
#[tokio::test]
async fn a_dry_run_tells_why_not() {
    let world = World::new().await;
    let (switch, superuser) = (world.api.switch(), world.db.superuser().await);
    let did = "+13105550103";
    for unknown in ["+19999999999", "nonsense", "+"] {
        assert_eq!(rejected(&switch, unknown).await, "did_not_found", "{unknown}");
    }
    // From the last reason to the first: each is found before those that were set up already.
    for (change, reason) in [
        (
            "update campaign_client_settings set total_calls_allowed = 0 where campaign_id = 3",
            "no_eligible_clients_available",
        ),
        (
            "update campaign_client_settings set status = 'inactive' where campaign_id = 3",
            "no_active_clients_in_campaign",
        ),
        (
            "update campaigns set status = 'paused' where id = 3",
            "no_active_campaign_for_did",
        ),
        (
            "update users set status = 'suspended' where id = 4",
            "owner_inactive",
        ),
        ("update dids set status = 'inactive' where id = 3", "did_inactive"),
        ("delete from dids where id = 3", "did_not_found"),
    ] {
        run(&superuser, change).await;
        assert_eq!(rejected(&switch, did).await, reason, "{change}");
        // A real call is told the same.
        let routed = switch
            .post(ROUTE, json!({"did": did, "uniqueid": "call-1"}))
            .await
            .ok();
        assert_eq!(
            (&routed["status"], &routed["reason"]),
            (&json!("reject"), &json!(reason))
        );
    }
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_keeps_its_word() {
    let world = World::new().await;
    let (switch, superuser) = (world.api.switch(), world.db.superuser().await);
    // Three links each, so that an order can be wrong.
    run(
        &superuser,
        "insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
         values (1, 3, 9, 0), (2, 1, 9, 0)",
    )
    .await;
    let everything = "select jsonb_build_array((select jsonb_agg(n order by link_id) from link_counters n),
        (select jsonb_agg(l) from live_calls l), (select count(*) from call_logs), (select count(*) from call_attempts),
        (select jsonb_agg(n) from nodes n), (select count(*) from audit_log))";
    for (did, calls) in [("+18005550101", 6), ("+12125550102", 12)] {
        for call in 0..calls {
            let before = json_of(&superuser, everything).await;
            let dry = info(&switch, did).await.ok();
            assert_eq!(info(&switch, did).await.ok(), dry, "asked again, the same answer");
            assert_eq!(
                json_of(&superuser, everything).await,
                before,
                "a dry run leaves nothing behind"
            );
            let uniqueid = format!("{did}-{call}");
            let mut routed = switch
                .post(ROUTE, json!({"did": did, "uniqueid": uniqueid}))
                .await
                .ok();
            // The call takes the targets in the order foretold.
            let foretold = column(&dry["routingInfo"]["targets"], "campaignClientSettingId");
            assert_eq!(&routed["linkId"], foretold[0], "call {call} to {did}");
            if call % 3 == 0 {
                for (attempt, link) in (1..).zip(&foretold[1..]) {
                    let failed =
                        json!({"uniqueid": uniqueid, "failedAttempt": attempt, "dialStatus": "BUSY"});
                    routed = switch.post(NEXT, failed).await.ok();
                    assert_eq!(
                        &routed["linkId"], *link,
                        "call {call} to {did}, attempt {attempt}"
                    );
                }
                let failed =
                    json!({"uniqueid": uniqueid, "failedAttempt": foretold.len(), "dialStatus": "BUSY"});
                assert_eq!(switch.post(NEXT, failed).await.ok()["reason"], "no_more_targets");
            }
        }
    }
    assert_invariants(&world.db).await;
}
