//! Triggers, rules and foreign keys that others put on the tables of calls are called for every change, or calls are refused
//! and say why.

use capconduit_tests::{Calls, TestDb, assert_invariants};
use tokio_postgres::Client;

use super::{WRITTEN, scenario};
use crate::sql::support::{refusal, run, value, values};

/// A call that is routed, moves on and is recorded, and one that ends without a link.
async fn calls(switch: &Client, did: &str, name: &str) {
    for number in 0..3 {
        let uniqueid = format!("{name}-{number}");
        switch.route(did, &uniqueid).await.unwrap().link();
        switch.next(&uniqueid, 1, "BUSY").await.unwrap().link();
        switch.next(&uniqueid, 2, "BUSY").await.unwrap();
        switch.log(&uniqueid, did, "ANSWERED").await.unwrap();
        switch
            .route(did, &format!("{name}-up-{number}"))
            .await
            .unwrap()
            .link();
        // One whose row has a column more than others'.
        let sql = "select status from route_call($1, $2, null, null, null, null, 'abc@trunk')";
        let uniqueid = format!("{name}-sip-{number}");
        let routed = switch.query_one(sql, &[&did, &uniqueid]).await;
        assert_eq!(routed.unwrap().get::<_, String>(0), "ok");
        switch.log(&uniqueid, did, "NOANSWER").await.unwrap();
    }
}

/// For each table a copy that triggers keep, as tools and audits do that collect changes.
async fn mirror(superuser: &Client, tables: &[&str], trigger: &str) {
    for table in tables {
        let sql = trigger.replace("TABLE", table);
        run(
            superuser,
            &format!("create table public.mirror_{table} as select * from capconduit.{table}; {sql}"),
        )
        .await;
    }
}

async fn assert_mirrored(superuser: &Client, tables: &[&str]) {
    for table in tables {
        let differ: i64 = value(
            superuser,
            &format!(
                "select count(*) from ((table capconduit.{table} except table public.mirror_{table})
                  union all (table public.mirror_{table} except table capconduit.{table})) differ"
            ),
        )
        .await;
        assert_eq!(differ, 0, "rows of {table} that its triggers did not see");
        let rows: i64 = value(superuser, &format!("select count(*) from public.mirror_{table}")).await;
        assert!(rows > 0, "{table} is empty");
    }
}

const ROW_TRIGGER: &str = "
    create function mirror_TABLE() returns trigger language plpgsql as $$ begin
        if tg_op <> 'INSERT' then
            delete from public.mirror_TABLE m where m = old::text::public.mirror_TABLE;
        end if;
        if tg_op <> 'DELETE' then
            insert into public.mirror_TABLE values (new.*);
        end if;
        return null;
    end $$;
    alter function mirror_TABLE() security definer;
    create trigger mirror after insert or update or delete on capconduit.TABLE
        for each row execute function mirror_TABLE()";

const STATEMENT_TRIGGERS: &str = "
    create function mirror_TABLE() returns trigger language plpgsql security definer as $$ begin
        if tg_op <> 'INSERT' then
            delete from public.mirror_TABLE m using former f where m = f::text::public.mirror_TABLE;
        end if;
        if tg_op <> 'DELETE' then
            insert into public.mirror_TABLE select * from fresh;
        end if;
        return null;
    end $$;
    create trigger mirror_insert after insert on capconduit.TABLE referencing new table as fresh
        for each statement execute function mirror_TABLE();
    create trigger mirror_update after update on capconduit.TABLE referencing old table as former new table as fresh
        for each statement execute function mirror_TABLE();
    create trigger mirror_delete after delete on capconduit.TABLE referencing old table as former
        for each statement execute function mirror_TABLE()";

#[tokio::test]
async fn row_triggers_see_every_change() {
    see_every_change(ROW_TRIGGER).await;
}

#[tokio::test]
async fn statement_triggers_and_their_transition_tables_see_every_change() {
    see_every_change(STATEMENT_TRIGGERS).await;
}

async fn see_every_change(triggers: &str) {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    calls(&switch, &scenario.did, "before").await;
    mirror(&superuser, &WRITTEN, triggers).await;
    calls(&switch, &scenario.did, "after").await;
    assert_mirrored(&superuser, &WRITTEN).await;
    assert_invariants(&db).await;
    // And they are told of.
    let told: Vec<String> = values(
        &superuser,
        "select distinct table_name from capconduit.table_access_view where access = 'statement' order by 1",
    )
    .await;
    assert!(
        told.contains(&"live_calls".to_owned()) && told.contains(&"link_counters".to_owned()),
        "{told:?}"
    );
    for table in WRITTEN {
        run(
            &superuser,
            &format!("alter table capconduit.{table} disable trigger user"),
        )
        .await;
    }
    let left: Vec<String> = values(&superuser, "select table_name from capconduit.table_access_view").await;
    assert!(left.is_empty(), "{left:?}");
    calls(&switch, &scenario.did, "without").await;
    assert_invariants(&db).await;
}

