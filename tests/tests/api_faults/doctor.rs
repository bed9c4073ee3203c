//! `capconduit doctor`: on a sound deployment it finds nothing, and each of its checks notices its own breakage and says
//! how to mend it. The breakages are made in databases of a server of their own, one at a time.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::Arc;

use capconduit_tests::{API, ClusterOptions, SUPERUSER, StopMode, TestCluster, TestDb, project, unique};

/// One way to break a deployment: SQL as superuser, settings of the command, and what doctor must say then.
struct Breakage {
    check: &'static str,
    mark: &'static str,
    /// Part of the text: what is wrong, or how to mend it.
    text: &'static str,
    sql: &'static str,
    settings: &'static [(&'static str, &'static str)],
}

const fn by_sql(check: &'static str, mark: &'static str, text: &'static str, sql: &'static str) -> Breakage {
    Breakage {
        check,
        mark,
        text,
        sql,
        settings: &[],
    }
}

const fn by_setting(
    check: &'static str,
    mark: &'static str,
    text: &'static str,
    settings: &'static [(&'static str, &'static str)],
) -> Breakage {
    Breakage {
        check,
        mark,
        text,
        sql: "",
        settings,
    }
}

/// The login reads this schema's functions before the server's own: a clock that is wrong, a snapshot that is old.
const SHADOWED: &str = "
    create schema shadow;
    grant usage on schema shadow to public;
    create function shadow.clock_timestamp() returns timestamptz language sql
        as $$ select pg_catalog.clock_timestamp() - interval '1 hour' $$;
    create function shadow.age(xid) returns integer language sql as $$ select 2000000 $$;
    do $$ begin
        execute format('alter role capconduit_api in database %I set search_path = shadow, capconduit, pg_catalog',
                       current_database());
    end $$";

