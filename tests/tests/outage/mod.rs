//! Outages longer than a switch may be silent, with real servers and the service that looks for dead switches: no talking
//! call loses its slot by one, and a switch that dies is found dead all the same. The rule itself: `sql::silence`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use capconduit_tests::{
    API, ASTERISK, Calls, ClusterOptions, Link, Network, Proxy, SUPERUSER, Scenario, Standby, StopMode,
    Strategy, TestApi, TestCluster, TestDb, assert_invariants_at, eventually,
};
use tokio::time::sleep;
use tokio_postgres::{Client, Config, NoTls};

/// What becomes of the database, for longer than a switch may be silent.
#[derive(Clone, Copy, PartialEq)]
enum Outage {
    /// The primary dies; an old standby is promoted in the end.
    Promotion,
    /// The standby has heard nothing all that time, and then the primary dies: to the standby it is one.
    SlowStandby,
    /// A server that takes so long to recover.
    Recovery,
    /// Every process of the server stands still, the postmaster too.
    Freeze,
    /// The server is well, and so is the service: only the switches are cut off.
    Network,
}

/// Seconds.
#[derive(Clone, Copy)]
struct Times {
    silence: u64,
    outage: u64,
    between_lists: f64,
}

const SHORT: Times = Times {
    silence: 10,
    outage: 13,
    between_lists: 0.5,
};

const AS_SHIPPED: Times = Times {
    silence: 120,
    outage: 300,
    between_lists: 10.0,
};