#[tokio::test]
async fn triggers_before_and_for_a_statement_run_once_for_each_change() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    calls(&switch, &scenario.did, "before").await;
    run(
        &superuser,
        "create table public.seen (what text);
         create function see() returns trigger language plpgsql security definer as $$ begin
             insert into public.seen values (concat_ws(' ', tg_table_name, tg_when, tg_op, tg_level));
             return coalesce(new, old);
         end $$",
    )
    .await;
    for table in WRITTEN {
        for level in ["row", "statement"] {
            run(
                &superuser,
                &format!(
                    "create trigger {level}_see before insert or update or delete on capconduit.{table}
                         for each {level} execute function see()"
                ),
            )
            .await;
        }
    }
    switch.route(&scenario.did, "one").await.unwrap().link();
    switch.next("one", 1, "BUSY").await.unwrap().link();
    switch.log("one", &scenario.did, "ANSWERED").await.unwrap();
    let seen: Vec<String> = values(
        &superuser,
        "select what || ' ' || count(*) from public.seen where what like '% ROW' group by what order by what collate \"C\"",
    )
    .await;
    let expected = [
        "call_attempts BEFORE INSERT ROW 1",
        "call_logs BEFORE INSERT ROW 1",
        // Taken, moved (given back and taken), counted.
        "link_counters BEFORE UPDATE ROW 4",
        "live_calls BEFORE DELETE ROW 1",
        "live_calls BEFORE INSERT ROW 1",
        "live_calls BEFORE UPDATE ROW 1",
    ];
    assert_eq!(seen, expected);
    let of_statements: Vec<String> = values(
        &superuser,
        "select replace(what, 'STATEMENT', 'ROW') || ' ' || count(*) from public.seen where what like '% STATEMENT'
          group by what order by what collate \"C\"",
    )
    .await;
    assert_eq!(of_statements, expected);
}

#[tokio::test]
async fn a_trigger_that_keeps_a_change_out_is_an_error_and_nothing_moves() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    switch.route(did, "held").await.unwrap().link();
    run(
        &superuser,
        "create function drop_it() returns trigger language plpgsql as 'begin return null; end'",
    )
    .await;
    for (table, event) in [
        ("live_calls", "insert"),
        ("live_calls", "update"),
        ("live_calls", "delete"),
        ("link_counters", "update"),
        ("call_attempts", "insert"),
        ("call_logs", "insert"),
    ] {
        run(
            &superuser,
            &format!(
                "create trigger drop_it before {event} on capconduit.{table} for each row execute function drop_it()"
            ),
        )
        .await;
        let refused = match (table, event) {
            ("live_calls", "insert") => refusal(switch.route(did, "new").await),
            ("live_calls", "update") | ("call_attempts", _) => refusal(switch.next("held", 1, "BUSY").await),
            _ => refusal(switch.log("held", did, "ANSWERED").await),
        };
        assert_eq!(refused.0, "09000", "{table} {event}: {}", refused.1);
        assert!(refused.1.contains(table), "{}", refused.1);
        run(&superuser, &format!("drop trigger drop_it on capconduit.{table}")).await;
        assert_invariants(&db).await;
    }
    assert_eq!(
        switch.log("held", did, "ANSWERED").await.unwrap().status,
        "logged"
    );
    assert_invariants(&db).await;
}

#[tokio::test]
async fn rules_that_do_something_also_run_and_others_refuse_calls() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    calls(&switch, &scenario.did, "before").await;
    run(
        &superuser,
        "create table public.ruled (what text); grant insert on public.ruled to capconduit_owner",
    )
    .await;
    for table in WRITTEN {
        for event in ["insert", "update", "delete"] {
            run(
                &superuser,
                &format!(
                    "create rule also_{event} as on {event} to capconduit.{table}
                         do also insert into public.ruled values ('{table} {event}')"
                ),
            )
            .await;
        }
    }
    switch.route(&scenario.did, "one").await.unwrap().link();
    switch.next("one", 1, "BUSY").await.unwrap().link();
    switch.log("one", &scenario.did, "ANSWERED").await.unwrap();
    let ruled: Vec<String> = values(
        &superuser,
        "select what from public.ruled group by what order by what collate \"C\"",
    )
    .await;
    assert_eq!(
        ruled,
        [
            "call_attempts insert",
            "call_logs insert",
            "link_counters update",
            "live_calls delete",
            "live_calls insert",
            "live_calls update"
        ]
    );
    assert_invariants(&db).await;
    for table in WRITTEN {
        for event in ["insert", "update", "delete"] {
            run(
                &superuser,
                &format!("drop rule also_{event} on capconduit.{table}"),
            )
            .await;
        }
    }
    for (table, event) in [
        ("live_calls", "insert"),
        ("link_counters", "update"),
        ("call_attempts", "insert"),
        ("live_calls", "update"),
        ("call_logs", "insert"),
        ("live_calls", "delete"),
    ] {
        run(
            &superuser,
            &format!("create rule instead as on {event} to capconduit.{table} do instead nothing"),
        )
        .await;
        let uniqueid = "before-up-0";
        let refused = match (table, event) {
            ("live_calls", "insert") | ("link_counters", _) => {
                refusal(switch.route(&scenario.did, "new").await)
            }
            ("call_attempts", _) | (_, "update") => refusal(switch.next(uniqueid, 1, "BUSY").await),
            _ => refusal(switch.log(uniqueid, &scenario.did, "BUSY").await),
        };
        assert_eq!(refused.0, "55000", "{table} {event}: {}", refused.1);
        assert!(refused.1.contains("rule"), "{}", refused.1);
        run(&superuser, &format!("drop rule instead on capconduit.{table}")).await;
    }
    assert_invariants(&db).await;
}

