//! Alerts are about metrics that exist, and name a part of a page that is there; and each fires when it is so, in a real
//! Prometheus. How long each waits, promtool tests.

use std::fs;
use std::process::Command;

use capconduit_tests::{
    Calls, Guarded, Link, Scenario, Strategy, TestApi, TestDb, TestNode, Visitor, project,
};
use serde_json::Value;
use tokio_postgres::Client;

use super::links::anchors;
use super::read;
use crate::node::support::{Folder, eventually};
use crate::sql::support::run;

const FILES: [&str; 3] = [
    "deploy/prometheus/alerts.yaml",
    "deploy/prometheus/rules.yaml",
    "deploy/prometheus/dashboard.json",
];
const SOURCES: [&str; 3] = [
    "api/src/app/metrics.rs",
    "api/src/process/serve/metrics.rs",
    "api/src/process/node/health.rs",
];

/// Names of series, without what Prometheus makes of a histogram, and without the rules' own names.
fn metrics(text: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(|c: char| !is_part(c))
        .filter(|word| word.starts_with("capconduit_") && !word.contains(':'))
        .map(|word| word.strip_suffix("_bucket").unwrap_or(word))
        .collect()
}

#[test]
fn alerts_are_about_metrics_that_exist() {
    let sources = SOURCES.map(read).concat();
    let mut seen = 0;
    for file in FILES {
        let text = read(file);
        for metric in metrics(&text) {
            seen += 1;
            assert!(sources.contains(&format!("\"{metric}\"")), "{file}: {metric}");
        }
    }
    assert!(seen > 10, "{seen}");
}

#[test]
fn each_alert_says_what_to_read() {
    let alerts = read(FILES[0]);
    let tests = read("deploy/prometheus/alerts_test.yaml");
    let runbooks: Vec<_> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: "))
        .collect();
    let names = names(&alerts);
    assert_eq!(runbooks.len(), names.len());
    for runbook in runbooks {
        let (file, heading) = runbook.split_once('#').expect("a part of a page");
        assert!(anchors(&read(file)).any(|anchor| anchor == heading), "{runbook}");
    }
    for name in names {
        assert!(tests.contains(name), "{name} has no test");
    }
}

fn names(alerts: &str) -> Vec<&str> {
    alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect()
}

/// Prometheus as Debian packages it, on what is shipped but for time: it asks each second, and no alert waits.
struct Prometheus {
    _process: Guarded,
    visitor: Visitor,
}

impl Prometheus {
    async fn start(api: &TestApi, node: &TestNode) -> Self {
        let folder = project::fresh_state_folder();
        fs::create_dir(&folder).expect("a folder");
        let settings = read("deploy/prometheus/prometheus.yml")
            .replace("15s", "1s")
            .replace("127.0.0.1:9464", api.metrics_address())
            .replace("127.0.0.1:9465", node.address());
        fs::write(folder.join("prometheus.yml"), settings).expect("settings");
        fs::write(folder.join("rules.yaml"), read(FILES[1])).expect("rules");
        let alerts = read(FILES[0]);
        let alerts: Vec<_> = alerts
            .lines()
            .filter(|line| !line.trim().starts_with("for: "))
            .collect();
        // What would take hours, or fill a disk, is reached sooner.
        let alerts = alerts
            .join("\n")
            .replace("xmin_age > 1000000", "xmin_age > 20")
            .replace("free_bytes < 268435456", "free_bytes < 1e18");
        fs::write(folder.join("alerts.yaml"), alerts).expect("alerts");
        let address = format!("127.0.0.1:{}", capconduit_tests::free_port());
        let mut command = Command::new(project::root().join(".tools/prometheus/usr/bin/prometheus"));
        command
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address={address}"));
        let process = Guarded::run("prometheus", &command);
        let visitor = Visitor::of(&address);
        eventually("Prometheus answers", || async {
            let ready = visitor.try_send("GET", "/-/ready", None).await;
            ready.is_ok_and(|answer| answer.status == 200)
        })
        .await;
        Self {
            _process: process,
            visitor,
        }
    }

    async fn fires(&self, name: &str) -> bool {
        let alerts: Value = self.visitor.get("/api/v1/alerts").await.json();
        let alerts = alerts["data"]["alerts"].as_array().expect("alerts");
        alerts
            .iter()
            .any(|alert| alert["labels"]["alertname"] == name && alert["state"] == "firing")
    }

    async fn has_fired(&self, names: &[&str], told: &mut Vec<String>) {
        for name in names {
            eventually(name, || self.fires(name)).await;
            told.push((*name).to_owned());
        }
    }

    /// Each query of the dashboard can be asked; those that drew nothing.
    async fn drawn(&self) -> Vec<String> {
        let dashboard: Value = serde_json::from_str(&read(FILES[2])).expect("JSON");
        let panels = dashboard["panels"].as_array().expect("panels");
        let targets = panels
            .iter()
            .filter_map(|panel| panel["targets"].as_array())
            .flatten();
        let queries: Vec<_> = targets
            .map(|target| target["expr"].as_str().expect("a query"))
            .collect();
        assert!(queries.len() > 10, "{queries:?}");
        let mut empty = Vec::new();
        for query in queries {
            if !self.answers(query).await {
                empty.push(query.to_owned());
            }
        }
        empty
    }

    /// Whether a query has something to tell now.
    async fn answers(&self, query: &str) -> bool {
        let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/api/v1/query?query={encoded}");
        let answer = self.visitor.get(&path).await.expect_status(200).json();
        !answer["data"]["result"].as_array().is_none_or(Vec::is_empty)
    }