/// A switch with an agent, which lists its calls again and again, on a connection that it makes anew when it is lost.
struct Switch {
    speaks: Arc<AtomicBool>,
    heard: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Switch {
    fn start(
        node: &'static str,
        calls: &'static [&'static str],
        hosts: Vec<Config>,
        between_lists: f64,
    ) -> Self {
        let (speaks, heard) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicU64::new(0)));
        let (may, count) = (speaks.clone(), heard.clone());
        let task = tokio::spawn(async move {
            let mut client: Option<Client> = None;
            loop {
                if may.load(Ordering::Relaxed) {
                    let said =
                        tokio::time::timeout(Duration::from_secs(3), list(&mut client, &hosts, node, calls));
                    match said.await {
                        Ok(Some(())) => _ = count.fetch_add(1, Ordering::Relaxed),
                        _ => client = None,
                    }
                }
                sleep(Duration::from_secs_f64(between_lists)).await;
            }
        });
        Self { speaks, heard, task }
    }

    fn may_speak(&self, may: bool) {
        self.speaks.store(may, Ordering::Relaxed);
    }

    async fn is_heard(&self) {
        let before = self.heard.load(Ordering::Relaxed);
        eventually("a list is taken", async || {
            self.heard.load(Ordering::Relaxed) > before
        })
        .await;
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn list(client: &mut Option<Client>, hosts: &[Config], node: &str, calls: &[&str]) -> Option<()> {
    if client.is_none() {
        for host in hosts {
            if let Ok((new, connection)) = host.connect(NoTls).await {
                tokio::spawn(connection);
                *client = Some(new);
                break;
            }
        }
    }
    let client = client.as_ref()?;
    let taken_at = client.database_time().await.ok()?;
    let heard = client.heartbeat(node, "agent", taken_at, calls).await.ok()?;
    (heard.status == "ok").then_some(())
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Cap 1 and a call that talks on switch a. The outage; switch b is back first; then a. Then a dies.
async fn a_talking_call_survives(outage: Outage, times: Times) {
    let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
    let superuser = db.superuser().await;
    let set = format!(
        "alter database {} set capconduit.node_silence_seconds = {}",
        db.name(),
        times.silence
    );
    superuser.batch_execute(&set).await.expect("a setting");
    let between = Proxy::before(db.cluster().port()).await;
    let standby = match outage {
        Outage::Promotion | Outage::SlowStandby => {
            Some(Standby::through(db.cluster(), between.port(), "standby1").await)
        }
        _ => None,
    };
    let hosts = |login| match &standby {
        Some(standby) => standby.either(&db, login),
        None => vec![db.config(login)],
    };
    let api_url = standby
        .as_ref()
        .map_or_else(|| db.url(API), |standby| standby.either_url(&db, API));
    let _api = TestApi::start_with(&db, &[("DATABASE_URL", api_url.as_str())]).await;
    let links = [Link::cap(1)];
    let scenario = Scenario::new(&db.admin().await, Strategy::Priority, &links).await;
    let did = scenario.did.as_str();
    let a = Switch::start("a", &["talks"], hosts(ASTERISK), times.between_lists);
    let b = Switch::start("b", &[], hosts(ASTERISK), times.between_lists);
    a.is_heard().await;
    b.is_heard().await;
    let switch = db.asterisk().await;
    switch.route_on(did, "talks", "", "a").await.unwrap().link();
    switch.answered("talks").await.unwrap();
    a.is_heard().await;
    b.is_heard().await;

    if outage != Outage::SlowStandby {
        a.may_speak(false);
    }
    let length = Duration::from_secs(times.outage);
    match outage {
        Outage::Promotion => {
            db.cluster().stop(StopMode::Kill).await;
            sleep(length).await;
            standby.as_ref().expect("a standby").promote().await;
        }
        Outage::SlowStandby => {
            between.set(Network::Swallows);
            sleep(length).await;
            a.may_speak(false);
            db.cluster().stop(StopMode::Kill).await;
            standby.as_ref().expect("a standby").promote().await;
        }
        Outage::Recovery => {
            db.cluster().stop(StopMode::Kill).await;
            sleep(length).await;
            db.cluster().start().await;
        }
        Outage::Freeze => {
            db.cluster().freeze(true);
            sleep(length).await;
            db.cluster().freeze(false);
        }
        Outage::Network => {
            b.may_speak(false);
            sleep(length).await;
            b.may_speak(true);
        }
    }
    b.is_heard().await;
    let config = match &standby {
        Some(standby) => standby.config(&db, SUPERUSER),
        None => db.config(SUPERUSER),
    };
    let superuser = connect(config.clone().options("-c search_path=capconduit")).await;
    assert_eq!(superuser.release_expired(100).await.unwrap().released, Some(0));
    // The first one is back later, within its time.
    sleep(Duration::from_secs(times.silence / 5)).await;
    a.may_speak(true);
    a.is_heard().await;

    let talks = async || {
        let sql = "select count(*) from live_calls where uniqueid = 'talks' and holds_slot";
        superuser
            .query_one(sql, &[])
            .await
            .expect("calls")
            .get::<_, i64>(0)
            == 1
    };
    // Longer than a switch may be silent, in which the service looks for dead ones.
    let until = Instant::now() + Duration::from_secs(times.silence * 3 / 2);
    while Instant::now() < until {
        assert!(talks().await, "the talking call lost its slot");
        let second = superuser.route(did, "second").await.unwrap();
        assert_eq!(second.reject_reason(), "no_eligible_clients_available");
        sleep(Duration::from_millis(500)).await;
    }

    a.may_speak(false);
    eventually("a dead switch is found dead", async || !talks().await).await;
    let sql = "select call_status || ' ' || hangup_cause_text,
                      extract(epoch from g.created_at - greatest(n.heartbeat_at, n.last_call_at))::float8
                 from call_logs g join nodes n on n.name = g.node where asterisk_uniqueid = 'talks'";
    let row = superuser.query_one(sql, &[]).await.expect("its record");
    let (what, after): (String, f64) = (row.get(0), row.get(1));
    println!("found dead {after:.1} s after its last sign");
    assert_eq!(what, "LOST node silent");
    assert!(after >= times.silence as f64, "{after:.1} s after its last sign");
    superuser.route(did, "third").await.unwrap().link();
    assert_invariants_at(&superuser).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_talking_call_survives_a_promotion() {
    a_talking_call_survives(Outage::Promotion, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_talking_call_survives_a_slow_standby_s_promotion() {
    a_talking_call_survives(Outage::SlowStandby, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_talking_call_survives_a_long_recovery() {
    a_talking_call_survives(Outage::Recovery, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_talking_call_survives_a_frozen_server() {
    a_talking_call_survives(Outage::Freeze, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_talking_call_survives_a_network_that_cuts_all_switches_off() {
    a_talking_call_survives(Outage::Network, SHORT).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "five minutes of outage, and the two minutes after which a silent node counts as dead"]
async fn the_same_over_five_minutes_with_the_platform_s_own_settings() {
    tokio::join!(
        a_talking_call_survives(Outage::Promotion, AS_SHIPPED),
        a_talking_call_survives(Outage::SlowStandby, AS_SHIPPED),
        a_talking_call_survives(Outage::Recovery, AS_SHIPPED),
        a_talking_call_survives(Outage::Freeze, AS_SHIPPED),
        a_talking_call_survives(Outage::Network, AS_SHIPPED),
    );
}