/// Foreign keys are triggers of PostgreSQL's own.
#[tokio::test]
async fn foreign_keys_to_and_from_calls_hold() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    calls(&switch, did, "before").await;
    run(
        &superuser,
        "create table notes (uniqueid text references capconduit.live_calls on delete cascade, note text);
         alter table capconduit.live_calls add constraint of_a_link foreign key (link_id)
             references capconduit.link_counters",
    )
    .await;
    switch.route(did, "noted").await.unwrap().link();
    run(&superuser, "insert into notes values ('noted', 'vip')").await;
    switch.next("noted", 1, "BUSY").await.unwrap().link();
    switch.log("noted", did, "ANSWERED").await.unwrap();
    let notes: i64 = value(&superuser, "select count(*) from notes").await;
    assert_eq!(notes, 0, "the note went with its call");
    run(
        &superuser,
        "alter table notes drop constraint notes_uniqueid_fkey,
             add foreign key (uniqueid) references capconduit.live_calls",
    )
    .await;
    switch.route(did, "kept").await.unwrap().link();
    run(&superuser, "insert into notes values ('kept', 'vip')").await;
    assert_eq!(refusal(switch.log("kept", did, "ANSWERED").await).0, "23503");
    assert_invariants(&db).await;
    run(&superuser, "drop table notes").await;
    switch.log("kept", did, "ANSWERED").await.unwrap();
    assert_invariants(&db).await;
}

#[tokio::test]
async fn checks_and_generated_columns_on_counters_hold() {
    let db = TestDb::new().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let scenario = scenario(&db).await;
    let did = &scenario.did;
    calls(&switch, did, "before").await;
    run(
        &superuser,
        "alter table capconduit.link_counters add column twice bigint generated always as (total * 2) stored,
             add constraint few check (active <= 4)",
    )
    .await;
    switch.log("before-up-0", did, "ANSWERED").await.unwrap();
    let wrong: i64 = value(
        &superuser,
        "select count(*) from capconduit.link_counters where twice <> total * 2",
    )
    .await;
    assert_eq!(wrong, 0);
    for number in 0..2 {
        switch.route(did, &format!("more-{number}")).await.unwrap().link();
    }
    let (state, message) = refusal(switch.route(did, "too many").await);
    assert_eq!(state, "23514", "{message}");
    assert_invariants(&db).await;
}

/// What belongs to an application that writes to other tables of the database must not make calls dearer.
#[tokio::test]
async fn nothing_is_on_the_tables_but_ours() {
    let db = TestDb::sample().await;
    let admin = db.admin().await;
    let told: Vec<String> = values(&admin, "select table_access_view::text from table_access_view").await;
    assert!(told.is_empty(), "{told:?}");
    let rows: Vec<String> = values(
        &admin,
        "select table_name || ' ' || operation || ' ' || access from table_access() where operation <> 'read'",
    )
    .await;
    let expected = [
        "live_calls insert direct",
        "live_calls update direct",
        "live_calls delete direct",
        "link_counters update direct",
        "link_windows insert direct",
        "link_windows update direct",
        "meters update direct",
        "meter_windows insert direct",
        "meter_windows update direct",
        "call_logs insert direct",
        "call_attempts insert direct",
    ];
    assert_eq!(rows, expected);
    let read: i64 = value(
        &admin,
        "select count(*) from table_access() where operation = 'read' and access = 'direct'",
    )
    .await;
    // And windows, which few calls write, and caps and schedules, which few links have, marks of few callers and their calls, and what few clients have.
    assert_eq!(read as usize, super::WRITTEN.len() + super::READ.len() + 7);
}
