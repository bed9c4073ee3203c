//! Functions with the owner's rights find names on a path of their own, whatever their caller's is: one that looked names up on
//! its caller's would run the caller's code as the owner.

use capconduit_tests::{ADMIN, Calls, Link, Record, Scenario, Strategy, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::support::{run, value, values};

/// An administrator whose path has other meanings for what the functions use. Administrators may have temporary tables and
/// schemas of their own: with those the attack can be made at all.
async fn attacker(db: &TestDb) -> Client {
    let (admin, superuser) = (db.connect_as(ADMIN).await, db.superuser().await);
    let tables: Vec<String> = values(
        &superuser,
        "select relname::text from pg_class where relnamespace = 'capconduit'::regnamespace and relkind = 'r'",
    )
    .await;
    for table in &tables {
        run(
            &admin,
            &format!("create temp table {table} (like capconduit.{table})"),
        )
        .await;
    }
    run(
        &admin,
        "create schema evil;
         create function evil.now() returns timestamptz language sql as $$ select timestamptz 'epoch' $$;
         create function evil.clock_timestamp() returns timestamptz language sql as $$ select timestamptz 'epoch' $$;
         create function evil.left(text, int) returns text language sql as $$ select 'evil' $$;
         create function evil.lower(text) returns text language sql as $$ select 'evil' $$;
         create function evil.never(bigint, bigint) returns boolean language sql as $$ select false $$;
         create function evil.never(text, text) returns boolean language sql as $$ select false $$;
         create function evil.never(timestamptz, timestamptz) returns boolean language sql as $$ select false $$;
         create operator evil.= (function = evil.never, leftarg = bigint, rightarg = bigint);
         create operator evil.= (function = evil.never, leftarg = text, rightarg = text);
         create operator evil.< (function = evil.never, leftarg = timestamptz, rightarg = timestamptz)",
    )
    .await;
    run(&admin, &format!("set search_path = {EVIL}")).await;
    assert_eq!(
        value::<String>(
            &admin,
            "select format('%s %s', lower('A'), 'a'::text = 'a'::text)"
        )
        .await,
        "evil f",
        "the attack works on what has no path of its own"
    );
    admin
}

const EVIL: &str = "evil, pg_temp, pg_catalog, capconduit";

async fn path(client: &Client) -> String {
    value(client, "show search_path").await
}

#[tokio::test]
async fn nothing_on_a_caller_s_path_shadows_what_the_functions_use() {
    let db = TestDb::sample().await;
    let (admin, superuser) = (attacker(&db).await, db.superuser().await);
    admin.route("+18005550101", "call-1").await.unwrap().link();
    let second = admin.next("call-1", 1, "BUSY").await.unwrap();
    assert_eq!(second.link(), 2);
    assert_eq!(admin.answered("call-1").await.unwrap(), "ok");
    let logged = admin.log("call-1", "+18005550101", "ANSWERED").await.unwrap();
    assert_eq!(logged.status, "logged");
    // These two find nothing by a name.
    let explained = admin.explain("+18005550101").await.unwrap();
    let reasons: Vec<_> = explained.iter().filter_map(|row| row.reason.as_deref()).collect();
    assert_eq!(reasons, ["eligible", "eligible"]);
    assert_eq!(admin.preview("+18005550101").await.unwrap().link_id, Some(1));
    let adjusted: String = value(
        &admin,
        "select status from capconduit.adjust_link_total(1, 0, 'test')",
    )
    .await;
    assert_eq!(adjusted, "ok");
    run(
        &admin,
        "update capconduit.clients set name = 'Renamed' where true",
    )
    .await;
    let login: String = value(&admin, "select status from capconduit.find_login('SELLER_ALICE')").await;
    assert_eq!(login, "active");
    let wrong: i64 = value(
        &superuser,
        "select count(*) from capconduit.audit_log where at < '2001-01-01' or after::text ~ 'evil'",
    )
    .await;
    assert_eq!(wrong, 0);
    let times: bool = value(
        &superuser,
        "select timestamp_start > now() - interval '1 hour' and timestamp_answered > now() - interval '1 hour'
           from call_logs where asterisk_uniqueid = 'call-1'",
    )
    .await;
    assert!(times);
    assert_invariants(&db).await;
}

/// `route_call` and `log_call` set the path themselves, before the first statement: so each of their statements is tried.
#[tokio::test]
async fn a_call_s_own_functions_set_the_path_where_they_look_names_up() {
    let db = TestDb::new().await;
    let (admin, superuser) = (attacker(&db).await, db.superuser().await);
    let quiet = db.admin().await;

    // A lease that has expired is closed to make room; its true record comes late.
    let one = Scenario::new(&quiet, Strategy::Priority, &[Link::cap(1)]).await;
    admin.route(&one.did, "held").await.unwrap().link();
    let full = admin.route(&one.did, "early").await.unwrap();
    assert_eq!(full.reason.as_deref(), Some("no_eligible_clients_available"));
    let ends = "update capconduit.live_calls set lease_until = now() - interval '1 hour'";
    run(&superuser, ends).await;
    admin.route(&one.did, "next").await.unwrap().link();
    let corrected = admin.log("held", &one.did, "ANSWERED").await.unwrap();
    assert_eq!(corrected.status, "corrected");
    assert_eq!(path(&admin).await, EVIL);

    // Asked again, with its caller's path still in place afterwards.
    let again = admin.route(&one.did, "next").await.unwrap();
    assert_eq!(again.link(), one.link_ids[0]);
    assert_eq!(path(&admin).await, EVIL);

    // A node's sign of life, and turns, which are taken in a savepoint.
    run(&superuser, "insert into capconduit.nodes (name) values ('pbx-1')").await;
    let turns = Scenario::new(&quiet, Strategy::RoundRobin, &[Link::cap(2), Link::cap(2)]).await;
    for (call, place) in [("turn-1", 0), ("turn-2", 1)] {
        let routed = "select link_id from capconduit.route_call($1, $2, null, null, null, 'pbx-1')";
        let row = admin.query_one(routed, &[&turns.did, &call]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), turns.link_ids[place]);
        assert_eq!(path(&admin).await, EVIL);
    }
    let alive = "select last_call_at > now() - interval '1 minute' from capconduit.nodes";
    assert!(value::<bool>(&superuser, alive).await);

    // A record of a call that was never routed names its parties.
    let by_ids = Record {
        link_id: Some(turns.link_ids[0]),
        did_id: Some(turns.did_id),
        campaign_id: Some(turns.campaign_id),
        client_id: Some(turns.client_ids[0]),
        user_id: Some(turns.user_id),
        ..Record::new("unrouted", &turns.did, "ANSWERED")
    };
    assert_eq!(admin.log_record(&by_ids).await.unwrap().status, "logged");
    for name in ["campaign", "client", "user"] {
        let wrong = Record {
            campaign_id: (name == "campaign").then_some(turns.campaign_id),
            client_id: (name == "client").then_some(turns.client_ids[0]),
            user_id: (name == "user").then_some(turns.user_id),
            ..Record::new(name, "", "BUSY")
        };
        assert_eq!(admin.log_record(&wrong).await.unwrap().status, "logged", "{name}");
    }

    // Beyond the total that is allowed: flagged by a statement.
    let spent = Scenario::new(&quiet, Strategy::Priority, &[Link::cap(2).allowed(2)]).await;
    for call in ["first", "second"] {
        admin.route(&spent.did, call).await.unwrap().link();
    }
    run(&superuser, "update capconduit.campaign_client_settings set total_calls_allowed = 1 where total_calls_allowed = 2").await;
    for call in ["first", "second"] {
        let logged = admin.log(call, &spent.did, "ANSWERED").await.unwrap();
        assert_eq!(logged.status, "logged");
        assert_eq!(path(&admin).await, EVIL);
    }
    let late: Vec<String> = values(
        &superuser,
        "select asterisk_uniqueid from capconduit.call_logs where late_excess",
    )
    .await;
    assert_eq!(late, ["second"]);
    assert_invariants(&db).await;
}

