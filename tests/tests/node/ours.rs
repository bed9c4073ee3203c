//! What is the platform's trouble is never taken for a fault of the record: a good record waits, and is taken when the
//! trouble is over; and a switch over HTTP is told to try again.

use capconduit_tests::{Calls, TestApi, TestDb, TestNode, assert_invariants};
use serde_json::json;

use super::support::{DID, Folder, eventually, logged, record};

/// What somebody does to the database, the SQLSTATE that records then meet, and how it is mended.
const TROUBLES: &[(&str, &str, &str)] = &[
    (
        "update link_counters set active = 0",
        "55000",
        "select from reconcile_counters()",
    ),
    (
        "alter table call_logs add constraint mine check (call_status <> 'ANSWERED') not valid",
        "23514",
        "alter table call_logs drop constraint mine",
    ),
    (
        "alter table call_logs add column mine integer not null default 0;
         alter table call_logs alter column mine drop default",
        "23502",
        "alter table call_logs drop column mine",
    ),
    (
        "insert into call_logs (asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, counted)
         values ('mine', '+1', now(), 'ANSWERED', false);
         create unique index mine on call_logs ((1)) where asterisk_uniqueid in ('mine', 'spooled-3', 'told-3')",
        "23505",
        "drop index mine; delete from call_logs where asterisk_uniqueid = 'mine'",
    ),
    (
        "create function mine() returns trigger language plpgsql as $$
         begin raise exception 'no' using errcode = 'invalid_parameter_value'; end $$;
         create trigger mine before insert on call_logs for each row execute function mine()",
        "22023",
        "drop function mine cascade",
    ),
    (
        "create function mine() returns trigger language plpgsql as $$
         declare found bigint; begin select id into strict found from capconduit.users where id = 0; return new; end $$;
         create trigger mine before insert on call_logs for each row execute function mine()",
        "P0002",
        "drop function mine cascade",
    ),
    (
        "create function mine() returns trigger language plpgsql as $$
         begin perform 'twelve'::integer; return new; end $$;
         create trigger mine before insert on call_logs for each row execute function mine()",
        "22P02",
        "drop function mine cascade",
    ),
    (
        "update call_logs set billsec_seconds = 1;
         alter table call_logs add column mine integer generated always as (1 / billsec_seconds) stored",
        "22012",
        "alter table call_logs drop column mine",
    ),
    (
        "alter sequence call_logs_id_seq maxvalue 1000000; select setval('call_logs_id_seq', 1000000)",
        "2200H",
        "alter sequence call_logs_id_seq no maxvalue",
    ),
    (
        "alter table call_logs rename column decision to mine",
        "55000",
        "alter table call_logs rename column mine to decision",
    ),
    (
        "alter function log_call rename to mine",
        "42883",
        "alter function mine rename to log_call",
    ),
    (
        "revoke execute on function log_call from capconduit_asterisk, capconduit_internal",
        "42501",
        "grant execute on function log_call to capconduit_asterisk, capconduit_internal",
    ),
];

#[tokio::test]
async fn a_good_record_waits_until_our_trouble_is_over() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    let run = async |sql: &str| {
        superuser
            .batch_execute(sql)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    };
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    let api = TestApi::start(&db).await;
    let switch = db.asterisk().await;
    for (n, (trouble, state, mend)) in TROUBLES.iter().enumerate() {
        let (spooled, told) = (format!("spooled-{n}"), format!("told-{n}"));
        for call in [&spooled, &told] {
            switch.route(DID, call).await.unwrap().link();
            switch.answered(call).await.unwrap();
        }
        run(trouble).await;
        let text = record(&spooled, "ANSWERED").replace("=> 12", "=> 12, billsec_seconds => 0");
        spool.put(&format!("{spooled}.sql"), text);
        let call = json!({
            "incomingDidNumber": DID, "timestampStart": "2026-03-01T09:30:00Z", "callStatus": "ANSWERED",
            "asteriskUniqueid": told, "billsecSeconds": 0,
        });
        let answer = api.switch().post("/api/internal/log_call", call.clone()).await;
        assert_eq!(answer.status, 503, "{trouble}: {}", answer.text());
        eventually("the record was put off", || async { node.log().contains(state) }).await;
        assert_eq!(spool.refused(), [""; 0], "{trouble}");
        assert_eq!(spool.waiting().len(), 1, "{trouble}");
        run(mend).await;
        spool.is_empty().await;
        let answer = api.switch().post("/api/internal/log_call", call).await;
        assert_eq!(answer.status, 201, "{mend}: {}", answer.text());
        for call in [&spooled, &told] {
            assert_eq!(logged(&db, call).await, [format!("{call} ANSWERED")]);
        }
    }
    assert_eq!(spool.refused(), [""; 0]);
    assert_invariants(&db).await;
}

/// And a route: what is ours is never said to be the call's fault.
#[tokio::test]
async fn a_switch_over_http_is_told_to_ask_again() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    let api = TestApi::start(&db).await;
    let ask = async |uniqueid: &str| {
        let call = json!({"did": DID, "uniqueid": uniqueid});
        api.switch().post("/api/internal/route_call", call).await.status
    };
    for (trouble, mend) in [
        (
            "alter table live_calls add constraint mine check (attempt > 1) not valid",
            "alter table live_calls drop constraint mine",
        ),
        (
            "alter table live_calls rename column decision to mine",
            "alter table live_calls rename column mine to decision",
        ),
    ] {
        superuser.batch_execute(trouble).await.expect("trouble");
        assert_eq!(ask("call-1").await, 503, "{trouble}");
        superuser.batch_execute(mend).await.expect("mended");
    }
    assert_eq!(ask("call-1").await, 200);
    assert_eq!(ask("").await, 400, "a fault of the call's is told as one");
}
