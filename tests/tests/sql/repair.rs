//! What keeps the books right against hands: deletions refused while calls are in flight, counters verified,
//! reconciled and adjusted, and an audit log that tells all of it and no secret.

use capconduit_tests::{ADMIN, API, Calls, TestDb, assert_consistent, assert_invariants};
use tokio_postgres::Client;

use super::support::{refusal, run, sqlstate, value, values};

const DID: &str = "+18005550101";

#[tokio::test]
async fn nothing_that_holds_a_slot_can_be_deleted() {
    let db = TestDb::sample().await;
    let (switch, admin) = (db.asterisk().await, db.admin().await);
    switch.route(DID, "call-1").await.unwrap().link();
    for sql in [
        "delete from campaign_client_settings where id = 1",
        "delete from campaigns where id = 1",
        "delete from clients where id = 1",
        "delete from users where id = 3",
        "delete from link_counters where link_id = 1",
    ] {
        let error = admin.batch_execute(sql).await.unwrap_err();
        let error = error.as_db_error().unwrap();
        assert_eq!(error.code().code(), "23001", "{sql}");
        assert_eq!(error.constraint(), Some("link_counters_calls_in_flight"), "{sql}");
    }
    // The number may go: the call has all it needs.
    run(&admin, "delete from dids where id = 1").await;
    assert_eq!(
        switch.log("call-1", DID, "ANSWERED").await.unwrap().status,
        "logged"
    );
    let kept: String = value(
        &admin,
        "select concat_ws(' ', did_id, user_id, link_id, counted) from call_logs where asterisk_uniqueid = 'call-1'",
    )
    .await;
    assert_eq!(kept, "1 3 1 t", "ids are kept when what they named is gone");
    run(&admin, "delete from users where id = 3").await;
    assert_invariants(&db).await;
}

/// A restore that left rows out, a hand with triggers off.
#[tokio::test]
async fn a_link_without_its_counters_takes_no_call_and_is_mended() {
    let db = TestDb::sample().await;
    let (switch, admin, superuser) = (db.asterisk().await, db.admin().await, db.superuser().await);
    assert_eq!(switch.route(DID, "before").await.unwrap().link(), 1);
    switch.answered("before").await.unwrap();
    run(
        &superuser,
        "set session_replication_role = replica; delete from link_counters where link_id = 1",
    )
    .await;
    // The campaign's other link takes the calls, also one that moves on.
    assert_eq!(switch.route(DID, "second").await.unwrap().link(), 2);
    assert_eq!(switch.next("before", 1, "BUSY").await.unwrap().link(), 2);
    let explained = switch_explains(&superuser).await;
    assert_eq!(explained, ["1 f link_inactive", "2 t eligible"]);
    let verify = "select concat_ws(' ', link_id, counter, coalesce(stored::text, 'missing'), actual)
                    from capconduit.verify_counters()";
    let wrong = ["1 active missing 0", "1 total missing 1"];
    assert_eq!(values::<String>(&admin, verify).await, wrong);
    // Alone in its campaign, it makes its calls rejects and no errors.
    run(
        &superuser,
        "update campaign_client_settings set status = 'inactive' where id = 2",
    )
    .await;
    let rejected = switch.route(DID, "third").await.unwrap();
    assert_eq!(rejected.reject_reason(), "no_active_clients_in_campaign");
    let reconcile = "select count(*) from capconduit.reconcile_counters()";
    value::<i64>(&admin, reconcile).await;
    assert_eq!(values::<String>(&admin, verify).await, [""; 0]);
    assert_eq!(switch.route(DID, "fourth").await.unwrap().link(), 1);
    assert_invariants(&db).await;
}

async fn switch_explains(superuser: &Client) -> Vec<String> {
    let sql = format!(
        "select concat_ws(' ', link_id, eligible, reason) from capconduit.explain_route('{DID}') order by link_id"
    );
    values(superuser, &sql).await
}

/// Whatever a hand has left pointing to nothing: calls end, and their campaign goes on.
#[tokio::test]
async fn calls_whose_link_client_or_node_is_gone_end_all_the_same() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for call in ["moves", "ends", "lost"] {
        let node = "pbx1";
        assert_eq!(switch.route_on(DID, call, "", node).await.unwrap().link(), 1);
    }
    run(
        &superuser,
        "set session_replication_role = replica;
         delete from nodes; delete from link_counters where link_id = 1;
         delete from campaign_client_settings where id = 1; delete from clients where id = 1",
    )
    .await;
    assert_eq!(switch.next("moves", 1, "BUSY").await.unwrap().link(), 2);
    for call in ["moves", "ends"] {
        let logged = switch.log(call, DID, "ANSWERED").await.unwrap();
        assert_eq!(logged.status, "logged", "{call}");
    }
    assert_eq!(
        superuser.release("lost", "test").await.unwrap().status,
        "released"
    );
    assert_eq!(switch.route(DID, "next").await.unwrap().link(), 2);
    let wrong: i64 = value(&superuser, "select count(*) from verify_counters()").await;
    assert_eq!(wrong, 0);
}

