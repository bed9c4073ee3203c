//! The soak: everything at work for long while something breaks every few seconds. No answer is lost, no counter is wrong,
//! memory and hot tables do not grow. `make soak`; CAPCONDUIT_SOAK_MINUTES says how long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use capconduit_tests::{API, ASTERISK, Random, TestDb, Visitor, assert_invariants_at, unique};
use tokio_postgres::{Client, NoTls};

use super::line::{Line, NODE};
use super::memory::{Backends, DIRECT, lasting_kib, resident_kib};
use super::stage::Stage;
use super::steady::{Steady, is_expected, visits};
use super::strikes::Fault;
use crate::api_faults::support::cookie;

/// What strikes, by weight. A killed server takes all its backends' memory with it, so that those are measured too, it
/// comes more rarely than the others.
const FAULTS: [(Fault, usize); 9] = [
    (Fault::ServerKilled, 1),
    (Fault::BackendKilled, 1),
    (Fault::ServerFrozen, 3),
    (Fault::ServiceKilled, 3),
    (Fault::AgentKilled, 3),
    (Fault::CutInQuestion, 3),
    (Fault::CutInAnswer, 3),
    (Fault::RowsLocked, 2),
    (Fault::StatementsCancelled, 3),
];

/// Growth of a process's memory that is allowed in ten minutes, once it is warm.
const GROWTH_KIB_PER_TEN_MINUTES: f64 = 1024.0;

/// Tables that every call changes.
const HOT_TABLES: [&str; 3] = ["link_counters", "live_calls", "nodes"];

/// Kibibytes that nothing of the platform reaches, in a short run either. A password's hash takes 19 MiB for a moment.
const CEILINGS_KIB: (f64, f64, f64) = (96.0 * 1024.0, 48.0 * 1024.0, 32.0 * 1024.0);

#[derive(Debug, Clone)]
struct Sample {
    minute: f64,
    service_kib: f64,
    agent_kib: f64,
    /// The largest of the platform's backends.
    backend_kib: f64,
    tables: Vec<i64>,
}

async fn sample(db: &TestDb, steady: &Steady, since: Instant) -> Sample {
    let superuser = db.superuser().await;
    let sql = format!(
        "select pid from pg_stat_activity where usename in ('{ASTERISK}', '{API}') and backend_type = 'client backend'"
    );
    let rows = superuser.query(&sql, &[]).await.expect("the backends");
    let backends = rows
        .iter()
        .map(|row| resident_kib(row.get::<_, i32>(0).unsigned_abs(), "RssAnon:"));
    let mut tables = Vec::new();
    for table in HOT_TABLES {
        let sql = format!("select pg_total_relation_size('capconduit.{table}')");
        tables.push(superuser.query_one(&sql, &[]).await.expect("a size").get(0));
    }
    Sample {
        minute: since.elapsed().as_secs_f64() / 60.0,
        service_kib: lasting_kib(steady.api.pid()).await,
        agent_kib: resident_kib(steady.agent.pid(), "VmRSS:"),
        backend_kib: backends.fold(0.0, f64::max),
        tables,
    }
}

/// Kibibytes in ten minutes: the slope of the line that fits the samples best.
fn growth(samples: &[Sample], value: impl Fn(&Sample) -> f64) -> f64 {
    let count = samples.len() as f64;
    let (x, y) = (
        samples.iter().map(|s| s.minute).sum::<f64>() / count,
        samples.iter().map(&value).sum::<f64>() / count,
    );
    let above: f64 = samples.iter().map(|s| (s.minute - x) * (value(s) - y)).sum();
    let below: f64 = samples.iter().map(|s| (s.minute - x).powi(2)).sum();
    above / below * 10.0
}

/// Calls of a switch beside the server.
async fn calls_directly(stage: Arc<Stage>, mut random: Random, end: Instant) {
    let mut config = stage.db.config(ASTERISK);
    config.application_name(DIRECT);
    let mut line = Line::new(vec![config]);
    while Instant::now() < end {
        let id = format!("{NODE}-direct{}", unique());
        stage.load.live.lock().unwrap().insert(id.clone());
        stage.load.call(&mut line, &id, &mut random).await;
        stage.load.live.lock().unwrap().remove(&id);
    }
}

