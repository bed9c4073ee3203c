//! A dump restored on another server, and a copy of a whole server: each is a working platform, with its calls in flight.

use std::io::Write;
use std::net::TcpListener;
use std::process::Command;
use std::sync::Arc;

use capconduit_tests::{
    ADMIN, API, ASTERISK, Calls, ClusterOptions, SUPERUSER, TestApi, TestCluster, TestDb, assert_invariants,
    project, unique,
};
use serde_json::json;
use tokio_postgres::{Client, Config, NoTls};

use super::Traffic;
use crate::migrate::{capconduit, capconduit_with};
use crate::sql::contract::{differences, ledger, ledger_by, tool};
use crate::sql::support::{run, value};

/// `capconduit doctor` as the service's login finds nothing wrong.
async fn doctor_is_content(url: &str) {
    let settings = [
        ("INTERNAL_API_TOKEN", "0123456789abcdef"),
        ("CAPCONDUIT_LISTEN", "127.0.0.1:1"),
    ];
    let said = capconduit_with(url, &["doctor"], &settings).await.ok();
    assert!(said.out.contains("\n0 wrong"), "{said:?}");
}

/// The call of before is still there, is answered and logged; another is routed; the counters agree.
async fn calls_go_on(switch: &Client, superuser: &Client) {
    let again = switch.route("+18005550101", "call-1").await.unwrap();
    assert_eq!(again.link(), 1);
    assert_eq!(switch.answered("call-1").await.unwrap(), "ok");
    let logged = switch.log("call-1", "+18005550101", "ANSWERED").await.unwrap();
    assert_eq!(logged.status, "logged");
    switch.route("+18005550101", "call-2").await.unwrap().link();
    let wrong: i64 = value(superuser, "select count(*) from capconduit.verify_counters()").await;
    assert_eq!(wrong, 0);
}

/// As docs/OPERATIONS.md says: the roles, an empty database, the dump, `capconduit migrate`.
#[tokio::test]
async fn a_dump_moves_to_another_server() {
    let from = TestDb::sample().await;
    let switch = from.asterisk().await;
    switch.route("+18005550101", "call-1").await.unwrap().link();
    let before = ledger(&from).await;
    let folder = from.cluster().state_folder().to_owned();
    let file = |name: &str| folder.join(format!("{}.{name}", unique())).display().to_string();
    let (roles, dump) = (file("roles"), file("dump"));
    tool(
        &from,
        "pg_dumpall",
        SUPERUSER,
        "dbname=postgres",
        &["--roles-only", "--no-role-passwords", "--file", &roles],
    );
    tool(
        &from,
        "pg_dump",
        SUPERUSER,
        from.name(),
        &["--format=custom", "--file", &dump],
    );

    let to = TestCluster::start_with(ClusterOptions::default()).await;
    let server = to.connect(SUPERUSER, "postgres").await;
    let roles = std::fs::read_to_string(roles).expect("the roles");
    let ours: Vec<&str> = roles
        .lines()
        .filter(|line| line.contains("capconduit_"))
        .collect();
    // A grant names who gave it; on this server that is the same superuser.
    run(&server, &ours.join("\n")).await;
    run(&server, "create role shop login createrole password 'shop'").await;
    run(&server, "grant capconduit_owner to shop").await;
    // What the page says for such an owner, where a membership no longer gives it.
    let major: String = value(&server, "select current_setting('server_version_num')").await;
    if major.as_str() >= "160000" {
        let roles =
            "capconduit_seller, capconduit_staff, capconduit_internal, capconduit_read, capconduit_admin,
                     capconduit_api, capconduit_asterisk";
        run(
            &server,
            &format!("grant {roles} to shop with admin true, inherit false, set false; grant capconduit_owner to shop with admin true"),
        )
        .await;
    }
    let mut known = std::fs::File::options()
        .append(true)
        .open(to.state_folder().join("pgpass"))
        .expect("the passwords of psql");
    known.write_all(b"*:*:*:shop:shop\n").expect("one more");
    let passwords = [ADMIN, API, ASTERISK].map(|login| password(&to.config(login, "postgres")));
    let passwords = [
        ("CAPCONDUIT_ADMIN_PASSWORD", passwords[0].as_str()),
        ("CAPCONDUIT_API_PASSWORD", &passwords[1]),
        ("CAPCONDUIT_ASTERISK_PASSWORD", &passwords[2]),
    ];
    // Once by the superuser, once by the database's owner, who is none.
    for owner in [SUPERUSER, "shop"] {
        let copy = TestDb::named(to.clone(), &format!("moved_{}", unique()));
        run(&server, &format!("create database {} owner {owner}", copy.name())).await;
        if owner == SUPERUSER {
            tool(
                &copy,
                "pg_restore",
                SUPERUSER,
                copy.name(),
                &["--exit-on-error", &dump],
            );
        } else {
            let grant = format!("grant create on database {} to capconduit_owner", copy.name());
            run(&server, &grant).await;
            let arguments = ["--role=capconduit_owner", "--exit-on-error", &dump];
            tool(&copy, "pg_restore", "shop", copy.name(), &arguments);
        }
        // A superuser's restore takes large objects from PUBLIC as the dump says; another's cannot, and goes on.
        let open = "select has_function_privilege('public', 'lo_create(oid)', 'execute')";
        let open: bool = value(&copy.superuser().await, open).await;
        assert_eq!(open, owner != SUPERUSER, "restored by {owner}");
        let url = match owner {
            SUPERUSER => copy.url(SUPERUSER),
            _ => copy
                .url(ASTERISK)
                .replace(&format!("{ASTERISK}:{}", passwords[2].1), "shop:shop"),
        };
        capconduit_with(&url, &["migrate"], &passwords).await.ok();
        let check = capconduit(&url, &["migrate", "--check"]).await;
        assert_eq!(check.code, 0, "restored by {owner}: {check:?}");
        let found = differences(&before, &ledger(&copy).await);
        assert!(
            found.is_empty(),
            "restored by {owner}, before -, after +:\n{}",
            found.join("\n")
        );
        doctor_is_content(&copy.url(API)).await;
        calls_go_on(&copy.asterisk().await, &copy.superuser().await).await;
        assert_invariants(&copy).await;
    }
}