/// A trigger that somebody hangs on a call's tables finds what it found when PostgreSQL set the path.
#[tokio::test]
async fn a_trigger_on_calls_runs_with_the_functions_path() {
    let db = TestDb::new().await;
    let (admin, superuser) = (attacker(&db).await, db.superuser().await);
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(3)]).await;
    // Known before there is a trigger.
    admin.route(&scenario.did, "before").await.unwrap().link();
    run(
        &superuser,
        "create table public.seen (what text, path text);
         create function public.see() returns trigger language plpgsql as $$
         begin
             insert into public.seen values (lower('A'), current_setting('search_path'));
             return new;
         end $$;
         create trigger see before insert on capconduit.live_calls for each row execute function public.see();
         create trigger see before insert on capconduit.call_logs for each row execute function public.see();
         grant insert on public.seen to capconduit_owner",
    )
    .await;
    admin.route(&scenario.did, "call-1").await.unwrap().link();
    admin.log("call-1", &scenario.did, "ANSWERED").await.unwrap();
    let seen: Vec<String> = values(&superuser, "select format('%s %s', what, path) from public.seen").await;
    assert_eq!(seen, ["a pg_catalog, pg_temp", "a pg_catalog, pg_temp"]);
    assert_eq!(path(&admin).await, EVIL);
    assert_invariants(&db).await;
}

