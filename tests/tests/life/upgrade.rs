//! From the release before to this one, in place, under traffic: the result is what a fresh installation is, and no call
//! notices.

use std::process::Command;
use std::time::Duration;

use capconduit_tests::{
    ADMIN, ClusterOptions, Link, SUPERUSER, Scenario, Strategy, TestCluster, TestDb, Watch,
    assert_invariants, eventually, project,
};

use super::Traffic;
use super::purge::{history, purge};
use crate::migrate::capconduit;
use crate::sql::contract::{differences, ledger};
use crate::sql::support::{run, value, values};

/// A release's tables; its rights and comments come after them.
const TABLES: &[(&str, &[&str])] = &[
    ("0.1.0", &["V0001__tables.sql"]),
    (
        "0.2.0",
        &[
            "V0001__tables.sql",
            "V0002__columns_for_copies.sql",
            "V0003__values_of_copies.sql",
            "V0004__no_copy_missing.sql",
            "V0005__indexes_of_copies.sql",
        ],
    ),
];

/// One of a release's files, from the project's own history.
fn file_of(version: &str, path: &str) -> String {
    let script = project::root().join("scripts/build");
    let output = Command::new(script)
        .args(["release", version, "show", path])
        .output();
    let output = output.expect("it can be run");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{path} of {version}: {complaint}");
    String::from_utf8(output.stdout).expect("text")
}

/// A database as `capconduit migrate` of that release left it. `fresh` made the roles, and lends its lines of history.
async fn release(version: &str, fresh: &TestDb) -> TestDb {
    let (_, tables) = TABLES
        .iter()
        .find(|(of, _)| *of == version)
        .expect("a release of before");
    let db = TestDb::bare_on(fresh.cluster().clone()).await;
    let lines: Vec<String> = values(
        &fresh.superuser().await,
        &format!(
            "select format('(%L, %L, %L, %L)', version, name, applied_on, checksum) from refinery_schema_history
              where version <= {} order by version",
            tables.len()
        ),
    )
    .await;
    let client = db.connect_as(SUPERUSER).await;
    run(
        &client,
        &format!(
            "grant create, temporary on database {} to capconduit_owner;
             set role capconduit_owner;
             create schema capconduit;
             create schema asterisk;
             create extension capconduit version '{version}';
             set search_path = capconduit;
             create table refinery_schema_history (
                 version int4 primary key, name varchar(255), applied_on varchar(255), checksum varchar(255));
             insert into refinery_schema_history values {}",
            db.name(),
            lines.join(", ")
        ),
    )
    .await;
    for file in tables.iter().chain(&["after.sql", "comments.sql"]) {
        run(&client, &file_of(version, &format!("migrations/{file}"))).await;
    }
    db
}

