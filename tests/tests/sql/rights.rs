//! What the switch's credential can do: the call functions and the realtime rows, nothing else. Tried on every object
//! of the database, as the catalogue lists them, so a new one is tried too.

use capconduit_tests::{ASTERISK, Calls, TestDb};
use tokio_postgres::Client;

use super::support::{run, sqlstate, value, values};

const CALL_FUNCTIONS: &[&str] = &[
    "call_answered",
    "log_call",
    "next_target",
    "node_heartbeat",
    "node_report",
    "node_started",
    "preview_route",
    "release_expired",
    "route_call",
];

/// Runs a statement and undoes it; the SQLSTATE it was refused with, or None.
async fn refused(client: &Client, sql: &str) -> Option<String> {
    run(client, "begin").await;
    let result = client.batch_execute(sql).await;
    run(client, "rollback").await;
    match result {
        Ok(()) => None,
        result => Some(sqlstate(result)),
    }
}

#[tokio::test]
async fn of_all_tables_and_views_only_the_realtime_rows_are_the_switch_s() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let relations = db
        .superuser()
        .await
        .query(
            "select c.oid::regclass::text, c.relkind = 'S',
                    (select quote_ident(a.attname) from pg_attribute a
                      where a.attrelid = c.oid and a.attnum > 0 and a.attidentity = '' order by a.attnum limit 1)
               from pg_class c join pg_namespace n on n.oid = c.relnamespace
              where n.nspname in ('capconduit', 'asterisk', 'public') and c.relkind in ('r', 'v', 'm', 'p', 'f', 'S')",
            &[],
        )
        .await
        .unwrap();
    assert!(relations.len() > 20, "{} relations", relations.len());
    let mut allowed = Vec::new();
    for row in &relations {
        // On the superuser's path the names of `capconduit` come without their schema.
        let name: String = row.get(0);
        let name = if name.contains('.') {
            name
        } else {
            format!("capconduit.{name}")
        };
        let mut statements = vec![("select", format!("select * from {name}"))];
        if row.get::<_, bool>(1) {
            statements.push(("nextval", format!("select nextval('{name}')")));
            statements.push(("setval", format!("select setval('{name}', 1)")));
        } else {
            let column: String = row.get(2);
            statements.extend([
                ("count", format!("select count(*) from {name}")),
                ("column", format!("select {column} from {name}")),
                ("insert", format!("insert into {name} ({column}) select null where false")),
                ("update", format!("update {name} set {column} = {column} where false")),
                ("delete", format!("delete from {name}")),
                ("truncate", format!("truncate {name}")),
                ("lock", format!("lock table {name} in access share mode")),
                ("lock", format!("lock table {name} in access exclusive mode")),
                ("drop", format!("drop table {name}")),
                ("alter", format!("alter table {name} rename to x")),
                ("comment", format!("comment on table {name} is 'x'")),
                ("trigger", format!("create trigger t before insert on {name} for each row execute function suppress_redundant_updates_trigger()")),
                ("policy", format!("create policy p on {name}")),
                // Who may read but not grant is only warned: what counts is that nothing was granted.
                (
                    "grant",
                    format!(
                        "grant select on {name} to public;
                         do $$ begin
                             if not has_table_privilege('public', '{name}', 'select') then
                                 raise insufficient_privilege;
                             end if;
                         end $$"
                    ),
                ),
            ]);
        }
        for (verb, sql) in statements {
            match refused(&switch, &sql).await.as_deref() {
                None => allowed.push(format!("{verb} {name}")),
                // 42809 and 55000: not the kind of object for this verb.
                Some("42501" | "42809" | "55000") => {}
                Some(other) => panic!("{sql}: {other}"),
            }
        }
    }
    allowed.sort();
    allowed.dedup();
    let mut expected: Vec<String> = Vec::new();
    for view in ["ps_aors", "ps_auths", "ps_contacts", "ps_endpoints"] {
        for verb in ["column", "count", "select", "lock"] {
            expected.push(format!("{verb} asterisk.{view}"));
        }
    }
    for verb in ["delete", "insert", "update"] {
        expected.push(format!("{verb} asterisk.ps_contacts"));
    }
    expected.sort();
    assert_eq!(allowed, expected);
}

#[tokio::test]
async fn of_all_functions_only_the_call_functions_are_the_switch_s() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    let functions = db
        .superuser()
        .await
        .query(
            "select p.proname::text, format('%I.%I(%s)', n.nspname, p.proname,
                    (select string_agg('null::' || format_type(t, null), ', ' order by place)
                       from unnest(p.proargtypes) with ordinality a (t, place)))
               from pg_proc p join pg_namespace n on n.oid = p.pronamespace
              where n.nspname not in ('pg_catalog', 'information_schema')",
            &[],
        )
        .await
        .unwrap();
    assert!(functions.len() > 25, "{} functions", functions.len());
    let mut allowed = Vec::new();
    for row in &functions {
        let (name, call): (String, String) = (row.get(0), row.get(1));
        if refused(&switch, &format!("select {call}")).await.as_deref() != Some("42501") {
            allowed.push(name);
        }
    }
    allowed.sort();
    // One has two forms.
    allowed.dedup();
    assert_eq!(allowed, CALL_FUNCTIONS);
}

