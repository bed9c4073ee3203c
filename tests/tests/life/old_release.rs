//! The release before, as it was built: its library in backends that go on, its service, its catalogue, beside those of
//! today. What an upgrade meets between its first file and the last connection of before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use capconduit_tests::{
    Calls, ClusterOptions, Link, SUPERUSER, Scenario, Strategy, TestApi, TestCluster, TestDb, Watch,
    assert_invariants, project,
};
use serde_json::json;
use tokio_postgres::Client;

use super::Traffic;
use crate::migrate::capconduit;
use crate::sql::support::{run, value};

/// The folder of a release: its library, its command, its sources. Built at the first time.
fn release(version: &str) -> PathBuf {
    let script = project::root().join("scripts/build");
    let output = Command::new(script).args(["release", version]).output();
    let output = output.expect("it can be run");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "no old release, no test: {complaint}");
    PathBuf::from(String::from_utf8(output.stdout).expect("text").trim_end())
}

/// One of the old release's own scripts, with what was built of it, for this server.
fn run_old(release: &Path, cluster: &TestCluster, name: &str, args: &[&str]) {
    let mut command = Command::new(release.join("source/scripts").join(name));
    command
        .args(args)
        .env("CAPCONDUIT_STATE", cluster.state_folder())
        .env("CAPCONDUIT_SO", release.join("libcapconduit.so"))
        .env("CAPCONDUIT_BIN", release.join("capconduit"));
    let output = command.output().expect("it can be run");
    assert!(output.status.success(), "{name} {args:?}: {output:?}");
}

/// Whether a connection's process has the library of today loaded.
async fn has_the_new_library(client: &Client) -> bool {
    let pid: i32 = value(client, "select pg_backend_pid()").await;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("the process's memory");
    maps.contains("/capconduit-0.3.so")
}

async fn version(client: &Client) -> String {
    value(
        client,
        "select extversion from pg_extension where extname = 'capconduit'",
    )
    .await
}

/// Everything that a switch, its agent and an administrator do; each call goes from one connection to the other.
async fn calls_cross(one: &Client, other: &Client, did: &str, name: &str) {
    let call = |n: u32| format!("{name}-{n}");
    let first = one.route(did, &call(1)).await.expect("an answer").link();
    assert_eq!(
        other.route(did, &call(1)).await.expect("the same again").link(),
        first
    );
    let second = other.next(&call(1), 1, "BUSY").await.expect("an answer").link();
    assert_ne!(first, second);
    assert_eq!(one.answered(&call(1)).await.expect("an answer"), "ok");
    for (client, status) in [(other, "logged"), (one, "duplicate")] {
        let logged = client.log(&call(1), did, "ANSWERED").await.expect("an answer");
        assert_eq!(logged.status, status);
    }
    one.route_on(did, &call(2), "+15550001111", name)
        .await
        .expect("an answer")
        .link();
    let (now, instance) = (one.database_time().await.expect("a time"), "instance");
    assert_eq!(
        other
            .node_started(name, now, instance)
            .await
            .expect("an answer")
            .closed,
        Some(1)
    );
    other
        .route_on(did, &call(3), "+15550001111", name)
        .await
        .expect("an answer")
        .link();
    let now = one.database_time().await.expect("a time");
    let beat = one
        .heartbeat(name, instance, now, &[&call(3)])
        .await
        .expect("an answer");
    assert_eq!((beat.status.as_str(), beat.listed), ("ok", Some(1)), "{beat:?}");
    for client in [one, other] {
        assert_eq!(client.explain(did).await.expect("an answer").len(), 2);
        client.release_expired(10).await.expect("an answer");
    }
    one.release(&call(3), "by hand").await.expect("an answer");
    assert_eq!(
        other.log(&call(3), did, "BUSY").await.expect("an answer").status,
        "corrected"
    );
}