/// Passwords, sessions and tokens are in a dump as hashes only; what Asterisk's digest needs is in it in clear text.
#[tokio::test]
async fn a_dump_holds_hashes_and_sip_passwords() {
    let db = TestDb::sample().await;
    let api = TestApi::start(&db).await;
    let admin = api.login("platform_admin", "password").await;
    let new = json!({"username": "dumped", "email": "dumped@example.com", "password": "Kxq7-user-password", "role": "user"});
    admin.post("/api/admin/users", new).await.expect_status(201);
    let login = json!({"username": "dumped", "password": "Kxq7-user-password"});
    let login = api
        .nobody()
        .post("/api/auth/login", login)
        .await
        .expect_status(200);
    let session = login.session_cookie().replace("session=", "");
    let user = api.login("dumped", "Kxq7-user-password").await;
    let made = user
        .post("/api/auth/tokens", json!({"name": "a script"}))
        .await
        .ok();
    let token = made["token"].as_str().expect("a token");
    let client = json!({"clientIdentifier": "dumped", "name": "Dumped", "pjsip": {
        "endpoint": {"id": "dumped", "aors": "dumped", "context": "from-capconduit", "auth": "auth_d"},
        "aor": {"id": "dumped", "contact": null},
        "auth": {"id": "auth_d", "username": "dumped", "password": "Kxq7-sip-password"}}});
    admin.post("/api/admin/clients", client).await.expect_status(201);

    let dump = |program: &str, database: &str, arguments: &[&str]| {
        let file = db.cluster().state_folder().join(format!("{}.sql", unique()));
        let to = format!("--file={}", file.display());
        let arguments = [arguments, &[to.as_str()]].concat();
        tool(&db, program, SUPERUSER, database, &arguments);
        std::fs::read_to_string(file).expect("the dump")
    };
    let roles = dump("pg_dumpall", "dbname=postgres", &["--roles-only"]);
    let text = dump("pg_dump", db.name(), &[]) + &roles;
    let mut secrets = vec!["Kxq7-user-password".to_owned(), session.clone(), token.to_owned()];
    // What follows a token's prefix is as good as the token.
    secrets.extend(token.split_once('_').map(|(_, rest)| rest.to_owned()));
    secrets.extend([ADMIN, API, ASTERISK, SUPERUSER].map(|login| password(&db.config(login))));
    for secret in &secrets {
        // A column of bytes would show it in hexadecimal digits.
        let hidden: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(
            secret.len() >= 8 && !text.contains(secret.as_str()) && !text.contains(&hidden),
            "{secret}"
        );
    }
    let superuser = db.superuser().await;
    for stored in [
        "select password_hash from users where username = 'dumped'",
        "select encode(token_hash, 'hex') from sessions order by created_at desc limit 1",
        "select encode(token_hash, 'hex') from api_tokens",
    ] {
        let hash: String = value(&superuser, stored).await;
        assert!(
            hash.len() > 60 && text.contains(&hash),
            "the dump holds the rows: {stored}"
        );
    }
    assert!(text.contains("Kxq7-sip-password"), "as docs/SECURITY.md says");
    assert!(roles.contains("PASSWORD 'SCRAM-SHA-256$") && !roles.contains("PASSWORD 'md5"));
}

