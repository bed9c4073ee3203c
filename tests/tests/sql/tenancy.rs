//! Sellers see and change their own rows only, through every table and view; nobody reads a secret back.

use capconduit_tests::{API, Calls, TestDb};
use serde_json::Value;
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

const ALICE: i64 = 3;
const BOB: i64 = 4;

/// As the service does for one request: the role and the identity inside a transaction.
pub async fn begin_as(api: &Client, role: &str, user_id: impl std::fmt::Display) {
    run(
        api,
        &format!(
            "begin; set local role {role};
             select set_config('capconduit.user_id', '{user_id}', true),
                    set_config('capconduit.user_role', 'user', true)"
        ),
    )
    .await;
}

/// Tables and views of which a role may read something, with the columns that it may read.
async fn readable(db: &TestDb, role: &str) -> Vec<(String, String)> {
    let sql = format!(
        "select format('%I.%I', n.nspname, c.relname), string_agg(quote_ident(a.attname), ', ' order by a.attnum)
           from pg_class c
           join pg_namespace n on n.oid = c.relnamespace
           join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
          where n.nspname in ('capconduit', 'asterisk') and c.relkind in ('r', 'v', 'm', 'p')
            and has_schema_privilege('{role}', n.oid, 'USAGE')
            and has_column_privilege('{role}', c.oid, a.attnum, 'SELECT')
          group by 1 order by 1"
    );
    let rows = db.superuser().await.query(&sql, &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Everything that the role in this transaction can read: relation → its rows, sorted.
async fn everything(api: &Client, relations: &[(String, String)]) -> Vec<(String, Vec<String>)> {
    let mut seen = Vec::new();
    for (relation, columns) in relations {
        let sql = format!("select x::text from (select {columns} from {relation}) x order by 1");
        seen.push((relation.clone(), values(api, &sql).await));
    }
    seen
}

/// One row of each kind for a seller: calls in flight, failed over, late, tokens, everything.
async fn populate(db: &TestDb, user_id: i64, did: &str) {
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    for n in 1..=3 {
        switch.route(did, &format!("{user_id}-{n}")).await.unwrap().link();
    }
    switch.next(&format!("{user_id}-1"), 1, "BUSY").await.unwrap();
    run(
        &superuser,
        &format!(
            "insert into api_tokens (user_id, name, token_hash, expires_at)
                 values ({user_id}, 'token of {user_id}', sha256('{user_id}'), now() + interval '1 day');
             insert into idempotency_keys (user_id, key_hash, fingerprint, status, body)
                 values ({user_id}, sha256('{user_id}'), '', 201, 'answer to {user_id}');
             insert into sessions (token_hash, user_id, expires_at)
                 values (sha256('{user_id}'), {user_id}, now() + interval '1 day');
             insert into second_factors (user_id, totp_secret, confirmed_at) values ({user_id}, sha256('{user_id}'), now());
             insert into schedules (user_id, name) values ({user_id}, 'of {user_id}');
             insert into caller_marks (user_id, caller, kind, note, created_by) values ({user_id}, '+4930123456', 'allowed', 'of {user_id}', {user_id});
             insert into caller_marks (link_id, caller, kind, note, created_by)
             select link_id, '+4930123456', 'blocked', 'of {user_id}', {user_id} from live_calls where user_id = {user_id} group by link_id;
             insert into caller_marks (campaign_id, caller, kind, note, created_by)
             select campaign_id, '+4930123456', 'allowed', 'of {user_id}', {user_id} from live_calls where user_id = {user_id} group by campaign_id;
             insert into caps (link_id, counts, span, set_by, max_calls)
             select link_id, 'offered', 'day', 'platform', 1000 from live_calls where user_id = {user_id} group by link_id;
             insert into caps (client_id, counts, span, set_by, max_calls)
             select client_id, 'offered', 'day', 'platform', 1000 from live_calls where user_id = {user_id} group by client_id
                 on conflict do nothing;
             insert into caps (user_id, counts, span, set_by, max_calls) values ({user_id}, 'offered', 'day', 'seller', 1000);
             insert into cap_events (cap_id, user_id, link_id, subject_type, subject_id, subject_name, counts, span, set_by, enforce, max_calls, threshold, used, in_flight)
             select id, {user_id}, link_id, 'link', link_id, 'of {user_id}', counts, span, set_by, enforce, max_calls, 75, 750, 0
               from caps where link_id in (select link_id from live_calls where user_id = {user_id});
             update campaign_client_settings set total_calls_allowed = 0
              where campaign_id in (select campaign_id from live_calls where user_id = {user_id})"
        ),
    )
    .await;
    switch
        .log(&format!("{user_id}-2"), did, "ANSWERED")
        .await
        .unwrap();
}

#[tokio::test]
async fn another_seller_s_rows_do_not_exist() {
    let db = TestDb::sample_uncapped().await;
    let (api, superuser) = (db.connect_as(API).await, db.superuser().await);
    // Bob's are not there at first, so that whatever they add to what Alice sees is seen.
    run(
        &superuser,
        "delete from users where id = 4; delete from call_logs where user_id = 4",
    )
    .await;
    populate(&db, ALICE, "+18005550101").await;
    let relations = readable(&db, "capconduit_seller").await;
    let names: Vec<&str> = relations
        .iter()
        .map(|(name, _)| name.trim_start_matches("capconduit."))
        .collect();
    assert_eq!(
        names,
        [
            "api_tokens",
            "call_attempts",
            "call_logs",
            "caller_marks",
            "callers_view",
            "campaign_client_settings",
            "campaign_dids",
            "campaigns",
            "cap_events",
            "caps",
            "caps_view",
            "clients",
            "dids",
            "idempotency_keys",
            "late_excess_view",
            "link_counters",
            "link_today_view",
            "link_usage_view",
            "link_windows",
            "live_calls",
            "live_calls_view",
            "meter_windows",
            "meters",
            "schedules",
            "second_factors",
            "sessions",
            "users"
        ]
    );
    begin_as(&api, "capconduit_seller", ALICE).await;
    let before = everything(&api, &relations).await;
    run(&api, "rollback").await;
    run(
        &superuser,
        "insert into users (id, username, email, password_hash, role) overriding system value
             values (4, 'seller_bob', 'bob@broker.xyz', '$argon2id$x', 'user');
         insert into dids (id, user_id, number) overriding system value values (30, 4, '+13105550103');
         insert into campaigns (id, user_id, name, routing_strategy, dial_timeout_seconds)
             overriding system value values (30, 4, 'Bob''s', 'priority', 20);
         insert into campaign_dids (campaign_id, did_id) values (30, 30);
         insert into campaign_client_settings (campaign_id, client_id, max_concurrency) values (30, 1, 9), (30, 2, 9)",
    )
    .await;
    populate(&db, BOB, "+13105550103").await;
    begin_as(&api, "capconduit_seller", ALICE).await;
    let after = everything(&api, &relations).await;
    run(&api, "rollback; begin").await;
    assert_eq!(after, before);
    // Bob sees rows of his own wherever Alice has some: there was something not to see.
    begin_as(&api, "capconduit_seller", BOB).await;
    let of_bob = everything(&api, &relations).await;
    run(&api, "rollback").await;
    for ((relation, alice), (_, bob)) in before.iter().zip(&of_bob) {
        assert!(!alice.is_empty() && !bob.is_empty(), "{relation} is not tested");
        let shared = alice.iter().filter(|row| bob.contains(row)).count();
        let expected = if relation == "capconduit.clients" {
            alice.len()
        } else {
            0
        };
        assert_eq!(shared, expected, "{relation}");
    }
    // What a client has used tells of all its sellers' calls: no seller sees it, though there is some.
    let of_clients = "select count(*) from meters where subject_type = 'client'";
    assert!(value::<i64>(&superuser, of_clients).await > 0);
    begin_as(&api, "capconduit_seller", ALICE).await;
    assert_eq!(value::<i64>(&api, of_clients).await, 0);
    run(&api, "rollback").await;
    // Without an identity nothing is anybody's; with a broken one nothing is answered.
    begin_as(&api, "capconduit_seller", "").await;
    for (relation, rows) in everything(&api, &relations).await {
        assert!(rows.is_empty() || relation == "capconduit.clients", "{relation}");
    }
    run(&api, "rollback").await;
    begin_as(&api, "capconduit_seller", "3 or true").await;
    assert_eq!(
        sqlstate(api.query("select id from capconduit.dids", &[]).await),
        "22P02"
    );
    run(&api, "rollback").await;
    // The login alone, and any role after the transaction, sees nothing.
    assert_eq!(
        sqlstate(api.query("select id from capconduit.dids", &[]).await),
        "42501"
    );
}

#[tokio::test]
async fn a_seller_changes_and_deletes_own_rows_only() {
    let db = TestDb::sample_uncapped().await;
    let (api, superuser) = (db.connect_as(API).await, db.superuser().await);
    run(
        &superuser,
        "insert into api_tokens (user_id, name, token_hash, expires_at)
         select id, 'ci', sha256(username::bytea), now() + interval '1 day' from users;
         insert into idempotency_keys (user_id, key_hash, fingerprint, status, body)
         select id, sha256(username::bytea), '', 201, '' from users;
         insert into schedules (user_id, name) select id, 'of ' || username from users;
         insert into caller_marks (campaign_id, caller, kind, created_by) select id, '+4930123456', 'blocked', user_id from campaigns;
         insert into caller_marks (caller, kind) values ('+4930123456', 'blocked');
         insert into caps (link_id, counts, span, set_by, max_calls)
         select id, 'offered', 'day', 'seller', 1000 from campaign_client_settings;
         insert into sessions (token_hash, user_id, expires_at)
         select sha256(username::bytea), id, now() + interval '1 day' from users",
    )
    .await;
    let writable = superuser
        .query(
            "select c.relname::text,
                    (select quote_ident(a.attname) from pg_attribute a
                      where a.attrelid = c.oid and a.attnum > 0
                        and has_column_privilege('capconduit_seller', c.oid, a.attnum, 'UPDATE') limit 1),
                    has_table_privilege('capconduit_seller', c.oid, 'DELETE')
               from pg_class c
              where c.relnamespace = 'capconduit'::regnamespace and c.relkind in ('r', 'v')
                and (has_any_column_privilege('capconduit_seller', c.oid, 'UPDATE')
                     or has_table_privilege('capconduit_seller', c.oid, 'DELETE'))
              order by 1",
            &[],
        )
        .await
        .unwrap();
    let tables: Vec<String> = writable.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        tables,
        [
            "api_tokens",
            "caller_marks",
            "campaign_client_settings",
            "campaign_dids",
            "campaigns",
            "caps",
            "dids",
            "idempotency_keys",
            "schedules",
            "sessions",
            "users"
        ]
    );
    for row in &writable {
        let (table, column, deletes): (String, Option<String>, bool) = (row.get(0), row.get(1), row.get(2));
        let all: i64 = value(&superuser, &format!("select count(*) from {table}")).await;
        begin_as(&api, "capconduit_seller", ALICE).await;
        let own: i64 = value(&api, &format!("select count(*) from {table}")).await;
        assert!(0 < own && own < all, "{table}: {own} of {all}");
        if let Some(column) = column {
            let sql = format!("update {table} set {column} = {column}");
            assert_eq!(api.execute(&sql, &[]).await.unwrap() as i64, own, "{sql}");
        }
        // What is kept of an answer goes with the day, and accounts are an admin's affair.
        assert_eq!(deletes, !["idempotency_keys", "users"].contains(&table.as_str()));
        if !deletes {
            run(&api, "rollback").await;
            continue;
        }
        let sql = format!("delete from {table}");
        assert_eq!(api.execute(&sql, &[]).await.unwrap() as i64, own, "{sql}");
        run(&api, "rollback").await;
    }
}

#[tokio::test]
async fn a_seller_attaches_nothing_foreign_and_gives_nothing_away() {
    let db = TestDb::sample().await;
    let api = db.connect_as(API).await;
    // Alice: DIDs 1, 2, 4, campaigns 1, 2; Bob: DID 3, campaigns 3, 4.
    for sql in [
        "insert into dids (user_id, number) values (4, '+15550001')",
        "insert into dids (user_id, number) values (null, '+15550001')",
        "insert into dids (user_id, number) values (3, '+13105550103') on conflict (number) do update set description = 'x'",
        "insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds) values (4, 'x', 'priority', 9)",
        "insert into campaign_dids (campaign_id, did_id) values (1, 3)",
        "insert into campaign_dids (campaign_id, did_id) values (3, 1)",
        "insert into campaign_dids (campaign_id, did_id) values (3, 3) on conflict do nothing",
        "insert into campaign_client_settings (campaign_id, client_id, max_concurrency) values (3, 2, 1)",
        "insert into api_tokens (user_id, name, token_hash, expires_at) values (4, 'x', sha256('x'), now())",
        "update dids set user_id = 4 where id = 1",
        "update dids set number = '+15550002' where id = 1",
        "update dids set id = 77 where id = 1",
        "update campaigns set user_id = 4 where id = 1",
        "insert into caps (link_id, counts, span, set_by, max_calls) values (5, 'offered', 'day', 'seller', 1)",
        "insert into caps (link_id, counts, span, set_by, max_calls) values (1, 'offered', 'day', 'platform', 1)",
        "update campaign_client_settings set capped = false where id = 1",
        "update campaign_client_settings set screened = false where id = 1",
        "insert into caller_marks (caller, kind) values ('+4930123456', 'allowed')",
        "insert into caller_marks (client_id, caller, kind) values (1, '+4930123456', 'allowed')",
        "insert into caller_marks (user_id, caller, kind) values (4, '+4930123456', 'blocked')",
        "insert into caller_marks (campaign_id, caller, kind) values (3, '+4930123456', 'blocked')",
        "insert into caller_marks (link_id, caller, kind) values (5, '+4930123456', 'blocked')",
        "insert into caller_marks (user_id, caller, kind) values (3, '+4930123456', 'seen')",
        "update campaign_client_settings set platform_paused_until = null where id = 1",
        "update campaigns set platform_paused_until = null, platform_pause_reason = null where id = 1",
        "update clients set platform_paused_until = null",
        "update campaign_client_settings set campaign_id = 3 where id = 1",
        "update campaign_client_settings set client_id = 3 where id = 1",
        "update campaign_dids set campaign_id = 3",
        "update users set role = 'admin'",
        "update users set time_zone = 'Asia/Tokyo' where id = 3",
        "update users set caller_rules = '[]', metered = false where id = 3",
        "update users set password_hash = '$argon2id$x' where id = 3",
        "update link_counters set total = 0",
        "update call_logs set counted = false",
        "delete from call_logs",
        "delete from live_calls",
        "delete from users",
        "insert into call_logs (asterisk_uniqueid, incoming_did_number, timestamp_start, call_status, counted)
             values ('x', 'x', now(), 'BUSY', false)",
        "select password_hash from users",
        "select token_hash from api_tokens",
        "select totp_secret from second_factors",
        "select last_step from second_factors",
        "delete from second_factors",
        "update second_factors set confirmed_at = null",
        "select capconduit.has_second_factor(4)",
        "select capconduit.use_second_factor(3, 1, null)",
        "select notes from clients",
        "select platform_pause_reason from clients",
        "select * from pjsip_endpoints",
        "select * from nodes",
        "select * from audit_log",
        "select * from sessions",
        "select capconduit.explain_route('+13105550103')",
        "select capconduit.release_call('x', 'x')",
        "select capconduit.adjust_link_total(1, -1, 'x')",
        "select capconduit.adjust_cap(1, -1, 'x')",
        "select capconduit.route_call('+18005550101', 'x')",
        "select capconduit.verify_counters()",
        "select capconduit.write_audit('insert', 'x', 'x', null, null)",
        "select capconduit.find_login('seller_bob')",
        "set local role capconduit_staff; select email from users; select count(*) from nodes",
        "create temp table t (a int)",
        "lock table call_logs in access exclusive mode",
        "truncate dids",
    ] {
        begin_as(&api, "capconduit_seller", ALICE).await;
        let result = api.batch_execute(sql).await;
        run(&api, "rollback").await;
        if sql.starts_with("set local role") {
            // The service's own login may take any of its roles: that is the service's business, not a seller's.
            assert!(result.is_ok());
            continue;
        }
        assert!(result.is_err(), "it must be refused: {sql}");
        let code = sqlstate(result);
        // A generated id and an owner that must not be null are refused in their own words.
        assert!(
            code == "42501"
                || (code == "428C9" && sql.contains("set id"))
                || (code == "23502" && sql.contains("null")),
            "{code}: {sql}"
        );
    }
    let own = "insert into campaign_dids (campaign_id, did_id) values (2, 1)";
    begin_as(&api, "capconduit_seller", ALICE).await;
    assert_eq!(api.execute(own, &[]).await.unwrap(), 1);
    run(&api, "rollback").await;
}

/// What the service writes of logins cannot say anything else: not of others, not as another login, not what people did.
#[tokio::test]
async fn of_logins_nobody_says_more_than_their_own() {
    let db = TestDb::sample().await;
    let api = db.connect_as(API).await;
    let superuser = db.superuser().await;
    run(
        &superuser,
        "insert into sessions (token_hash, user_id, expires_at) select sha256(username::bytea), id, now() + interval '1 day'
           from users",
    )
    .await;
    let line = |user_id: &str, db_role: &str, action: &str, object_type: &str, object_id: &str| {
        format!(
            "insert into audit_log (user_id, db_role, action, object_type, object_id)
             values ({user_id}, {db_role}, '{action}', '{object_type}', {object_id})"
        )
    };
    for (role, sql, taken) in [
        ("staff", line("3", "session_user", "login", "users", "'3'"), true),
        ("staff", line("4", "session_user", "login", "users", "'4'"), false),
        ("staff", line("3", "session_user", "login", "users", "'4'"), false),
        ("staff", line("3", "'postgres'", "login", "users", "'3'"), false),
        ("staff", line("3", "session_user", "login", "dids", "'3'"), false),
        (
            "staff",
            line("3", "session_user", "update", "users", "'3'"),
            false,
        ),
        (
            "staff",
            line("null", "session_user", "login_failed", "users", "'4'"),
            false,
        ),
        (
            "internal",
            line("null", "session_user", "login_failed", "users", "'4'"),
            true,
        ),
        (
            "internal",
            line("null", "session_user", "login", "users", "'4'"),
            false,
        ),
        (
            "internal",
            line("4", "session_user", "login_failed", "users", "'4'"),
            false,
        ),
        (
            "internal",
            line("null", "session_user", "delete", "users", "'4'"),
            false,
        ),
        (
            "seller",
            line("3", "session_user", "login", "users", "'3'"),
            false,
        ),
        ("staff", "update sessions set user_id = 4".into(), false),
        (
            "staff",
            "update sessions set expires_at = 'infinity'".into(),
            false,
        ),
        ("seller", "update sessions set agent = 'x'".into(), false),
        ("internal", "select id from sessions".into(), false),
    ] {
        begin_as(&api, &format!("capconduit_{role}"), ALICE).await;
        let result = api.batch_execute(&sql).await;
        run(&api, "rollback").await;
        if taken {
            result.unwrap_or_else(|error| panic!("{role}: {sql}: {error:?}"));
        } else {
            assert_eq!(sqlstate(result), "42501", "{role}: {sql}");
        }
    }
    begin_as(&api, "capconduit_staff", ALICE).await;
    assert_eq!(
        api.execute("update sessions set agent = 'x'", &[]).await.unwrap(),
        1
    );
    assert_eq!(api.execute("delete from sessions", &[]).await.unwrap(), 1);
    run(&api, "rollback").await;
}

/// Whoever has staff's rights alone, or an admin's session for a while.
#[tokio::test]
async fn only_another_admin_takes_a_second_factor_away() {
    let db = TestDb::sample().await;
    let api = db.connect_as(API).await;
    let factors = "insert into second_factors (user_id, totp_secret, confirmed_at)
                   select id, sha256(username::bytea), now() from users where id in (1, 3)";
    run(&db.superuser().await, factors).await;
    let admin = "; set local capconduit.user_role = 'admin'";
    for (user, more, taken) in [("2", "", 0), ("1", admin, 1), ("2", admin, 2)] {
        begin_as(&api, "capconduit_staff", user).await;
        run(&api, &format!("select 1{more}")).await;
        assert_eq!(
            api.execute("delete from second_factors", &[]).await.unwrap(),
            taken,
            "{user} {more}"
        );
        run(&api, "rollback").await;
    }
}

#[tokio::test]
async fn a_seller_s_explain_knows_own_numbers_only() {
    let db = TestDb::sample().await;
    let api = db.connect_as(API).await;
    let told = async |user_id: &str, did: &str| {
        begin_as(&api, "capconduit_seller", user_id).await;
        let sql = format!(
            "select string_agg(reason, ' ' order by link_id) || ' ' || count(campaign_name)
               from capconduit.explain_own_did('{did}')"
        );
        let told = value::<String>(&api, &sql).await;
        run(&api, "rollback").await;
        told
    };
    assert_eq!(told("3", "+18005550101").await, "eligible eligible 2");
    assert_eq!(told("3", "+442075550104").await, "did_inactive 0");
    // Another's number looks exactly like one that nobody has.
    assert_eq!(told("3", "+13105550103").await, "did_not_found 0");
    assert_eq!(told("3", "+19990001").await, "did_not_found 0");
    assert_eq!(told("", "+18005550101").await, "did_not_found 0");
    assert_eq!(
        told("4", "13105550103").await,
        "total_cap eligible link_inactive 3"
    );
}

/// For a caller, at an instant: what stops a link and when that opens, and nothing that tells of other sellers' calls.
#[tokio::test]
async fn a_seller_s_explain_of_a_call_tells_no_figures_of_its_client() {
    let db = TestDb::sample().await;
    let (admin, api) = (db.admin().await, db.connect_as(API).await);
    run(
        &admin,
        "insert into caller_marks (campaign_id, caller, kind, until) values (1, '+4930123456', 'blocked', '2100-01-01 00:00:00Z');
         insert into caps (client_id, counts, span, set_by, max_calls) values (1, 'answered', 'month', 'platform', 0)",
    )
    .await;
    let told = async |user_id: &str, asked: &str| {
        begin_as(&api, "capconduit_seller", user_id).await;
        let sql = format!(
            "select string_agg(concat_ws(' ', link_id, reason, opens_at at time zone 'UTC'), ', ' order by link_id)
               from capconduit.explain_own_call({asked})"
        );
        let told = value::<String>(&api, &sql).await;
        run(&api, "rollback").await;
        told
    };
    let blocked = "caller_blocked 2100-01-01 00:00:00";
    assert_eq!(told("3", "'+18005550101', '+4930123456'").await, blocked);
    assert_eq!(
        told("3", "'+18005550101', '+4930123456', '2100-01-31 00:00:00Z'").await,
        "1 client_month_cap, 2 eligible"
    );
    assert_eq!(told("4", "'+18005550101', '+4930123456'").await, "did_not_found");
    begin_as(&api, "capconduit_seller", "3").await;
    let columns: Vec<String> = values(
        &api,
        "select k from capconduit.explain_own_call('+18005550101') r, jsonb_object_keys(to_jsonb(r)) k
          where link_id = 1 and k not in (select jsonb_object_keys(to_jsonb(o)) from capconduit.explain_own_did('+18005550101') o)",
    )
    .await;
    run(&api, "rollback").await;
    assert_eq!(columns, ["opens_at"]);
}

/// Columns that hold secrets, by name: a role that reads one of them must be on the list.
#[tokio::test]
async fn nobody_reads_a_secret_back() {
    let db = TestDb::sample().await;
    let superuser = db.superuser().await;
    let readers: Vec<String> = values(
        &superuser,
        "select format('%s %s.%s', r.rolname, c.oid::regclass, a.attname)
           from pg_roles r, pg_class c join pg_namespace n on n.oid = c.relnamespace
           join pg_attribute a on a.attrelid = c.oid
          where r.rolname like 'capconduit%' and r.rolname not in ('capconduit_owner', 'capconduit_admin')
            and n.nspname in ('capconduit', 'asterisk') and c.relkind in ('r', 'v', 'm', 'p')
            and a.attname ~ 'password|md5_cred|_hash|secret|token$'
            and has_schema_privilege(r.oid, n.oid, 'USAGE')
            and has_column_privilege(r.oid, c.oid, a.attnum, 'SELECT')
          order by 1",
    )
    .await;
    // SIP passwords are what a switch needs to be called or to call. The hash of an Idempotency-Key opens nothing: it finds one's
    // own answer. That of a link finds the link for whoever presents it.
    assert_eq!(
        readers,
        [
            "capconduit_asterisk asterisk.ps_auths.md5_cred",
            "capconduit_asterisk asterisk.ps_auths.password",
            "capconduit_internal password_links.token_hash",
            "capconduit_seller idempotency_keys.key_hash",
            "capconduit_staff idempotency_keys.key_hash"
        ]
    );
    // And by value: plant secrets, then read all that a role can read.
    run(
        &superuser,
        "insert into api_tokens (user_id, name, token_hash, expires_at)
             values (3, 'ci', decode(repeat('5ec2e7', 10) || '5ec2', 'hex'), now() + interval '1 day');
         insert into sessions (token_hash, user_id, expires_at)
             values (decode(repeat('5ec2e8', 10) || '5ec2', 'hex'), 3, now() + interval '1 day');
         insert into second_factors (user_id, totp_secret, confirmed_at, recovery_hashes)
             values (3, decode(repeat('5ec2e9', 10) || '5ec2', 'hex'), now(), array[decode(repeat('5ec2ea', 10) || '5ec2', 'hex')]);
         update pjsip_auths set password = 'S3CRET' where client_id = 3;
         update users set full_name = 'Changed' where id = 3",
    )
    .await;
    let api = db.connect_as(API).await;
    for role in [
        "capconduit_seller",
        "capconduit_staff",
        "capconduit_internal",
        "capconduit_read",
    ] {
        let relations = readable(&db, role).await;
        let reader = if role == "capconduit_read" {
            db.as_role(role).await
        } else {
            begin_as(&api, role, ALICE).await;
            db.as_role(role).await
        };
        run(&reader, &format!("set capconduit.user_id = '{ALICE}'")).await;
        let mut rows = 0;
        for (relation, seen) in everything(&reader, &relations).await {
            rows += seen.len();
            for row in seen {
                let row = row.to_lowercase();
                for secret in ["s3cret", "5ec2", "argon2", "sample-password"] {
                    assert!(
                        !row.contains(secret),
                        "{role} reads {secret} in {relation}: {row}"
                    );
                }
            }
        }
        assert!(rows > 10, "{role} reads {rows} rows");
        if role != "capconduit_read" {
            run(&api, "rollback").await;
        }
    }
}

/// Every node of a plan that reads a table or an index.
fn scans(plan: &Value, found: &mut Vec<(String, String, String)>) {
    let text = |key: &str| plan[key].as_str().unwrap_or_default().to_owned();
    if plan["Relation Name"].is_string() || plan["Index Name"].is_string() {
        found.push((text("Node Type"), text("Index Name"), text("Index Cond")));
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        scans(child, found);
    }
}

#[tokio::test]
async fn a_seller_s_pages_keep_their_index_condition() {
    let db = TestDb::sample().await;
    let (api, superuser) = (db.connect_as(API).await, db.superuser().await);
    run(
        &superuser,
        "insert into users (username, email, password_hash, role)
             select 'many_' || n, n || '@many.example', '$argon2id$x', 'user' from generate_series(1, 100) n;
         insert into call_logs (asterisk_uniqueid, user_id, campaign_id, incoming_did_number, timestamp_start,
                                call_status, counted)
             select 'many-' || n, 6 + n % 100, n % 300, '+1555', now() - n * interval '1 minute', 'BUSY', false
               from generate_series(1, 50000) n;
         insert into dids (user_id, number) select 6 + n % 100, '+1777' || n from generate_series(1, 20000) n;
         analyze call_logs; analyze dids; analyze users",
    )
    .await;
    for (sql, index, seller) in [
        (
            "select * from call_logs order by timestamp_start desc, id desc limit 50",
            "call_logs_user_id_timestamp_start_id_idx",
            "user_id =",
        ),
        (
            "select * from call_logs where (timestamp_start, id) < (now() - interval '3 days', 5)
              order by timestamp_start desc, id desc limit 50",
            "call_logs_user_id_timestamp_start_id_idx",
            "user_id =",
        ),
        (
            "select count(*) from call_logs where timestamp_start >= now() - interval '1 day'",
            "call_logs_user_id_timestamp_start_id_idx",
            "user_id =",
        ),
        (
            "select * from dids order by number limit 50",
            "dids_user_id_number_idx",
            "user_id =",
        ),
        ("select * from dids where id = 1", "dids_pkey", "id ="),
        ("select * from call_logs where id = 1", "call_logs_pkey", "id ="),
    ] {
        begin_as(&api, "capconduit_seller", 10).await;
        let plan: Value = value(&api, &format!("explain (format json) {sql}")).await;
        run(&api, "rollback").await;
        let mut found = Vec::new();
        scans(&plan[0]["Plan"], &mut found);
        assert!(
            found
                .iter()
                .any(|(_, name, condition)| name == index && condition.contains(seller)),
            "{sql}\n{found:#?}"
        );
        assert!(
            !found.iter().any(|(kind, ..)| kind == "Seq Scan"),
            "{sql}\n{found:#?}"
        );
    }
}
