//! The ledger: every function, table, view, trigger, policy, role and setting with its owner, its flags and its rights,
//! against a reviewed list; the same after dump and restore. A difference is either a mistake or belongs into the list:
//! `make accept` writes it anew, and review sees the difference.

use std::process::Command;

use capconduit_tests::{ADMIN, API, ASTERISK, Calls, SUPERUSER, TestDb, assert_invariants, project, unique};
use tokio_postgres::Client;

use super::support::{run, value, values};

const LEDGER: &str = "tests/tests/sql/contract.txt";

pub async fn ledger(db: &TestDb) -> Vec<String> {
    ledger_by(&db.connect_as(SUPERUSER).await).await
}

/// The same on a superuser's connection.
pub async fn ledger_by(client: &Client) -> Vec<String> {
    run(client, "load 'capconduit'").await;
    let mut lines: Vec<String> = values(client, include_str!("contract.sql")).await;
    lines.sort();
    lines
}

/// What is in one list and not in the other, for a message that can be read.
pub fn differences(expected: &[String], found: &[String]) -> Vec<String> {
    let missing = expected.iter().filter(|line| !found.contains(line));
    let added = found.iter().filter(|line| !expected.contains(line));
    missing
        .map(|line| format!("- {line}"))
        .chain(added.map(|line| format!("+ {line}")))
        .collect()
}

#[tokio::test]
async fn every_object_is_as_reviewed() {
    let db = TestDb::new().await;
    let found = ledger(&db).await;
    let file = project::root().join(LEDGER);
    if std::env::var_os("CAPCONDUIT_ACCEPT").is_some() {
        std::fs::write(&file, found.join("\n") + "\n").unwrap();
    }
    let reviewed = std::fs::read_to_string(&file).unwrap();
    let reviewed: Vec<String> = reviewed.lines().map(str::to_owned).collect();
    let differences = differences(&reviewed, &found);
    assert!(
        differences.is_empty(),
        "{LEDGER} (reviewed: -, found: +):\n{}",
        differences.join("\n")
    );
}

/// Rules that hold for whatever comes: they need no list.
async fn assert_rules(db: &TestDb) {
    let superuser = db.superuser().await;
    for (rule, sql) in [
        (
            "a definer function belongs to the owner, who is no superuser",
            "select p.oid::regprocedure::text from pg_proc p join pg_roles r on r.oid = p.proowner
              where p.prosecdef and (r.rolsuper or r.rolname <> 'capconduit_owner')",
        ),
        (
            "a definer function has the safe path and no other setting; but those that set it themselves",
            "select oid::regprocedure::text from pg_proc
              where prosecdef and proconfig is distinct from
                    case when prosrc not in ('route_call_wrapper', 'route_sip_call_wrapper', 'log_call_wrapper') then array['search_path=pg_catalog, pg_temp'] end",
        ),
        (
            "PUBLIC may execute no function",
            "select p.oid::regprocedure::text from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
              where p.pronamespace in ('capconduit'::regnamespace, 'asterisk'::regnamespace) and a.grantee = 0",
        ),
        (
            "PUBLIC may touch no table",
            "select c.oid::regclass::text from pg_class c, aclexplode(c.relacl) a
              where c.relnamespace in ('capconduit'::regnamespace, 'asterisk'::regnamespace) and a.grantee = 0",
        ),
        (
            "every table has row level security, but those that only migrate reads",
            "select oid::regclass::text from pg_class
              where relnamespace = 'capconduit'::regnamespace and relkind = 'r' and not relrowsecurity
                and relname not in ('refinery_schema_history', 'applied_rights')",
        ),
        (
            "every view that people get is asked with their own rights",
            "select oid::regclass::text from pg_class
              where relnamespace = 'capconduit'::regnamespace and relkind = 'v'
                and not coalesce(reloptions @> array['security_invoker=true'], false)",
        ),
        (
            "one policy per table, role and command",
            "select format('%s %s %s', tablename, role, cmd)
               from pg_policies p, unnest(p.roles) r (role), unnest(case p.cmd when 'ALL'
                    then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[p.cmd] end) c (verb)
              group by tablename, role, cmd, verb having count(*) > 1",
        ),
        (
            "no role of ours has power of its own",
            "select rolname::text from pg_roles
              where rolname like 'capconduit%' and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)",
        ),
        (
            "everything has its comment",
            "select p.oid::regprocedure::text from pg_proc p
              where p.pronamespace = 'capconduit'::regnamespace and obj_description(p.oid, 'pg_proc') is null
             union all
             select c.oid::regclass::text from pg_class c
              where c.relnamespace = 'capconduit'::regnamespace and c.relkind in ('r', 'v')
                and c.relname <> 'refinery_schema_history' and obj_description(c.oid, 'pg_class') is null",
        ),
    ] {
        let breaches: Vec<String> = values(&superuser, sql).await;
        assert!(breaches.is_empty(), "{rule}: {breaches:?}");
    }
}