const BREAKAGES: &[Breakage] = &[
    by_sql(
        "windows",
        "warn",
        "mend_future_windows()",
        "update capconduit.link_counters set windows_from = now() + interval '2 hours' where link_id = 1",
    ),
    by_setting("settings", "FAIL", "--without-internal-api", &[("INTERNAL_API_TOKEN", "")]),
    by_setting("settings", "FAIL", "too weak", &[("INTERNAL_API_TOKEN", "short")]),
    by_setting("settings", "FAIL", "ADDRESS:PORT", &[("CAPCONDUIT_LISTEN", "nowhere")]),
    by_setting("tls", "warn", "clear text", &[("CAPCONDUIT_WITHOUT_TLS", "true")]),
    by_setting("tls", "warn", "proxy with TLS", &[("CAPCONDUIT_LISTEN", "0.0.0.0:8080")]),
    by_setting("database", "FAIL", "cannot connect", &[("DATABASE_URL", "postgres://capconduit_api@127.0.0.1:1/x")]),
    by_sql("durability", "FAIL", "synchronous_commit", "alter role capconduit_api set synchronous_commit = off"),
    by_sql("versions", "FAIL", "capconduit migrate", "update pg_extension set extversion = '0.0.1' where extname = 'capconduit'"),
    by_sql("versions", "FAIL", "capconduit migrate", "delete from capconduit.refinery_schema_history where version > 1"),
    by_sql("login", "FAIL", "superuser", "alter role capconduit_api superuser"),
    by_sql("login", "FAIL", "capconduit_staff", "revoke capconduit_staff from capconduit_api"),
    by_sql("login", "warn", "without taking on a role", "grant select on capconduit.call_logs to capconduit_api"),
    by_sql("limits", "FAIL", "statement_timeout", "do $$ begin execute format(
        'alter role capconduit_api in database %I set statement_timeout = 0', current_database()); end $$"),
    by_sql("limits", "FAIL", "search_path", "do $$ begin execute format(
        'alter role capconduit_api in database %I set search_path = public', current_database()); end $$"),
    by_sql("functions", "FAIL", "migrate --force", "alter function capconduit.schema_version() owner to postgres"),
    by_sql("functions", "FAIL", "migrate --force", "grant execute on function capconduit.schema_version() to public"),
    by_sql("functions", "FAIL", "migrate --force", "alter function capconduit.schema_version() reset search_path"),
    by_sql(
        "functions",
        "FAIL",
        "route_call(integer)",
        "create function capconduit.route_call(integer) returns integer language sql security definer as 'select 1';
         alter function capconduit.route_call(integer) owner to capconduit_owner;
         revoke all on function capconduit.route_call(integer) from public",
    ),
    by_sql("large objects", "warn", "revoke execute on function lo_create(oid), lowrite(integer,bytea) from public",
        "grant execute on function lo_create(oid), lowrite(integer, bytea) to public"),
    by_sql("connections", "FAIL", "lower --pool-size", "alter role capconduit_api connection limit 7"),
    by_setting("connections", "warn", "max_connections", &[("CAPCONDUIT_POOL_SIZE", "59")]),
    by_sql("clock", "warn", "NTP", SHADOWED),
    by_sql("old snapshots", "warn", "forgotten transaction", SHADOWED),
    by_sql("admins", "FAIL", "create-admin", "set session_replication_role = replica; update capconduit.users
        set status = 'suspended' where role = 'admin'"),
    by_sql("counters", "FAIL", "reconcile_counters", "update capconduit.link_counters set active = active + 1 where link_id = 1"),
    by_sql("tables", "FAIL", "call_logs: another table inherits", "create table public.child () inherits (capconduit.call_logs)"),
    by_sql("tables", "warn", "update of live_calls: trigger audit", "create function public.audit() returns trigger language plpgsql as 'begin return new; end';
        create trigger audit after update on capconduit.live_calls for each row execute function public.audit()"),
    by_sql("leases", "warn", "node agent", "select capconduit.route_call('+18005550101', 'forgotten', node => 'pbx1');
        update capconduit.live_calls set lease_until = now() - interval '1 hour'"),
    by_sql("nodes", "warn", "pbx1", "select capconduit.route_call('+18005550101', 'silent', node => 'pbx1');
        insert into capconduit.nodes (name) values ('pbx1') on conflict do nothing;
        update capconduit.nodes set heartbeat_at = now() - interval '1 hour', last_call_at = now() - interval '1 hour'"),
    // In a session that has not loaded the library: afterwards it would be refused.
    by_sql("extension", "warn", "capconduit.max_rign_seconds (alter role capconduit_asterisk in database", "do $$ begin execute format(
        'alter role capconduit_asterisk in database %I set capconduit.max_rign_seconds = 60', current_database()); end $$"),
];

/// Roles belong to the whole server: what was done to one is taken back.
const MEND: &str = "
    alter role capconduit_api nosuperuser connection limit 60;
    alter role capconduit_api reset synchronous_commit;
    grant capconduit_staff to capconduit_api";

async fn doctor(url: &str, settings: &[(&str, &str)]) -> (bool, String) {
    let mut command = tokio::process::Command::from(project::capconduit());
    command
        .arg("doctor")
        .env("DATABASE_URL", url)
        .env("INTERNAL_API_TOKEN", "0123456789abcdef")
        .envs(settings.iter().copied());
    let output = command.output().await.expect("doctor can be run");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), said)
}

/// The line of one check: `FAIL  database       …`.
fn line<'a>(said: &'a str, check: &str) -> &'a str {
    said.lines()
        .find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(check)))
        .unwrap_or_default()
}

async fn server() -> Arc<TestCluster> {
    let settings = vec![
        "listen_addresses = '127.0.0.1, 127.0.0.2'".to_owned(),
        // A pool of 59 is more than is free here, and less than the login may have.
        "max_connections = 60".to_owned(),
    ];
    TestCluster::start_with(ClusterOptions {
        settings,
        ..ClusterOptions::default()
    })
    .await
}

