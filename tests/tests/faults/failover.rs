//! The primary dies under load and a standby takes over: switches, agent and service follow by their addresses alone.
//! With a synchronous standby nothing that was answered is lost; with an asynchronous one what it had not heard of.

use std::sync::Arc;
use std::time::{Duration, Instant};

use capconduit_tests::{
    API, ASTERISK, ClusterOptions, Link, Network, Proxy, Random, SUPERUSER, Scenario, Standby, StopMode,
    Strategy, TestApi, TestCluster, TestDb, TestNode, assert_invariants_at,
};
use tokio_postgres::{Client, Config, NoTls};

use super::load::{Load, Operation};
use crate::api_faults::support::{cookie, signal};
use crate::node::support::{Folder, eventually};

/// Migrate is somebody's command, not a client that follows.
const FOLLOWERS: [Operation; 6] = [
    Operation::Route,
    Operation::Next,
    Operation::Log,
    Operation::Heartbeat,
    Operation::Replay,
    Operation::Write,
];

struct Pair {
    // In the order in which they end.
    agent: TestNode,
    api: TestApi,
    standby: Standby,
    /// Between the primary and the standby.
    between: Proxy,
    db: TestDb,
    load: Arc<Load>,
}

impl Pair {
    async fn start(random: &mut Random) -> Self {
        let db = TestDb::sample_on(TestCluster::start_with(ClusterOptions::default()).await).await;
        let links = [Link::cap(9), Link::cap(9), Link::cap(9)];
        let scenario = Scenario::new(&db.admin().await, Strategy::RoundRobin, &links).await;
        let between = Proxy::before(db.cluster().port()).await;
        let standby = Standby::through(db.cluster(), between.port(), "standby1").await;
        let (api_url, agent_url) = (standby.either_url(&db, API), standby.either_url(&db, ASTERISK));
        let settings = [
            ("DATABASE_URL", api_url.as_str()),
            ("CAPCONDUIT_REQUEST_SECONDS", "4"),
        ];
        let api = TestApi::start_with(&db, &settings).await;
        let spool = Arc::new(Folder::new());
        let agent = TestNode::start_with(&db, spool.path(), &[("DATABASE_URL", &agent_url)]).await;
        let cookie = cookie(&api, "seller_alice").await;
        let switch = standby.either(&db, ASTERISK);
        let pace = Duration::from_millis(50);
        let load = Load::start(switch, &scenario.did, &api, &cookie, spool, pace, random);
        let pair = Self {
            agent,
            api,
            standby,
            between,
            db,
            load,
        };
        pair.all_are_told("at first").await;
        pair
    }

    async fn all_are_told(&self, when: &str) -> Duration {
        let since = Instant::now();
        for operation in FOLLOWERS {
            eventually(&format!("{when}: {} is answered", operation.name()), || async {
                self.load.has_been_told(operation)
            })
            .await;
        }
        since.elapsed()
    }

    /// From now on whoever is told something has it on both servers.
    async fn waits_for_its_standby(&self) {
        let superuser = self.db.superuser().await;
        for sql in [
            "alter system set synchronous_standby_names = 'standby1'",
            "select pg_reload_conf()",
        ] {
            superuser.batch_execute(sql).await.expect("a setting");
        }
        let sync = "select sync_state = 'sync' from pg_stat_replication where application_name = 'standby1'";
        is_true(&superuser, sync).await;
        // What was told before has arrived, too.
        has_it_all(&superuser, "standby1").await;
    }

    async fn the_primary_dies(&self) -> Duration {
        self.db.cluster().stop(StopMode::Kill).await;
        self.standby.promote().await;
        let promoted = Instant::now();
        self.load.count_from_now();
        let superuser = self.at_standby().await;
        assert_invariants_at(&superuser).await;
        self.all_are_told("after the failover").await;
        self.api.nobody().get("/ready").await.expect_status(200);
        for problem in ["database", "replay"] {
            eventually("the agent is well", || async {
                self.agent.problem(problem).await.is_none()
            })
            .await;
        }
        promoted.elapsed()
    }

    async fn at_standby(&self) -> Client {
        connect(&self.standby.config(&self.db, SUPERUSER)).await
    }
}