    async fn knows(&self, query: &str) {
        eventually(query, || self.answers(query)).await;
    }
}

async fn calls(switch: &Client, did: &str, ids: &[String]) {
    for id in ids {
        switch.route(did, id).await.expect("an answer");
    }
}

#[tokio::test]
async fn each_alert_fires_when_it_is_so() {
    let db = TestDb::sample().await;
    let (admin, superuser) = (db.admin().await, db.superuser().await);
    let scenario = Scenario::new(&admin, Strategy::Priority, &[Link::cap(50)]).await;
    let api = TestApi::start_with(&db, &[("CAPCONDUIT_POOL_SIZE", "2")]).await;
    let spool = Folder::new();
    let node = TestNode::start(&db, spool.path()).await;
    let prometheus = Prometheus::start(&api, &node).await;
    let mut told = Vec::new();

    // An agent whose Asterisk is down.
    spool.put("other.sql", "drop table calls;\n");
    let of_the_agent = [
        "CapConduitNodeSilent",
        "CapConduitAsteriskDown",
        "CapConduitNodeAlarm",
        "CapConduitRecordsSetAside",
        "CapConduitSpoolDiskFull",
    ];
    prometheus.has_fired(&of_the_agent, &mut told).await;

    // Calls: one of each kind first, since a counter that was not there has not grown.
    prometheus.knows("capconduit_database_up == 1").await;
    let switch = db.asterisk().await;
    let ids =
        |kind: &str, count: usize| -> Vec<String> { (0..count).map(|n| format!("{kind}-{n}")).collect() };
    calls(&switch, &scenario.did, &ids("first", 1)).await;
    admin.release("first-0", "test").await.expect("released");
    calls(&db.asterisk().await, "+19999999999", &ids("unknown", 1)).await;
    prometheus
        .knows("capconduit_call_records_total{status=\"LOST\"} == 1")
        .await;
    prometheus
        .knows("capconduit_rejects_total{reason=\"did_not_found\"} == 1")
        .await;
    let lost = ids("lost", 6);
    calls(&switch, &scenario.did, &lost).await;
    for id in &lost {
        admin.release(id, "test").await.expect("released");
    }
    calls(&db.asterisk().await, "+19999999999", &ids("unknowns", 60)).await;
    prometheus
        .has_fired(&["CapConduitCallsLost", "CapConduitUnknownNumbers"], &mut told)
        .await;

    // Somebody has forgotten a transaction, with a link's counters in hand.
    calls(&switch, &scenario.did, &ids("leased", 1)).await;
    let forgotten = db.superuser().await;
    run(
        &forgotten,
        "begin isolation level repeatable read; select from link_counters for update",
    )
    .await;
    run(
        &superuser,
        "update live_calls set lease_until = now() - interval '1 minute'",
    )
    .await;
    for _ in 0..30 {
        run(&superuser, "select pg_current_xact_id()").await;
    }
    prometheus
        .has_fired(
            &["CapConduitLeasesNotReturned", "CapConduitOldSnapshot"],
            &mut told,
        )
        .await;
    run(
        &forgotten,
        "rollback; begin; lock table users in access exclusive mode",
    )
    .await;
    let logins = (0..20).map(|_| {
        let nobody = api.nobody();
        tokio::spawn(async move {
            let login = serde_json::json!({"username": "admin", "password": "no"});
            nobody
                .try_send("POST", "/api/auth/login", Some(&login))
                .await
                .ok();
        })
    });
    let logins: Vec<_> = logins.collect();
    prometheus
        .has_fired(&["CapConduitConnectionsAwaited"], &mut told)
        .await;
    run(
        &forgotten,
        "rollback; begin; lock table call_logs in access exclusive mode",
    )
    .await;
    spool.put_aged("spooled", "ANSWERED", 400);
    prometheus.has_fired(&["CapConduitSpoolGrows"], &mut told).await;
    run(&forgotten, "rollback").await;
    for login in logins {
        login.await.expect("an end");
    }

    // Nobody refuses a call before the dialplan here: there is no Asterisk.
    let refused = "sum by (trunk, status) (rate(capconduit_node_sip_refused_total[5m]))";
    eventually("the dashboard draws all else", || async {
        prometheus.drawn().await == [refused]
    })
    .await;

    // The database is away; then the service.
    let name = db.name();
    let away = format!(
        "alter database {name} allow_connections false;
         select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and usename = 'capconduit_api'"
    );
    let elsewhere = db
        .cluster()
        .connect(capconduit_tests::SUPERUSER, "postgres")
        .await;
    run(&elsewhere, &away).await;
    prometheus.has_fired(&["CapConduitDatabaseAway"], &mut told).await;
    let errors = async || {
        for _ in 0..5 {
            api.nobody().get("/ready").await;
        }
        prometheus.fires("CapConduitServiceErrors").await
    };
    eventually("CapConduitServiceErrors", errors).await;
    told.push("CapConduitServiceErrors".to_owned());
    run(
        &elsewhere,
        &format!("alter database {name} allow_connections true"),
    )
    .await;
    drop(api);
    prometheus.has_fired(&["CapConduitServiceDown"], &mut told).await;

    let alerts = read(FILES[0]);
    let mut silent = names(&alerts);
    silent.retain(|name| !told.iter().any(|told| told == name));
    assert!(silent.is_empty(), "never fired: {silent:?}");
}