/// Only its client is gone.
#[tokio::test]
async fn a_link_without_its_client_takes_no_call() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    run(
        &superuser,
        "set session_replication_role = replica; delete from clients where id = 1",
    )
    .await;
    assert!(switch.route(DID, "call-1").await.is_ok());
}

#[tokio::test]
async fn counters_changed_by_hand_are_found_and_mended() {
    let db = TestDb::sample().await;
    let (switch, admin, superuser) = (db.asterisk().await, db.admin().await, db.superuser().await);
    switch.route(DID, "call-1").await.unwrap().link();
    let verify = "select concat_ws(' ', link_id, counter, stored, actual) from capconduit.verify_counters()";
    assert_eq!(values::<String>(&admin, verify).await, [""; 0]);
    run(
        &superuser,
        "update link_counters set active = 5, total = 9 where link_id = 1;
         update link_counters set total = 0, base = -3 where link_id = 2",
    )
    .await;
    let wrong = ["1 active 5 1", "1 total 9 1", "2 total 0 -2"];
    assert_eq!(values::<String>(&admin, verify).await, wrong);
    let reconcile = verify.replace("verify", "reconcile");
    assert_eq!(values::<String>(&admin, &reconcile).await, wrong);
    assert_eq!(values::<String>(&admin, &reconcile).await, [""; 0]);
    let audit: Vec<String> = values(
        &admin,
        "select concat_ws(' ', db_role, object_id, before, after) from audit_log where action = 'reconcile' order by id",
    )
    .await;
    assert_eq!(
        audit,
        [
            r#"capconduit_admin 1 {"active": 5} {"active": 1}"#,
            r#"capconduit_admin 1 {"total": 9} {"total": 1}"#,
            r#"capconduit_admin 2 {"total": 0} {"total": -2}"#,
        ]
    );
    switch.log("call-1", DID, "ANSWERED").await.unwrap();
    assert_consistent(&db).await;
}

#[tokio::test]
async fn a_total_is_adjusted_with_a_reason_and_moves_the_room() {
    let db = TestDb::sample_uncapped().await;
    let (switch, admin) = (db.asterisk().await, db.admin().await);
    let adjust = async |link: &str, delta: &str, reason: &str| {
        let sql = format!(
            "select concat_ws(' ', status, total) from capconduit.adjust_link_total({link}, {delta}, {reason})"
        );
        admin
            .query_one(&sql, &[])
            .await
            .map(|row| row.get::<_, String>(0))
    };
    // Gamma is at its total of one: one is forgiven, and it has room again.
    let explained = async || {
        admin.explain("+13105550103").await.unwrap()[0]
            .reason
            .clone()
            .unwrap()
    };
    assert_eq!(explained().await, "total_cap");
    assert_eq!(
        adjust("5", "-1", "'  credit for a test call '").await.unwrap(),
        "ok 0"
    );
    assert_eq!(explained().await, "eligible");
    assert_eq!(adjust("5", "1", "'back'").await.unwrap(), "ok 1");
    assert_eq!(adjust("99", "1", "'x'").await.unwrap(), "unknown_link");
    assert_eq!(adjust("null", "1", "'x'").await.unwrap(), "unknown_link");
    for (delta, reason) in [("null", "'x'"), ("1", "null"), ("1", "''"), ("1", "'  '")] {
        assert_eq!(sqlstate(adjust("5", delta, reason).await), "22023");
    }
    let audit: Vec<String> = values(
        &admin,
        "select concat_ws(' ', object_id, before ->> 'total', after ->> 'total', after ->> 'delta', after ->> 'reason')
           from audit_log where action = 'adjust' order by id",
    )
    .await;
    assert_eq!(audit, ["5 1 0 -1 credit for a test call", "5 0 1 1 back"]);
    // Records that are purged stay counted: the rule is total = base + counted.
    run(
        &admin,
        "begin;
         update link_counters n set base = base + 1 from call_logs g where g.id = 1 and n.link_id = g.link_id;
         delete from call_logs where id = 1;
         commit",
    )
    .await;
    switch.route(DID, "call-1").await.unwrap().link();
    assert_invariants(&db).await;
}

async fn audited(admin: &Client) -> Vec<String> {
    values(
        admin,
        "select concat_ws(' ', user_id, db_role, action, object_type, object_id, after ->> 'secrets_changed')
           from audit_log order by id",
    )
    .await
}