/// Everything about the extension's functions and types that PostgreSQL knows, bodies and comments included; but not where in a
/// script a body stood.
const MEMBERS: &str = "
    select concat_ws(' | ', p.oid::regprocedure, md5(p.prosrc), p.probin, pg_get_function_sqlbody(p.oid), p.procost, p.prorows, p.provolatile,
                     p.proparallel, p.prosecdef, p.proleakproof, p.proisstrict, p.proretset, p.proconfig, p.proacl,
                     p.proowner::regrole, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid),
                     obj_description(p.oid, 'pg_proc'))
      from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
      join pg_proc p on d.classid = 'pg_proc'::regclass and d.objid = p.oid
     where d.deptype = 'e' and e.extname = 'capconduit'
    union all
    select concat_ws(' | ', t.oid::regtype, t.typowner::regrole, t.typacl, obj_description(t.oid, 'pg_type'),
                     (select string_agg(a.attname || ' ' || a.atttypid::regtype, ', ' order by a.attnum)
                        from pg_attribute a where a.attrelid = t.typrelid))
      from pg_depend d join pg_extension e on d.refclassid = 'pg_extension'::regclass and d.refobjid = e.oid
      join pg_type t on d.classid = 'pg_type'::regclass and d.objid = t.oid
     where d.deptype = 'e' and e.extname = 'capconduit'
     order by 1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_from_0_1_0_under_traffic_gives_what_a_fresh_installation_is() {
    upgrade_under_traffic("0.1.0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_from_0_2_0_under_traffic_gives_what_a_fresh_installation_is() {
    upgrade_under_traffic("0.2.0").await;
}

async fn upgrade_under_traffic(from: &str) {
    let fresh = TestDb::new().await;
    let db = release(from, &fresh).await;
    let superuser = db.superuser().await;
    let version = "select extversion from pg_extension where extname = 'capconduit'";
    assert_eq!(value::<String>(&superuser, version).await, from);
    let scenario = Scenario::new(&superuser, Strategy::RoundRobin, &[Link::cap(50), Link::cap(50)]).await;
    history(&superuser, &scenario.link_ids, "old", 1_000, 31).await;
    // This library, and this command, with the catalogue of before: calls go on, what is new says what it needs.
    let watch = Watch::start(&db, Duration::from_millis(20)).await;
    let traffic = Traffic::start(&db, &scenario, "call", 3).await;
    if from == "0.1.0" {
        capconduit(&db.url(SUPERUSER), &["purge", "--before", "30d"])
            .await
            .refused("run `capconduit migrate`");
    }
    let check = capconduit(&db.url(SUPERUSER), &["migrate", "--check"]).await;
    assert_eq!(check.code, 3, "{check:?}");
    assert!(
        check.out.contains("alter extension capconduit update to"),
        "{check:?}"
    );

    let begun = "select count(*) from call_logs where asterisk_uniqueid like 'call-%'";
    let mut seen: i64 = value(&superuser, begun).await;
    capconduit(&db.url(SUPERUSER), &["migrate"]).await.ok();
    let goes_on = async |seen: &mut i64| {
        let goal = *seen + 20;
        let mut tries = 0..3000;
        while *seen < goal {
            assert!(tries.next().is_some(), "calls go on");
            tokio::time::sleep(Duration::from_millis(20)).await;
            *seen = value(&superuser, begun).await;
        }
    };
    // The connections of before the upgrade, and new ones.
    goes_on(&mut seen).await;
    let more = Traffic::start(&db, &scenario, "call-more", 1).await;
    goes_on(&mut seen).await;
    purge(&db, &["--before", "30d"]).await.ok();
    goes_on(&mut seen).await;
    let (worked, more) = (traffic.end().await, more.end().await);
    println!(
        "{} calls through the upgrade from {from}, the slowest answer after {} ms",
        worked.calls + more.calls,
        worked.slowest.as_millis()
    );
    watch.finish().await;
    assert_invariants(&db).await;

    let check = capconduit(&db.url(ADMIN), &["migrate", "--check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
    let found = differences(&ledger(&fresh).await, &ledger(&db).await);
    assert!(found.is_empty(), "fresh -, upgraded +:\n{}", found.join("\n"));
    let installed: Vec<String> = values(&fresh.superuser().await, MEMBERS).await;
    let upgraded: Vec<String> = values(&superuser, MEMBERS).await;
    let found = differences(&installed, &upgraded);
    assert!(installed.len() > 30, "{} members", installed.len());
    assert!(found.is_empty(), "fresh -, upgraded +:\n{}", found.join("\n"));
}

/// What the first tables need of the release of before is taken away on the way; who steps back later does not bring it back.
#[tokio::test]
async fn an_upgrade_that_steps_back_half_way_leaves_nothing_of_before() {
    let options = ClusterOptions {
        settings: vec!["max_prepared_transactions = 1".into()],
        ..ClusterOptions::default()
    };
    let fresh = TestDb::on(TestCluster::start_with(options).await).await;
    let db = release("0.1.0", &fresh).await;
    let superuser = db.superuser().await;
    // Of no connection, so migrate does not wait for its end before it begins; V0018 is the first to need the table.
    run(
        &superuser,
        "begin; lock table sessions in access share mode; prepare transaction 'held'",
    )
    .await;
    let waits = async || {
        let sql =
            "select count(*) from pg_locks where relation = 'capconduit.sessions'::regclass and not granted";
        value::<i64>(&superuser, sql).await > 0
    };
    let url = db.url(SUPERUSER);
    let frees = async {
        eventually("migrate waits for the table", async || waits().await).await;
        eventually("migrate steps back", async || !waits().await).await;
        eventually("migrate tries again", async || waits().await).await;
        run(&superuser, "rollback prepared 'held'").await;
    };
    let (migrated, ()) = tokio::join!(capconduit(&url, &["migrate"]), frees);
    assert!(migrated.ok().out.contains("a table is in use"));
    let found = differences(&ledger(&fresh).await, &ledger(&db).await);
    assert!(found.is_empty(), "fresh -, upgraded +:\n{}", found.join("\n"));
}

/// Each release that was ever installed has a way to this one.
#[tokio::test]
async fn every_release_has_its_way_to_this_one() {
    let db = TestDb::new().await;
    let stranded: Vec<String> = values(
        &db.superuser().await,
        "select v.version from pg_available_extension_versions v
          where v.name = 'capconduit'
            and v.version <> (select default_version from pg_available_extensions where name = 'capconduit')
            and not exists (select from pg_extension_update_paths('capconduit') p
                             where p.source = v.version and p.path is not null
                               and p.target = (select default_version from pg_available_extensions
                                                where name = 'capconduit'))",
    )
    .await;
    assert_eq!(stranded, [""; 0]);
    let default: String = value(
        &db.superuser().await,
        "select default_version from pg_available_extensions where name = 'capconduit'",
    )
    .await;
    assert_eq!(
        default,
        env!("CARGO_PKG_VERSION"),
        "the control file and the command"
    );
    // PostgreSQL takes a version's own script, where there is one, and no steps.
    let whole = format!("pg_ext/sql/capconduit--{default}.sql");
    assert!(project::root().join(&whole).is_file(), "no {whole}");
}