async fn connect(config: &Config) -> Client {
    let (client, connection) = config.connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// What was written until now has reached the standby of this name, and is seen there.
async fn has_it_all(primary: &Client, standby: &str) {
    let now = "select pg_current_wal_flush_lsn()::text";
    let now: String = primary.query_one(now, &[]).await.expect("a position").get(0);
    let sql =
        format!("select replay_lsn >= '{now}' from pg_stat_replication where application_name = '{standby}'");
    is_true(primary, &sql).await;
}

async fn is_true(client: &Client, question: &str) {
    eventually(question, || async {
        let row = client.query_opt(question, &[]).await.expect("an answer");
        row.is_some_and(|row| row.get::<_, Option<bool>>(0) == Some(true))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_standby_has_what_was_told() {
    let mut random = Random::seeded();
    let pair = Pair::start(&mut random).await;
    pair.waits_for_its_standby().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The standby hears no more: from here on nobody may be told anything. What waits is lost with the primary.
    pair.between.set(Network::Swallows);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let told = pair.load.told();
    let followed = pair.the_primary_dies().await;
    let lost = told.lost(&pair.at_standby().await).await;
    println!(
        "synchronous: {} answers told before the primary died, {} lost; all had followed {followed:.1?} after the promotion",
        told.len(),
        lost.len()
    );
    assert!(
        lost.is_empty(),
        "told, and not on the synchronous standby: {lost:#?}"
    );
    pair.load.assert_no_surprise();

    // The old primary comes back as a standby, and takes over again: a switchover that was planned.
    let at_standby = pair.at_standby().await;
    // Without it PostgreSQL 15's pg_rewind takes the two for one timeline, and does nothing.
    at_standby
        .batch_execute("checkpoint")
        .await
        .expect("a checkpoint");
    pair.standby.takes_back_the_old_primary().await;
    has_it_all(&at_standby, "old").await;
    drop(at_standby);
    pair.api.nobody().get("/ready").await.expect_status(200);
    pair.standby.stop().await;
    let old = pair.db.superuser().await;
    assert_invariants_at(&old).await;
    old.batch_execute("select pg_promote()").await.expect("promoted");
    // The setting is its own, and nobody answers to that name now.
    for sql in [
        "alter system reset synchronous_standby_names",
        "select pg_reload_conf()",
    ] {
        old.batch_execute(sql).await.expect("a setting");
    }
    pair.load.count_from_now();
    let followed = pair.all_are_told("after the switchover").await;
    println!("switchover: all had followed {followed:.1?} after the promotion");
    pair.load.end().await;
    let lost = pair.load.told().lost(&old).await;
    assert!(lost.is_empty(), "told, and lost: {lost:#?}");
    pair.load.assert_no_surprise();
    assert_invariants_at(&old).await;
}

/// A switchover without a restart: the primary is closed to writes, and the standby promoted when it has heard of all.
/// Connections that are still open lead to a server that refuses; whoever kept them would be refused for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_closed_to_writes_is_left() {
    let mut random = Random::seeded();
    let pair = Pair::start(&mut random).await;
    let superuser = pair.db.superuser().await;
    for sql in [
        "alter system set default_transaction_read_only = on",
        "select pg_reload_conf()",
    ] {
        superuser.batch_execute(sql).await.expect("a setting");
    }
    pair.load.tallies();
    eventually("somebody is refused", || async {
        let tallies = pair.load.tallies();
        tallies.values().any(|tally| tally.errors.contains_key("25006"))
    })
    .await;
    // Transactions that had begun to write have ended.
    tokio::time::sleep(Duration::from_secs(1)).await;
    has_it_all(&superuser, "standby1").await;
    let told = pair.load.told();
    pair.standby.promote().await;
    pair.load.count_from_now();
    let followed = pair.all_are_told("after the switchover").await;
    println!("closed to writes: all had followed {followed:.1?} after the promotion");
    let at_standby = pair.at_standby().await;
    let lost = told.lost(&at_standby).await;
    assert!(lost.is_empty(), "told, and not on the standby: {lost:#?}");
    pair.load.end().await;
    let lost = pair.load.told().lost(&at_standby).await;
    assert!(lost.is_empty(), "told, and lost: {lost:#?}");
    pair.load.assert_no_surprise();
    assert_invariants_at(&at_standby).await;
}

/// A machine that accepts connections and says nothing. Whoever asks gives up on it and goes on to the next host, and finds
/// there what it was told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: every client waits until its patience is over"]
async fn a_primary_that_hangs_is_left() {
    let mut random = Random::seeded();
    let pair = Pair::start(&mut random).await;
    pair.waits_for_its_standby().await;
    let hung = pair.db.cluster().processes();
    pair.db.cluster().freeze(true);
    pair.standby.promote().await;
    pair.load.count_from_now();
    let followed = pair.all_are_told("while the old primary hangs").await;
    println!("hung: all had followed {followed:.1?} after the promotion");
    // Before it can go on: two primaries would be two truths.
    signal("KILL", &hung[1..]);
    pair.db.cluster().stop(StopMode::Kill).await;
    pair.load.end().await;
    let at_standby = pair.at_standby().await;
    let told = pair.load.told();
    let lost = told.lost(&at_standby).await;
    println!("hung: {} answers told, {} lost", told.len(), lost.len());
    assert!(lost.is_empty(), "told, and lost: {lost:#?}");
    pair.load.assert_no_surprise();
    assert_invariants_at(&at_standby).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: another pair of servers"]
async fn an_asynchronous_standby_lacks_what_it_had_not_heard() {
    let mut random = Random::seeded();
    let pair = Pair::start(&mut random).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let heard = pair.load.told();
    has_it_all(&pair.db.superuser().await, "standby1").await;
    pair.between.set(Network::Swallows);
    let silent = Instant::now();
    tokio::time::sleep(Duration::from_millis(500)).await;
    pair.load.may_lose();
    let told = pair.load.told();
    let silent = silent.elapsed();
    let followed = pair.the_primary_dies().await;
    pair.load.end().await;
    let superuser = pair.at_standby().await;
    let lost = told.lost(&superuser).await;
    println!(
        "asynchronous: {} answers told, {} of them lost, after {silent:.1?} in which the standby heard nothing; all had \
         followed {followed:.1?} after the promotion",
        told.len(),
        lost.len()
    );
    let lost = heard.lost(&superuser).await;
    assert!(lost.is_empty(), "the standby had heard of it: {lost:#?}");
    pair.load.assert_no_surprise();
    assert_invariants_at(&superuser).await;
}
