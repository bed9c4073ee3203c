//! Races in many worlds at once when their server dies: its processes are killed while commits wait for the disk, and it
//! recovers; or they are killed, and a synchronous standby is promoted. The lanes then go on, and whatever anybody was
//! told before is asked again. A world is a database.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use capconduit_tests::{
    ClusterOptions, Network, Proxy, Random, SUPERUSER, Standby, StopMode, TestCluster, TestDb,
};
use futures_util::future::join_all;
use proptest::strategy::{Strategy, ValueTree};
use tokio::sync::watch;
use tokio_postgres::{Client, Config};

use super::answer::{Answer, Heard};
use super::op::Op;
use super::race::{Prepared, Race, any_race};
use super::search::Ran;
use super::session::{Commit, Session};
use super::{first_seed, runner};
use crate::api_faults::support::signal;
use crate::crash::{Crashable, until};

const WORLDS: usize = 8;

/// What they all were asked and told in one crash.
#[derive(Default)]
struct Tally {
    histories: usize,
    answered: usize,
    unheard: usize,
    happened: usize,
}

/// Counts what is answered, so that the server dies at a drawn answer and not at a time.
struct Strike {
    answers: Cell<usize>,
    at: usize,
    due: watch::Sender<bool>,
}

impl Strike {
    fn at(at: usize) -> Self {
        Strike {
            answers: Cell::new(0),
            at,
            due: watch::Sender::new(at == 0),
        }
    }

    fn answered(&self) {
        self.answers.set(self.answers.get() + 1);
        if self.answers.get() >= self.at {
            self.due.send_replace(true);
        }
    }

    async fn is_due(&self) {
        let _ = self.due.subscribe().wait_for(|due| *due).await;
    }
}

/// One race in each world, a crash at some moment of them, and what is asked afterwards. `crash` returns when there is a
/// server again, and gives the way to each world there.
async fn races_through_a_crash(
    worlds: &[TestDb],
    seed: u64,
    crash: impl AsyncFnOnce(&mut Random) -> Vec<Config>,
    tally: &mut Tally,
) {
    let mut random = Random::of(seed);
    let races: Vec<Race> = (0..)
        .map(|number| {
            let tree = any_race(1..4).new_tree(&mut runner(seed.wrapping_add(number)));
            tree.expect("a race").current()
        })
        .take(worlds.len())
        .collect();
    let prepared = join_all(worlds.iter().zip(&races).map(async |(db, race)| {
        let control = Session::open(&db.config(SUPERUSER), Commit::Durable).await;
        let prepared = race.prepare(db, &control).await;
        let mut lanes = Vec::new();
        for _ in &race.lanes {
            lanes.push(Rc::new(
                Session::open(&db.config(SUPERUSER), Commit::Durable).await,
            ));
        }
        (prepared, lanes)
    }))
    .await;
    let mut scenes: Vec<(Prepared, Vec<Rc<Session>>)> = Vec::new();
    for ((prepared, lanes), race) in prepared.into_iter().zip(&races) {
        let why = |why| panic!("CAPCONDUIT_TEST_SEED={seed}:\n{}\n{why}", race.lines().join("\n"));
        scenes.push((prepared.unwrap_or_else(why), lanes));
    }
    let steps: usize = races.iter().flat_map(|race| &race.lanes).map(Vec::len).sum();
    let strike = Strike::at(random.below(steps));
    let back = watch::Sender::new(Vec::<Config>::new());
    let racing = join_all(
        races
            .iter()
            .zip(&scenes)
            .enumerate()
            .map(|(world, (race, (prepared, lanes)))| {
                let (strike, back) = (&strike, &back);
                let lanes = race.lanes.iter().zip(lanes).map(move |(steps, session)| {
                    prepared.lane(
                        session.clone(),
                        steps,
                        async move |session, op, _| {
                            let ran = prepared.ask(session, op).await;
                            strike.answered();
                            ran
                        },
                        async move || {
                            let mut back = back.subscribe();
                            let configs = back
                                .wait_for(|configs| !configs.is_empty())
                                .await
                                .expect("a server");
                            let config = configs[world].clone();
                            drop(configs);
                            Rc::new(Session::open(&config, Commit::Durable).await)
                        },
                    )
                });
                join_all(lanes)
            }),
    );
    let crashing = async {
        strike.is_due().await;
        let configs = crash(&mut random).await;
        // Whoever asks from now on asks the server that is there now.
        for (prepared, _) in &scenes {
            prepared.crashed.set(true);
        }
        back.send_replace(configs.clone());
        configs
    };
    let (ended, configs) = tokio::join!(racing, crashing);
    let ran = ended
        .into_iter()
        .map(|lanes| lanes.into_iter().flat_map(|(_, ran)| ran).collect::<Vec<Ran>>());
    for (world, mut ran) in ran.enumerate() {
        let prepared = &scenes[world].0;
        let control = Session::open(&configs[world], Commit::Durable).await;
        tally.histories += 1;
        tally.answered += count(&ran, |heard| matches!(heard, Heard::Answer(_)));
        tally.unheard += count(&ran, |heard| matches!(heard, Heard::Nothing));
        for op in worth_repeating(&ran) {
            ran.push(prepared.ask(&control, &op).await);
        }
        match prepared.explained(&control, &ran, true).await {
            Ok(happened) => tally.happened += happened,
            Err(why) => panic!(
                "CAPCONDUIT_TEST_SEED={seed}, world {world}:\n{}\n{why}",
                races[world].lines().join("\n")
            ),
        }
    }
}