/// What else runs for a row: each of these raises where it finds another path than the functions' own.
#[tokio::test]
async fn checks_generated_columns_and_indexes_of_one_s_own_run_with_the_functions_path() {
    let db = TestDb::new().await;
    let (admin, superuser) = (attacker(&db).await, db.superuser().await);
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &[Link::cap(9)]).await;
    // Their backend knows the tables as they were.
    admin.route(&scenario.did, "before").await.unwrap().link();
    admin.log("before", &scenario.did, "ANSWERED").await.unwrap();
    // What reads the rows that are there does so on this path.
    run(&superuser, "set search_path = pg_catalog, pg_temp").await;
    run(
        &superuser,
        "create function public.told(bigint) returns bigint immutable language plpgsql as $$
         begin
             if current_setting('search_path') <> 'pg_catalog, pg_temp' then
                 raise 'the path is %', current_setting('search_path');
             end if;
             return $1;
         end $$",
    )
    .await;
    let added = [
        (
            "a check",
            "alter table capconduit.TABLE add constraint told check (public.told(LINK) = LINK)",
            "alter table capconduit.TABLE drop constraint told",
        ),
        (
            "a generated column",
            "alter table capconduit.TABLE add column told bigint generated always as (public.told(LINK)) stored",
            "alter table capconduit.TABLE drop column told",
        ),
        (
            "an index of an expression",
            "create index told on capconduit.TABLE (public.told(LINK))",
            "drop index capconduit.told",
        ),
        (
            "an index of some rows",
            "create index told on capconduit.TABLE (LINK) where public.told(LINK) > 0",
            "drop index capconduit.told",
        ),
    ];
    let written = [("live_calls", "link_id"), ("call_logs", "link_id")];
    for (table, link) in written {
        for (what, add, drop) in added {
            let fill = |sql: &str| sql.replace("TABLE", table).replace("LINK", link);
            run(&superuser, &fill(add)).await;
            let call = format!("{what} of {table}");
            let routed = admin.route(&scenario.did, &call).await;
            routed.unwrap_or_else(|error| panic!("{call}: {error:?}")).link();
            let logged = admin.log(&call, &scenario.did, "ANSWERED").await;
            assert_eq!(
                logged.unwrap_or_else(|error| panic!("{call}: {error:?}")).status,
                "logged"
            );
            assert_eq!(path(&admin).await, EVIL, "{call}");
            run(&superuser, &fill(drop)).await;
        }
    }
    // Counters change in place; an index of theirs hears of it.
    run(
        &superuser,
        "create index told on capconduit.link_counters (public.told(total))",
    )
    .await;
    admin.route(&scenario.did, "counted").await.unwrap().link();
    admin.log("counted", &scenario.did, "ANSWERED").await.unwrap();
    assert_eq!(path(&admin).await, EVIL);
    assert_invariants(&db).await;
}