#[tokio::test]
async fn the_audit_tells_who_changed_what_and_no_secret() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    run(
        &admin,
        "delete from audit_log;
         begin;
         set local capconduit.user_id = '1';
         update pjsip_auths set password = 'S3CRET-a', realm = 'new.internal' where client_id = 3;
         update pjsip_auths set auth_type = 'md5', md5_cred = repeat('5EC2e7', 5) || '5e', password = null
          where client_id = 3;
         insert into pjsip_auths (client_id, id, username, password) values (1, 'auth_alpha', 'u', 'S3CRET-b');
         delete from pjsip_auths where client_id = 1;
         update users set password_hash = '$argon2id$S3CRET-c' where id = 3;
         insert into users (username, email, password_hash, role)
             values ('new_one', 'n@example.com', '$argon2id$S3CRET-d', 'user');
         insert into api_tokens (user_id, name, token_hash, expires_at)
             values (3, 'ci', decode(repeat('5ec2e7', 10) || '5ec2', 'hex'), now() + interval '1 day');
         delete from api_tokens;
         update clients set name = name;
         commit",
    )
    .await;
    assert_eq!(
        audited(&admin).await,
        [
            r#"1 capconduit_admin update pjsip_auths 3 ["password"]"#,
            r#"1 capconduit_admin update pjsip_auths 3 ["md5_cred", "password"]"#,
            "1 capconduit_admin insert pjsip_auths 1",
            "1 capconduit_admin delete pjsip_auths 1",
            r#"1 capconduit_admin update users 3 ["password_hash"]"#,
            "1 capconduit_admin insert users 6",
            "1 capconduit_admin insert api_tokens 1",
            "1 capconduit_admin delete api_tokens 1",
        ],
        "and a change that changes nothing is none"
    );
    let rows: Vec<String> = values(&admin, "select a::text from audit_log a").await;
    for row in &rows {
        let row = row.to_lowercase();
        for secret in ["s3cret", "5ec2", "argon2", "sample-password"] {
            assert!(!row.contains(secret), "{row}");
        }
    }
    let changed: String = value(
        &admin,
        "select concat_ws(' ', before ->> 'realm', after ->> 'realm') from audit_log order by id limit 1",
    )
    .await;
    assert_eq!(changed, "gamma.internal new.internal");
}

#[tokio::test]
async fn sessions_and_tokens_end_with_a_suspension_and_a_new_password() {
    let db = TestDb::sample().await;
    let (admin, api) = (db.admin().await, db.connect_as(API).await);
    let open = async |user: i64, token: &str| {
        let sql = format!(
            "select open_session({user}, (select password_hash from find_login(
                (array['platform_admin', 'ops_staff', 'seller_alice', 'seller_bob'])[{user}])),
                sha256('{token}'), 3600)"
        );
        assert!(value::<bool>(&api, &sql).await, "{token}");
    };
    let who = async |token: &str| {
        let sql = format!("select user_id from find_session(sha256('{token}'), 3600)");
        value::<Option<i64>>(&api, &sql).await
    };
    let token_of = "insert into api_tokens (user_id, name, token_hash, expires_at)
                    values (3, 'ci', sha256('token'), now() + interval '1 day')";
    let token = "select user_id from find_api_token(sha256('token'))";
    for (user, name) in [(3, "alice-1"), (3, "alice-2"), (4, "bob-1")] {
        open(user, name).await;
    }
    run(&admin, token_of).await;
    assert_eq!(who("alice-1").await, Some(3));
    assert_eq!(value::<Option<i64>>(&api, token).await, Some(3));
    // A change of one's own password keeps the session that it was made in, and nothing else.
    run(
        &admin,
        "begin;
         select set_config('capconduit.keep_session', encode(sha256('alice-1'), 'hex'), true);
         update users set password_hash = '$argon2id$new' where id = 3;
         commit",
    )
    .await;
    assert_eq!((who("alice-1").await, who("alice-2").await), (Some(3), None));
    assert_eq!(value::<Option<i64>>(&api, token).await, None);
    assert_eq!(who("bob-1").await, Some(4), "another's session is another's");
    // A password that was verified before the change opens nothing.
    let stale = "select open_session(3, '$argon2id$old', sha256('alice-3'), 3600)";
    assert!(!value::<bool>(&api, stale).await);
    // A suspension ends even the session that is named.
    run(&admin, token_of).await;
    run(
        &admin,
        "begin;
         select set_config('capconduit.keep_session', encode(sha256('alice-1'), 'hex'), true);
         update users set status = 'suspended' where id = 3;
         commit;
         update users set status = 'active' where id = 3",
    )
    .await;
    assert_eq!(who("alice-1").await, None);
    assert_eq!(value::<Option<i64>>(&api, token).await, None);
    assert_eq!(who("bob-1").await, Some(4));
}

#[tokio::test]
async fn the_owner_s_own_hands_meet_the_constraints() {
    let db = TestDb::sample().await;
    let admin = db.connect_as(ADMIN).await;
    for (sql, constraint) in [
        (
            "update campaign_client_settings set max_concurrency = 0 where id = 1",
            "campaign_client_settings_max_concurrency_check",
        ),
        (
            "update link_counters set active = -1 where link_id = 1",
            "link_counters_active_check",
        ),
        (
            "insert into call_logs (asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, counted)
             values ('test-uniqueid-call-001', '+1', now(), 'BUSY', false)",
            "call_logs_asterisk_uniqueid_key",
        ),
    ] {
        let error = admin.batch_execute(sql).await.unwrap_err();
        assert_eq!(error.as_db_error().unwrap().constraint(), Some(constraint));
    }
    let closed = admin
        .batch_execute("update campaigns set routing_strategy = 'random' where id = 1")
        .await;
    assert_eq!(refusal(closed).0, "23514");
}