fn count(ran: &[Ran], sort: impl Fn(&Heard) -> bool) -> usize {
    ran.iter().filter(|ran| sort(&ran.heard)).count()
}

/// What a switch was told of its calls, before the crash or after it, is asked once more.
fn worth_repeating(ran: &[Ran]) -> Vec<Op> {
    let told = ran.iter().filter(|ran| match (&ran.op, &ran.heard) {
        (Op::Route(_) | Op::Next { .. } | Op::Answered(_) | Op::Log(_), Heard::Answer(answer)) => {
            !matches!(answer, Answer::Refused(_))
        }
        _ => false,
    });
    told.map(|ran| ran.op.clone()).collect()
}

/// All at once, as a machine that loses its power. The parent is stopped first: it would begin anew by itself when it sees
/// one of them die.
async fn kill(cluster: &TestCluster, at: impl AsyncFnOnce()) {
    signal("STOP", &cluster.processes()[..1]);
    let children = &cluster.processes()[1..];
    at().await;
    signal("KILL", children);
    cluster.stop(StopMode::Kill).await;
}

async fn up_to(random: &mut Random, milliseconds: usize) {
    tokio::time::sleep(Duration::from_millis(random.below(milliseconds) as u64)).await;
}

fn configs(worlds: &[TestDb]) -> Vec<Config> {
    worlds.iter().map(|db| db.config(SUPERUSER)).collect()
}

async fn worlds(cluster: &std::sync::Arc<TestCluster>) -> Vec<TestDb> {
    let mut worlds = Vec::new();
    for _ in 0..WORLDS {
        worlds.push(TestDb::on(cluster.clone()).await);
    }
    worlds
}

async fn standbys(superuser: &Client, names: &str) {
    let set = format!("alter system set synchronous_standby_names = '{names}'");
    for sql in [set.as_str(), "select pg_reload_conf()"] {
        superuser.batch_execute(sql).await.expect("a setting");
    }
}

/// The setting takes effect when one of the server's own processes has read it: when a commit is seen to wait.
async fn commits_wait_for(db: &TestDb, standby: &str) {
    const COMMIT: &str = "select pg_logical_emit_message(true, '', '')";
    const WAITS: &str = "select exists (select from pg_stat_activity where wait_event = 'SyncRep')";
    let superuser = db.superuser().await;
    standbys(&superuser, "nobody").await;
    let committing = db.superuser().await;
    let mut commit = Box::pin(committing.batch_execute(COMMIT));
    loop {
        tokio::select! {
            done = &mut commit => {
                done.expect("a commit");
                commit = Box::pin(committing.batch_execute(COMMIT));
            }
            () = until(db, WAITS) => break,
        }
    }
    standbys(&superuser, standby).await;
    commit.await.expect("a commit that the standby has");
}

impl Tally {
    fn print(&self, what: &str) {
        println!(
            "{what}: {} histories, {} answers, {} operations without one, of which {} had happened",
            self.histories, self.answered, self.unheard, self.happened
        );
        assert!(
            self.unheard > self.happened,
            "servers die in the middle of operations"
        );
    }
}

#[tokio::test]
#[ignore = "long: forty crashes"]
async fn a_crash_keeps_what_was_answered_and_takes_no_part_of_anything() {
    const CRASHES: u64 = 40;
    let server = Crashable::start(&[]).await;
    let worlds = worlds(&server.cluster).await;
    let mut tally = Tally::default();
    let first = first_seed();
    println!("{CRASHES} crashes from seed {first}");
    for number in 0..CRASHES {
        let crash = async |random: &mut Random| {
            let mut stall = None;
            if random.chance(67) {
                // What is committed while the disk stalls is seen by others, and lost.
                stall = Some(server.stall(&worlds[0]).await);
                up_to(random, 150).await;
            }
            kill(&server.cluster, async || {
                // In the middle of their answers, if the disk comes back a moment before.
                if random.chance(50) {
                    drop(stall.take());
                }
                up_to(random, 4).await;
            })
            .await;
            drop(stall);
            server.cluster.start().await;
            configs(&worlds)
        };
        races_through_a_crash(&worlds, first.wrapping_add(number * 100), crash, &mut tally).await;
    }
    tally.print("crashes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "long: two dozen failovers"]
async fn a_synchronous_standby_goes_on_with_what_was_answered() {
    const FAILOVERS: u64 = 24;
    let cluster = TestCluster::start_with(ClusterOptions::default()).await;
    let worlds = worlds(&cluster).await;
    let mut tally = Tally::default();
    let first = first_seed();
    println!("{FAILOVERS} failovers from seed {first}");
    for number in 0..FAILOVERS {
        let name = format!("standby{number}");
        let between = Proxy::before(cluster.port()).await;
        let standby = Standby::through(&cluster, between.port(), &name).await;
        commits_wait_for(&worlds[0], &name).await;
        let crash = async |random: &mut Random| {
            // In half of them the standby hears no more for a while: nobody may be answered then.
            if random.chance(50) {
                between.set(Network::Swallows);
            }
            kill(&cluster, async || up_to(random, 30).await).await;
            standby.promote().await;
            worlds.iter().map(|db| standby.config(db, SUPERUSER)).collect()
        };
        races_through_a_crash(&worlds, first.wrapping_add(number * 100), crash, &mut tally).await;
        drop(standby);
        // The old primary is there for the next one, without its standby.
        cluster.start().await;
        let superuser = worlds[0].superuser().await;
        let drop_slot = format!("select pg_drop_replication_slot('{name}')");
        superuser
            .batch_execute(&drop_slot)
            .await
            .expect("the slot is dropped");
        standbys(&superuser, "").await;
    }
    tally.print("failovers");
}