/// A trigger that leaves a path of its own behind: what comes after it runs on the functions' path again, and the caller's is
/// back at the end.
#[tokio::test]
async fn a_trigger_that_sets_a_path_changes_nobody_else_s() {
    let db = TestDb::new().await;
    let (admin, superuser) = (attacker(&db).await, db.superuser().await);
    let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &[Link::cap(9)]).await;
    run(
        &superuser,
        "create function public.leave() returns trigger language plpgsql as $$
         begin perform set_config('search_path', 'evil, pg_catalog', true); return new; end $$;
         create trigger leave before insert on capconduit.live_calls for each row execute function public.leave();
         create trigger leave before insert on capconduit.call_logs for each row execute function public.leave();
         insert into capconduit.nodes (name) values ('pbx-1')",
    )
    .await;
    let routed = "select link_id from capconduit.route_call($1, $2, null, null, null, 'pbx-1')";
    for call in ["one", "two"] {
        run(&admin, "begin").await;
        admin.query_one(routed, &[&scenario.did, &call]).await.unwrap();
        assert_eq!(path(&admin).await, EVIL);
        let logged = admin.log(call, &scenario.did, "ANSWERED").await.unwrap();
        assert_eq!(logged.status, "logged");
        assert_eq!(path(&admin).await, EVIL);
        run(&admin, "commit").await;
        assert_eq!(path(&admin).await, EVIL);
    }
    // The statement behind the trigger noted the node, though `=` and `now()` mean something else on the trigger's path.
    let alive = "select last_call_at > now() - interval '1 minute' from capconduit.nodes";
    assert!(value::<bool>(&superuser, alive).await);
    assert_invariants(&db).await;
}

/// Whatever becomes of a call, its caller's path is as it was.
#[tokio::test]
async fn a_caller_s_path_comes_back_after_errors_too() {
    let db = TestDb::new().await;
    let (admin, quiet) = (db.connect_as(ADMIN).await, db.admin().await);
    let scenario = Scenario::new(&quiet, Strategy::RoundRobin, &[Link::cap(9)]).await;
    run(&admin, "set search_path = pg_temp, capconduit").await;
    let unknown = Record {
        client_id: Some(-1),
        ..Record::new("wrong", "", "BUSY")
    };
    admin.log_record(&unknown).await.unwrap_err();
    assert_eq!(path(&admin).await, "pg_temp, capconduit");
    // In a transaction that sets it too, at each level.
    run(
        &admin,
        &format!(
            "do $$ begin
                 perform set_config('search_path', 'capconduit', true);
                 begin
                     perform route_call('{did}', 'undone');
                     perform log_call('undone', '{did}', 'BUSY');
                     perform log_call('wrong', '', 'BUSY', client_id => -1);
                 exception when others then
                     assert current_setting('search_path') = 'capconduit', 'after an error';
                 end;
                 perform route_call('{did}', 'kept');
                 assert current_setting('search_path') = 'capconduit', 'after a savepoint of its own';
                 perform next_target('kept', 1, 'BUSY');
                 assert current_setting('search_path') = 'capconduit', 'after a function that declares one';
             end $$",
            did = scenario.did
        ),
    )
    .await;
    assert_eq!(path(&admin).await, "pg_temp, capconduit");
    let kept: Vec<String> = values(&quiet, "select uniqueid from capconduit.live_calls").await;
    assert_eq!(kept, ["kept"]);
    assert_invariants(&db).await;
}