#[tokio::test]
async fn the_rules_hold() {
    assert_rules(&TestDb::new().await).await;
}

/// pg_dump or pg_restore of the server that is tested, as a login, with its password from a file.
pub fn tool(db: &TestDb, name: &str, login: &str, database: &str, arguments: &[&str]) {
    let script = r#". scripts/lib/common.sh; tool=$("$(pg_config_path)" --bindir)/$1; shift; export PGPASSFILE=$STATE/pgpass; exec "$tool" "$@""#;
    let output = Command::new("bash")
        .current_dir(project::root())
        .args(["-c", script, "tool", name])
        .args(["--host=127.0.0.1", &format!("--port={}", db.cluster().port())])
        .args(["--username", login, "--dbname", database])
        .args(arguments)
        .env("CAPCONDUIT_STATE", db.cluster().state_folder())
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name} as {login}: {said}");
    assert!(said.is_empty(), "{name} as {login} is not silent: {said}");
}

/// Drops the restored database, however the test ends.
async fn restored(db: &TestDb, owner: &str) -> String {
    let name = format!("restored_{}", unique());
    run(
        &db.connect_as(SUPERUSER).await,
        &format!("create database {name} owner {owner}"),
    )
    .await;
    name
}

#[tokio::test]
async fn a_dump_restores_to_the_same_rights_and_the_same_answers() {
    let db = TestDb::sample().await;
    let switch = db.asterisk().await;
    switch.route("+18005550101", "call-1").await.unwrap().link();
    let before = ledger(&db).await;
    let rows_sql = "select string_agg(x, ' ') from (
        select format('%s %s', t, (xpath('//c/text()', query_to_xml('select count(*) as c from capconduit.' || t, false, true, '')))[1])
          from unnest(array['users','dids','campaigns','clients','call_logs','live_calls','link_counters','audit_log']) t) r (x)";
    let rows: String = value(&db.superuser().await, rows_sql).await;
    for (login, owner) in [(SUPERUSER, SUPERUSER), (ADMIN, "capconduit_owner")] {
        let file = db.cluster().state_folder().join(format!("{}.dump", unique()));
        let file = file.to_str().unwrap();
        tool(
            &db,
            "pg_dump",
            login,
            db.name(),
            &["--format=custom", "--file", file],
        );
        let name = restored(&db, owner).await;
        let as_owner: &[&str] = if login == ADMIN {
            // Who restores acts as the owner from the first statement on.
            &["--role=capconduit_owner"]
        } else {
            &[]
        };
        let arguments = [as_owner, &["--exit-on-error", file]].concat();
        tool(&db, "pg_restore", login, &name, &arguments);
        let copy = TestDb::named(db.cluster().clone(), &name);
        let mut differences = differences(&before, &ledger(&copy).await);
        // migrate sets these; it has not run on the copy.
        differences.retain(|line| !line.starts_with("- setting of "));
        assert!(
            differences.is_empty(),
            "restored by {login} (before: -, after: +):\n{}",
            differences.join("\n")
        );
        assert_rules(&copy).await;
        assert_invariants(&copy).await;
        assert_eq!(value::<String>(&copy.superuser().await, rows_sql).await, rows);
        // The call in flight is still in flight; rights are those of before.
        let switch = copy.connect_as(ASTERISK).await;
        assert_eq!(switch.route("+18005550101", "call-1").await.unwrap().link(), 1);
        let refused = switch.query("select * from capconduit.users", &[]).await;
        assert_eq!(super::support::sqlstate(refused), "42501");
        let api = copy.connect_as(API).await;
        let refused = api.query("select * from capconduit.users", &[]).await;
        assert_eq!(super::support::sqlstate(refused), "42501");
    }
}