/// What people do through that service, on the tables that a later release has changed.
async fn settings_by(api: &TestApi, superuser: &Client) {
    let sample = std::fs::read_to_string(project::root().join("sample_data.sql")).expect("the sample data");
    let hash = sample
        .split('\'')
        .find(|text| text.starts_with("$argon2id$"))
        .expect("of 'password'");
    run(
        superuser,
        &format!(
            "insert into users (username, email, password_hash, role)
             values ('old_admin', 'old_admin@example.com', '{hash}', 'admin'),
                    ('old_seller', 'old_seller@example.com', '{hash}', 'user')"
        ),
    )
    .await;
    let admin = api.login("old_admin", "password").await;
    let client = json!({"clientIdentifier": "old_center", "name": "Old", "pjsip": {
        "endpoint": {"id": "old_center", "aors": "old_center", "context": "from-capconduit"},
        "aor": {"id": "old_center", "contact": "sip:127.0.0.1"}}});
    let client = admin
        .post("/api/admin/clients", client)
        .await
        .expect_status(201)
        .json();
    let seller = api.login("old_seller", "password").await;
    let campaign = json!({"name": "Old", "routingStrategy": "priority", "dialTimeoutSeconds": 20});
    let campaign = seller
        .post("/api/seller/campaigns", campaign)
        .await
        .expect_status(201)
        .json();
    let links = format!("/api/seller/campaigns/{}/clients", campaign["id"]);
    let link = json!({"clientId": client["id"], "maxConcurrency": 3, "forwardingPriority": 0, "weight": 100});
    seller.post(&links, link).await.expect_status(201);
    for (status, of_client) in [("paused", "inactive"), ("active", "active")] {
        let path = format!("/api/seller/campaigns/{}", campaign["id"]);
        seller
            .put(&path, json!({"status": status}))
            .await
            .expect_status(200);
        let path = format!("/api/admin/clients/{}", client["id"]);
        admin
            .put(&path, json!({"status": of_client}))
            .await
            .expect_status(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: builds the release"]
async fn a_backend_with_the_library_of_0_1_0_goes_on_beside_the_new_one() {
    old_library_beside_the_new("0.1.0").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: builds the release"]
async fn a_backend_with_the_library_of_0_2_0_goes_on_beside_the_new_one() {
    old_library_beside_the_new("0.2.0").await;
}

/// A call by the functions of today, from its route to its record.
async fn routes_beside(db: &TestDb, did: &str) {
    let b = db.superuser().await;
    b.route(did, "beside the open").await.expect("an answer").link();
    b.log("beside the open", did, "ANSWERED")
        .await
        .expect("an answer");
}

/// A database as that release left it, on a server of its own with the library of then; and the release's folder.
pub async fn database_of(version: &'static str) -> (PathBuf, TestDb) {
    let old = tokio::task::spawn_blocking(move || release(version))
        .await
        .expect("no panic");
    let options = ClusterOptions {
        library: Some(old.join("libcapconduit.so")),
        ..ClusterOptions::default()
    };
    let cluster = TestCluster::start_with(options).await;
    let db = TestDb::bare_on(cluster.clone()).await;
    // The server was made with the names of today: of before there is one file, and no link.
    let folder: String = value(
        &db.superuser().await,
        "select setting from pg_config where name = 'PKGLIBDIR'",
    )
    .await;
    for name in ["capconduit.so", "capconduit-0.3.so"] {
        std::fs::remove_file(Path::new(&folder).join(name)).expect("it can be removed");
    }
    run_old(&old, &cluster, "server", &["install"]);
    run_old(&old, &cluster, "database", &["migrate", db.name()]);
    (old, db)
}

async fn old_library_beside_the_new(from: &'static str) {
    let (old, db) = database_of(from).await;
    let cluster = db.cluster().clone();
    let old_library = old.join("libcapconduit.so");
    let superuser = db.superuser().await;
    assert_eq!(version(&superuser).await, from);
    let scenario = Scenario::new(&superuser, Strategy::RoundRobin, &[Link::cap(50), Link::cap(50)]).await;
    let did = scenario.did.as_str();
    let watch = Watch::start(&db, Duration::from_millis(20)).await;
    let traffic = Traffic::start(&db, &scenario, "call", 2).await;
    let a = db.superuser().await;
    calls_cross(&a, &a, did, "alone").await;

    // Both services, before: the old one at work, the new one says what is to be done.
    let binary = old.join("capconduit").display().to_string();
    let old_api = TestApi::start_unready(&db, &[("CAPCONDUIT_BIN", &binary)]).await;
    old_api.nobody().get("/ready").await.expect_status(200);
    let new_api = TestApi::start_unready(&db, &[]).await;
    let refusal = new_api.nobody().get("/ready").await.expect_status(503).text();
    assert!(
        refusal.contains("run the `capconduit migrate` of this version"),
        "{refusal}"
    );

    // The new release's files are there, but its library is not: nothing is changed, where that one has functions of its own.
    if from == "0.1.0" {
        cluster.install(&old_library).await;
        let refused = capconduit(&db.url(SUPERUSER), &["migrate"]).await;
        assert_ne!(refused.code, 0, "{refused:?}");
        assert!(refused.err.contains("could not find function"), "{refused:?}");
        assert_eq!(version(&superuser).await, from);
        calls_cross(&a, &db.superuser().await, did, "refused").await;
    }

    let new_library = std::env::var("CAPCONDUIT_SO").map(PathBuf::from);
    let new_library = new_library.unwrap_or_else(|_| project::root().join("target/release/libcapconduit.so"));
    cluster.install(&new_library).await;
    let between = db.superuser().await;
    calls_cross(&a, &between, did, "between").await;
    assert!(!has_the_new_library(&a).await && has_the_new_library(&between).await);
    run(&a, "set capconduit.max_call_seconds = 4321").await;
    // What began before the extension's update goes on with the functions of before: the tables wait for its end.
    let waits = db.superuser().await;
    calls_cross(&waits, &waits, did, "open").await;
    run(&waits, "begin; select 1").await;
    let impatient = capconduit(&db.url(SUPERUSER), &["migrate", "--wait", "1"]).await;
    assert_ne!(impatient.code, 0, "{impatient:?}");
    assert!(impatient.err.contains("are open still (pid "), "{impatient:?}");
    let url = db.url(SUPERUSER);
    let migrating = tokio::spawn(async move { capconduit(&url, &["migrate"]).await });
    assert_eq!(version(&superuser).await, env!("CARGO_PKG_VERSION"));
    routes_beside(&db, did).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!migrating.is_finished());
    waits.route(did, "in the open").await.expect("an answer").link();
    run(&waits, "commit").await;
    migrating.await.expect("no panic").ok();
    waits
        .log("in the open", did, "ANSWERED")
        .await
        .expect("an answer");

    let b = db.superuser().await;
    calls_cross(&a, &b, did, "a-b").await;
    calls_cross(&b, &a, did, "b-a").await;
    // A connection that goes on has the new library beside the old one, with what was set in it.
    assert!(has_the_new_library(&a).await && has_the_new_library(&b).await);
    a.preview(did).await.expect("the new library has it");
    let routed = format!("select max_call_seconds from route_call('{did}', 'as-set', '', '', '', 'a')");
    assert_eq!(value::<i32>(&a, &routed).await, 4321);
    a.log("as-set", did, "BUSY").await.expect("an answer");
    calls_cross(&a, &b, did, "after").await;

    // Neither service was restarted. The old one serves who asks, and tells who watches it that it is the old one.
    new_api.nobody().get("/ready").await.expect_status(200);
    old_api.nobody().get("/ready").await.expect_status(503);
    let call = json!({"did": did, "uniqueid": "old-service"});
    let record = json!({"incomingDidNumber": did, "asteriskUniqueid": "old-service", "callStatus": "BUSY",
                        "timestampStart": "2026-03-01T09:30:00Z"});
    let (of_old, of_new) = (old_api.switch(), new_api.switch());
    let routed = of_old.post("/api/internal/route_call", call).await;
    assert_eq!(routed.expect_status(200).json()["status"], "ok");
    for (service, status) in [(&of_new, 201), (&of_old, 409)] {
        let logged = service.post("/api/internal/log_call", record.clone()).await;
        logged.expect_status(status);
    }
    settings_by(&old_api, &superuser).await;
    let worked = traffic.end().await;
    assert!(worked.calls > 20, "{worked:?}");
    println!(
        "{} calls by backends with the old library through the upgrade",
        worked.calls
    );
    watch.finish().await;
    assert_invariants(&db).await;
}