#[tokio::test]
async fn every_check_notices_its_breakage() {
    let cluster = server().await;
    let superuser = cluster.connect(SUPERUSER, "postgres").await;
    let db = TestDb::sample_on(cluster.clone()).await;
    superuser
        .batch_execute(MEND)
        .await
        .expect("a limit above the pool's size");
    let (sound, said) = doctor(&db.url(API), &[]).await;
    assert!(sound && said.ends_with("0 wrong, 0 to look at\n"), "{said}");
    let checks: BTreeSet<String> = said
        .lines()
        .filter(|line| line.starts_with("ok  "))
        .filter_map(|line| Some(line.get(6..20)?.trim().to_owned()))
        .collect();
    let mut noticed = BTreeSet::new();

    for breakage in BREAKAGES {
        let db = TestDb::sample_on(cluster.clone()).await;
        let breaker = cluster.connect(SUPERUSER, db.name()).await;
        breaker
            .batch_execute(breakage.sql)
            .await
            .unwrap_or_else(|error| panic!("{}: {error:?}", breakage.sql));
        let (sound, said) = doctor(&db.url(API), breakage.settings).await;
        let found = line(&said, breakage.check);
        assert!(
            found.starts_with(breakage.mark) && found.contains(breakage.text),
            "{} {:?} {}:\n{said}",
            breakage.check,
            breakage.settings,
            breakage.sql
        );
        assert_eq!(sound, !said.contains("FAIL"), "{said}");
        noticed.insert(breakage.check.to_owned());
        superuser.batch_execute(MEND).await.expect("mended");
    }

    // Two checks look at where the database is and what it is.
    let afar = db.url(API).replace("@127.0.0.1:", "@127.0.0.2:");
    let (_, said) = doctor(&afar, &[]).await;
    let found = line(&said, "encryption");
    assert!(
        found.starts_with("warn") && found.contains("verify-full"),
        "{said}"
    );
    noticed.insert("encryption".to_owned());

    let ascii = format!("ascii_{}", unique());
    let create = format!(
        "create database {ascii} template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'"
    );
    superuser
        .batch_execute(&create)
        .await
        .expect("a database of another encoding");
    let (sound, said) = doctor(&db.url(API).replace(db.name(), &ascii), &[]).await;
    let found = line(&said, "server");
    assert!(
        !sound && found.starts_with("FAIL") && found.contains("UTF8 is needed"),
        "{said}"
    );
    noticed.insert("server".to_owned());

    // The same files, started as a standby: it answers and cannot write.
    cluster.stop(StopMode::Fast).await;
    std::fs::write(cluster.state_folder().join("server/data/standby.signal"), "").expect("a signal file");
    cluster.start().await;
    let (sound, said) = doctor(&db.url(API), &[]).await;
    let found = line(&said, "server");
    assert!(
        !sound && found.starts_with("FAIL") && found.contains("connect to the primary"),
        "{said}"
    );

    assert_eq!(noticed, checks, "a check that nothing breaks proves nothing");
}

/// postgresql.conf is not a service's to read. What the library takes away, it says.
#[tokio::test]
async fn a_mistyped_setting_of_the_server_is_named() {
    let cluster = TestCluster::start_with(ClusterOptions {
        settings: vec![
            "capconduit.max_rign_seconds = 60".to_owned(),
            "capconduit.max_ring_seconds = 61".to_owned(),
        ],
        ..ClusterOptions::default()
    })
    .await;
    let db = TestDb::sample_on(cluster.clone()).await;
    let (sound, said) = doctor(&db.url(API), &[]).await;
    let found = line(&said, "extension");
    assert!(sound && found.starts_with("warn"), "{said}");
    assert!(
        found.contains("capconduit.max_rign_seconds (the server's configuration"),
        "{said}"
    );
    assert!(!found.contains("max_ring_seconds"), "{said}");
}

/// Something accepts connections and never says a word: doctor ends all the same.
#[tokio::test]
async fn a_silent_server_is_told() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("an address").port();
    let url = format!("postgres://capconduit_api:secret@127.0.0.1:{port}/capconduit");
    let (sound, said) = doctor(&url, &[]).await;
    let found = line(&said, "database");
    assert!(
        !sound && found.starts_with("FAIL") && found.contains("does not answer"),
        "{said}"
    );
}

/// No secret in what it prints, even when the address is wrong.
#[tokio::test]
async fn it_shows_no_password() {
    let db = TestDb::sample().await;
    let url = db.url(API);
    let password = url.split([':', '@']).nth(2).expect("a password").to_owned();
    for url in [
        url.clone(),
        format!("{url}?sslmode=require"),
        url.replace("127.0.0.1:", "127.0.0.1:x"),
        url.replace(db.name(), "gone"),
    ] {
        let (_, said) = doctor(&url, &[]).await;
        assert!(!said.contains(&password), "{said}");
    }
}