fn password(config: &Config) -> String {
    String::from_utf8_lossy(config.get_password().expect("a password")).into_owned()
}

/// A server that was started from a copy of another's files.
struct Copied {
    cluster: Arc<TestCluster>,
    port: u16,
}

impl Copied {
    fn of(cluster: &Arc<TestCluster>) -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let copied = Self {
            cluster: cluster.clone(),
            port,
        };
        copied.shell(&format!(
            "PGPASSFILE=$STATE/pgpass \"$BIN/pg_basebackup\" --host=127.0.0.1 --port={} --username=postgres \
                 --pgdata=\"$DATA\" --wal-method=stream --checkpoint=fast &&
             printf 'port = {port}\\n' >>\"$DATA/instance.conf\" &&
             if ((EUID == 0)); then chown -R \"$(server_user)\" \"$DATA\"; fi &&
             as_server \"$BIN/pg_ctl\" start --pgdata=\"$DATA\" --log=\"$DATA/server.log\" --wait --timeout=120 --silent",
            cluster.port()
        ));
        copied
    }

    fn shell(&self, script: &str) {
        let head = ". scripts/lib/common.sh; home=$(cd \"$STATE/server\" && pwd -P); DATA=$home/copied
                    BIN=$(dirname \"$(find \"$home/prefix\" -name pg_basebackup)\")";
        let output = Command::new("bash")
            .current_dir(project::root())
            .args(["-c", &format!("{head}\n{script}")])
            .env("CAPCONDUIT_STATE", self.cluster.state_folder())
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
    }

    fn url(&self, db: &TestDb, login: &str) -> String {
        let port = format!(":{}/", db.cluster().port());
        db.url(login).replace(&port, &format!(":{}/", self.port))
    }

    async fn connect(&self, db: &TestDb, login: &str) -> Client {
        let (client, connection) = tokio_postgres::connect(&self.url(db, login), NoTls)
            .await
            .expect("the copy answers");
        tokio::spawn(connection);
        client
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        self.shell("as_server \"$BIN/pg_ctl\" stop --pgdata=\"$DATA\" --mode=immediate --silent || true");
    }
}

/// Taken while calls go on: what was answered before it began is in it, and the counters agree.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_of_the_whole_server_is_a_platform() {
    let cluster = TestCluster::start_with(ClusterOptions::default()).await;
    let db = TestDb::sample_on(cluster.clone()).await;
    let scenario = super::purge::busy(&db).await;
    let switch = db.asterisk().await;
    switch.route("+18005550101", "call-1").await.unwrap().link();
    let traffic = Traffic::start(&db, &scenario, "call", 2).await;
    // Off the test's thread: the traffic goes on meanwhile.
    let (copied, before) = {
        let cluster = cluster.clone();
        let count = "select count(*) from capconduit.call_logs";
        let before: i64 = value(&db.superuser().await, count).await;
        let copied = tokio::task::spawn_blocking(move || Copied::of(&cluster)).await;
        (copied.expect("a copy"), before)
    };
    let superuser = copied.connect(&db, SUPERUSER).await;
    assert!(!value::<bool>(&superuser, "select pg_is_in_recovery()").await);
    let records: i64 = value(&superuser, "select count(*) from capconduit.call_logs").await;
    assert!(records >= before, "{records} records of {before}");
    let worked = traffic.end().await;
    println!(
        "{} calls beside the copy, {} of them in it",
        worked.calls,
        records - 6
    );
    let found = differences(&ledger(&db).await, &ledger_by(&superuser).await);
    assert!(found.is_empty(), "original -, copy +:\n{}", found.join("\n"));
    calls_go_on(&copied.connect(&db, ASTERISK).await, &superuser).await;
    doctor_is_content(&copied.url(&db, API)).await;
    let check = capconduit(&copied.url(&db, SUPERUSER), &["migrate", "--check"]).await;
    assert_eq!(check.code, 0, "{check:?}");
}