/// Reads and changes of settings, by people: lists, reports, weights, priorities, times, a link that is closed for a while.
async fn people(stage: Arc<Stage>, steady: Arc<Steady>, alice: Visitor, mut random: Random, end: Instant) {
    let other = stage.scenario.clone();
    let mut admin: Option<Client> = None;
    while Instant::now() < end {
        steady.spool_one();
        visits(&steady).await;
        for path in [
            "/api/seller/logs?per_page=50",
            "/api/seller/dids",
            "/api/seller/campaigns",
            "/api/seller/live",
            "/api/auth/status",
        ] {
            // Its server may be killed just now: then another one has its place at the next round.
            if let Ok(answer) = alice.try_send("GET", path, None).await {
                is_expected(&answer, &[200, 404]);
            }
        }
        if admin.as_ref().is_none_or(Client::is_closed) {
            admin = match stage.db.config(capconduit_tests::ADMIN).connect(NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    Some(client)
                }
                Err(_) => None,
            };
        }
        if let Some(client) = &admin {
            let link = other.link_ids[random.below(other.link_ids.len())];
            let change = match random.below(4) {
                0 => format!(
                    "update capconduit.campaign_client_settings set weight = {} where id = {link}",
                    1 + random.below(100)
                ),
                1 => format!(
                    "update capconduit.campaign_client_settings set forwarding_priority = {} where id = {link}",
                    random.below(5)
                ),
                2 => format!(
                    "update capconduit.campaigns set dial_timeout_seconds = {} where id = {}",
                    10 + random.below(30),
                    other.campaign_id
                ),
                _ => format!(
                    "update capconduit.clients set status = case status when 'active' then 'inactive' else 'active' end where id = {}",
                    other.client_ids[0]
                ),
            };
            // A cut, a lock or a restart is what all this is about.
            let _ = client.batch_execute(&change).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn choose(random: &mut Random) -> Fault {
    let all: usize = FAULTS.iter().map(|(_, weight)| weight).sum();
    let mut at = random.below(all);
    for (fault, weight) in FAULTS {
        if at < weight {
            return fault;
        }
        at -= weight;
    }
    unreachable!("the weights cover it")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: minutes of traffic and faults"]
async fn nothing_is_lost_and_nothing_grows() {
    let minutes: f64 = std::env::var("CAPCONDUIT_SOAK_MINUTES").map_or(3.0, |text| {
        text.parse().expect("CAPCONDUIT_SOAK_MINUTES is a number")
    });
    let mut random = Random::seeded();
    let stage = Arc::new(Stage::start(false, Duration::from_millis(100), &mut random).await);
    let steady = Arc::new(Steady::start(&stage).await);
    let mut backends = Backends::default();
    let session = cookie(&steady.api, "seller_alice").await;
    let alice = steady.api.nobody().with("cookie", &session);
    let started = Instant::now();
    let end = started + Duration::from_secs_f64(minutes * 60.0);
    let settings = tokio::spawn(people(stage.clone(), steady.clone(), alice, random.fork(), end));
    let direct = tokio::spawn(calls_directly(stage.clone(), random.fork(), end));
    let (mut faults, mut samples) = (BTreeMap::<&str, usize>::new(), Vec::<Sample>::new());
    let mut operations = BTreeMap::<&str, (usize, usize, Duration)>::new();
    let mut next_minute = started + Duration::from_secs(60);
    let mut checks = 0;
    while Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(2000 + random.below(3000) as u64)).await;
        let fault = choose(&mut random);
        fault.strike(&stage, &mut random).await;
        *faults.entry(fault.name()).or_default() += 1;
        let superuser = stage.db.superuser().await;
        assert_invariants_at(&superuser).await;
        checks += 1;
        backends
            .look(&superuser, started.elapsed().as_secs_f64() / 60.0)
            .await;
        if Instant::now() < next_minute {
            continue;
        }
        next_minute += Duration::from_secs(60);
        stage.is_well().await;
        for (operation, tally) in stage.load.tallies() {
            let sum = operations.entry(operation.name()).or_default();
            *sum = (sum.0 + tally.told, sum.1 + tally.failed, sum.2.max(tally.longest));
        }
        let now = sample(&stage.db, &steady, started).await;
        println!(
            "minute {:4.1}: {} faults, {} answers told, 0 lost, {checks} looks, 0 breaches; service {} KiB, agent {} KiB, \
             largest backend {} KiB; {HOT_TABLES:?} {:?} KiB",
            now.minute,
            faults.values().sum::<usize>(),
            stage.load.told().len(),
            now.service_kib,
            now.agent_kib,
            now.backend_kib,
            now.tables.iter().map(|bytes| bytes / 1024).collect::<Vec<_>>()
        );
        samples.push(now);
    }
    settings.await.expect("people end");
    direct.await.expect("calls end");
    stage.load.end().await;
    stage.is_well().await;
    stage.is_empty().await;
    steady.has_replayed_all(&stage.db.superuser().await).await;
    println!("faults: {faults:?}");
    for (name, (told, failed, longest)) in &operations {
        println!(
            "{name}: {told} told, {failed} failed, the longest took {} ms",
            longest.as_millis()
        );
    }
    // Warm is whatever a sixth of the time has seen: five minutes of thirty.
    let warm: Vec<Sample> = samples
        .iter()
        .filter(|s| s.minute >= minutes / 6.0)
        .cloned()
        .collect();
    let (of_backends, lived) = backends.growth();
    println!(
        "{} backends of the switch beside the server became warm, and lived {lived:.1} minutes more in all",
        backends.0.len()
    );
    let rates = [
        ("service", growth(&warm, |s| s.service_kib)),
        ("agent", growth(&warm, |s| s.agent_kib)),
        ("switch's backends, each by itself", of_backends),
    ];
    println!(
        "growth in KiB per ten minutes, after minute {:.0}: {rates:?}",
        minutes / 6.0
    );
    for (number, table) in HOT_TABLES.iter().enumerate() {
        let (first, last) = (warm[0].tables[number], warm[warm.len() - 1].tables[number]);
        println!("{table}: {first} bytes when warm, {last} at the end");
        assert!(last <= 4 * first, "{table} grew from {first} to {last} bytes");
    }
    for sample in &samples {
        let (service, agent, backend) = CEILINGS_KIB;
        assert!(
            sample.service_kib < service && sample.agent_kib < agent && sample.backend_kib < backend,
            "{sample:?}"
        );
    }
    // Shorter runs are no measure of growth.
    if minutes >= 20.0 {
        assert!(lived >= 5.0, "no backend lived long enough to be measured");
        for (name, rate) in rates {
            assert!(
                rate <= GROWTH_KIB_PER_TEN_MINUTES,
                "the {name} grows: {rate} KiB in ten minutes"
            );
        }
    }
}