#[tokio::test]
async fn the_switch_makes_nothing_and_becomes_nobody() {
    let db = TestDb::sample().await;
    let (switch, superuser) = (db.asterisk().await, db.superuser().await);
    let mut statements: Vec<String> = [
        "create schema s",
        "create temp table t (a int)",
        "create role r",
        "create function pg_temp.now() returns int language sql as 'select 1'",
        "create extension pg_trgm",
        "create server s foreign data wrapper dblink",
        "create publication p for all tables",
        "create event trigger e on ddl_command_end execute function suppress_redundant_updates_trigger()",
        "alter role capconduit_asterisk superuser",
        "alter role capconduit_asterisk connection limit -1",
        "alter role capconduit_admin password 'x'",
        "alter database postgres set work_mem = '1GB'",
        "alter extension capconduit drop function capconduit.route_call(text, text, text, text, text, text)",
        "alter function capconduit.route_call(text, text, text, text, text, text) security invoker",
        "create or replace function capconduit.session_user_id() returns bigint language sql as 'select 1'",
        "drop function capconduit.release_call(text, text)",
        "drop extension capconduit",
        "drop schema asterisk cascade",
        "alter schema capconduit rename to c",
        "grant capconduit_owner to capconduit_asterisk",
        "reassign owned by capconduit_owner to capconduit_asterisk",
        "set session_replication_role = replica",
        "set session authorization postgres",
        "set capconduit.max_call_seconds = 1",
        "copy pg_catalog.pg_authid to stdout",
        "copy capconduit.users to stdout",
        "copy (select * from capconduit.call_logs) to stdout",
        "copy (select 1) to program 'true'",
        "copy (select 1) to '/tmp/x'",
        "select rolpassword from pg_authid",
        "select pg_read_file('postgresql.conf')",
        "select pg_ls_dir('.')",
        "select lo_import('/etc/passwd')",
        "select pg_reload_conf()",
        "select pg_switch_wal()",
        "select pg_stat_reset()",
        "select pg_logical_emit_message(true, 'x', 'x') from pg_create_physical_replication_slot('x')",
        "select * from pg_user_mapping",
        "select * from pg_statistic",
        "truncate pg_catalog.pg_class",
        "delete from pg_catalog.pg_proc",
        "load 'capconduit'",
    ]
    .map(str::to_owned)
    .to_vec();
    let schemas: Vec<String> = values(
        &superuser,
        "select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_(toast|temp)'",
    )
    .await;
    for schema in &schemas {
        statements.push(format!("create table {schema}.t (a int)"));
        statements.push(format!("create view {schema}.v as select 1"));
        statements.push(format!(
            "create function {schema}.f() returns int language sql as 'select 1'"
        ));
    }
    let roles: Vec<String> = values(
        &superuser,
        &format!("select quote_ident(rolname) from pg_roles where rolname <> '{ASTERISK}'"),
    )
    .await;
    assert!(roles.len() > 8 && schemas.len() > 4, "{roles:?} {schemas:?}");
    for role in &roles {
        statements.push(format!("set role {role}"));
    }
    // The library is loaded, so its settings are known and guarded.
    switch.route("+1", "x").await.unwrap();
    let mut faults = Vec::new();
    for sql in &statements {
        let code = refused(&switch, sql).await;
        // 0A000, 42704 and 42809 refuse too: not possible there at all.
        if !matches!(code.as_deref(), Some("42501" | "42704" | "42809" | "0A000")) {
            faults.push(format!("{code:?}: {sql}"));
        }
    }
    // These are no part of any transaction.
    for sql in [
        "create database d",
        "drop database postgres",
        "alter system set fsync = off",
    ] {
        let code = sqlstate(switch.batch_execute(sql).await);
        assert_eq!(code, "42501", "{sql}");
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// The switch's realtime rows are what it needs of active clients, in its own words.
#[tokio::test]
async fn realtime_rows_show_active_clients_only() {
    let db = TestDb::sample().await;
    let (switch, admin) = (db.asterisk().await, db.admin().await);
    let endpoints = "select string_agg(id, ' ' order by id) from ps_endpoints";
    let all = "client_alpha_sales client_beta_support client_gamma_intake";
    assert_eq!(value::<String>(&switch, endpoints).await, all);
    run(&admin, "update clients set status = 'inactive' where id = 3").await;
    for table in ["ps_endpoints", "ps_aors"] {
        let ids: String = value(&switch, &endpoints.replace("ps_endpoints", table)).await;
        assert_eq!(ids, "client_alpha_sales client_beta_support", "{table}");
    }
    let auths: i64 = value(&switch, "select count(*) from ps_auths").await;
    assert_eq!(auths, 0);
    let contact: String = value(
        &switch,
        "select contact from ps_aors where id = 'client_beta_support'",
    )
    .await;
    assert_eq!(
        contact, "sip:sip.betasupport.com^3Btransport=udp",
        "as Asterisk decodes it"
    );
    // Registrations are the switch's own to write, and make a client without an address reachable.
    run(
        &switch,
        "insert into ps_contacts (id, endpoint, expiration_time) values ('x;@1', 'client_alpha_sales', 4102444800);
         update ps_contacts set user_agent = 'phone' where id = 'x;@1'",
    )
    .await;
    run(&admin, "update pjsip_aors set contact = null where client_id = 1").await;
    assert_eq!(switch.route("+18005550101", "call-1").await.unwrap().link(), 1);
    run(&switch, "delete from ps_contacts where id = 'x;@1'").await;
    assert_eq!(switch.route("+18005550101", "call-2").await.unwrap().link(), 2);
}
