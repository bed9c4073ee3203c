//! Random histories against a model. `world` and `rows` are what the model knows, `calls`, `log`, `lost`, `judge`, `caps`,
//! `meters`, `counting`, `first_rule`, `seats`, `callers`, `memory`, `overflow` and `change` its own reading of the contract, written from the documentation and sharing no code with the extension;
//! `draw` draws histories, `history` runs one of them against both. `concurrent` runs small ones (`race`) on several
//! connections at once, `struck` with faults that hit a connection, `crashes` with ones that hit the server; `search` looks
//! for an order that explains them.
//!
//! Every history has a seed. A failure shows its seed and the history, shrunk; CAPCONDUIT_TEST_SEED=<seed> runs it
//! again first.

mod answer;
mod callers;
mod calls;
mod caps;
mod change;
mod concurrent;
mod counting;
mod crashes;
mod draw;
mod first_rule;
mod history;
mod judge;
mod log;
mod lost;
mod memory;
mod meters;
mod op;
mod overflow;
mod race;
mod rows;
mod search;
mod seats;
mod session;
mod sights;
mod step;
mod struck;
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capconduit_tests::{SUPERUSER, TestDb};
use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use history::History;
use session::{Commit, SWEEP, Session};
use step::Step;
use world::World;

#[test]
fn every_history_goes_as_the_model_says() {
    // Caps first: most limits are to be there when calls come.
    let caps = vec(draw::any_cap(&caps::OVER).prop_map(Step::Change), 0..4);
    let drawn = (
        draw::any_world(),
        caps,
        draw::any_beginning(false),
        vec(draw::any_step(), 1..40),
    )
        .prop_map(|(world, caps, set, steps)| (world, [caps, set, steps].concat()));
    explore(histories(1_000, 10_000), &drawn, &["client_seats"]);
}

/// The same where calls find somebody, so that their callers call again.
#[test]
fn callers_call_again_as_the_model_says() {
    let set = vec(draw::any_of_callers(false).prop_map(Step::Change), 1..5);
    let drawn = (
        draw::any_open_world(),
        set,
        vec(draw::any_step_of_callers(), 10..40),
    )
        .prop_map(|(world, set, steps)| (world, [set, steps].concat()));
    let met = ["duplicate_caller", "client_seats"];
    explore(histories(300, 3_000), &drawn, &met);
}

/// The same where campaigns have nobody for calls, and others do.
#[test]
fn calls_overflow_as_the_model_says() {
    let set = vec(draw::any_of_overflow().prop_map(Step::Change), 2..6);
    let drawn = (
        draw::any_world_of_one_seller(),
        set,
        vec(draw::any_step_of_overflow(), 10..40),
    )
        .prop_map(|(world, set, steps)| (world, [set, steps].concat()));
    let met = ["kept_back", ">all_closed", ">all_capped", ">no_more_targets"];
    explore(histories(300, 3_000), &drawn, &met);
}

/// `met`: reasons that some of the histories must have met, or they show nothing; those that no run is without.
fn explore(count: u64, drawn: &impl Strategy<Value = (World, Vec<Step>)>, met: &[&str]) {
    let lab = Lab::new(1, Commit::AtOnce);
    let lines = |(world, steps): &(World, Vec<Step>)| {
        let steps = steps.iter().enumerate();
        let steps = steps.map(|(number, step)| format!("step {number}: {step:?}"));
        world.lines().into_iter().chain(steps).collect()
    };
    let all = RefCell::new(BTreeMap::new());
    lab.explore(count, drawn, lines, async |(world, steps)| {
        let sessions = lab.sessions();
        let mut history = History::begin(&lab.db, &sessions[0], &world).await;
        for (number, step) in steps.iter().enumerate() {
            let result = history.step(step).await;
            result.map_err(|error| format!("step {number}: {error}"))?;
        }
        for reason in history.met {
            *all.borrow_mut().entry(reason).or_insert(0) += 1;
        }
        Ok(())
    });
    println!("histories that met each reason: {:?}", all.borrow());
    for reason in met {
        assert!(all.borrow().contains_key(*reason), "no history met {reason}");
    }
}

/// A database and the connections to it, for as many histories as wanted.
struct Lab {
    runtime: Runtime,
    db: TestDb,
    commit: Commit,
    sessions: RefCell<Vec<Rc<Session>>>,
}

impl Lab {
    fn new(connections: usize, commit: Commit) -> Lab {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let db = runtime.block_on(TestDb::new());
        let open = || runtime.block_on(Session::open(&db.config(SUPERUSER), commit));
        let sessions = (0..connections).map(|_| Rc::new(open())).collect();
        Lab {
            runtime,
            db,
            commit,
            sessions: RefCell::new(sessions),
        }
    }

    fn sessions(&self) -> Vec<Rc<Session>> {
        self.sessions.borrow().clone()
    }

    fn replace(&self, number: usize, session: Rc<Session>) {
        self.sessions.borrow_mut()[number] = session;
    }

    /// A history may have cost a connection its life.
    fn renew(&self) {
        for session in self.sessions.borrow_mut().iter_mut() {
            if session.client.is_closed() {
                let config = self.db.config(SUPERUSER);
                *session = Rc::new(self.runtime.block_on(Session::open(&config, self.commit)));
            }
        }
    }

    /// Runs that many histories, and shows the smallest that fails.
    fn explore<S: Strategy>(
        &self,
        count: u64,
        strategy: &S,
        lines: impl Fn(&S::Value) -> Vec<String>,
        test: impl AsyncFn(S::Value) -> Result<(), String>,
    ) where
        S::Value: Debug,
    {
        let first = first_seed();
        println!("{count} histories from seed {first}");
        for number in 0..count {
            let seed = first.wrapping_add(number);
            if number % 100 == 0 {
                self.runtime.block_on(self.sessions()[0].run(SWEEP));
            }
            let failure = runner(seed).run(strategy, |history| {
                self.renew();
                let bounded = async {
                    away_from_turning_windows().await;
                    tokio::time::timeout(Duration::from_secs(60), test(history)).await
                };
                match self.runtime.block_on(bounded) {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(why)) => Err(TestCaseError::fail(why)),
                    Err(_) => Err(TestCaseError::fail("it takes more than a minute")),
                }
            });
            match failure {
                Ok(()) => {}
                Err(TestError::Fail(why, history)) => {
                    let history = lines(&history).join("\n");
                    panic!("after {number} histories, CAPCONDUIT_TEST_SEED={seed}:\n{history}\n{why}")
                }
                Err(TestError::Abort(why)) => panic!("CAPCONDUIT_TEST_SEED={seed}: {why}"),
            }
        }
    }
}

/// Windows turn at full hours, in some zones at quarters. The model reads the clock beside the database, so no history is to run across one.
async fn away_from_turning_windows() {
    const QUARTER: u64 = 15 * 60;
    const LONGEST_HISTORY: u64 = 15;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    let left = QUARTER - now.as_secs() % QUARTER;
    if left <= LONGEST_HISTORY {
        tokio::time::sleep(Duration::from_secs(left)).await;
    }
}

/// How many histories: more for the long test run, fewer on another PostgreSQL, where the same code has its own tests.
fn histories(normal: u64, long: u64) -> u64 {
    let is_set = |name| std::env::var_os(name).is_some();
    if is_set("CAPCONDUIT_TEST_FULL") {
        long
    } else if is_set("CAPCONDUIT_OTHER_MAJOR") {
        normal / 4
    } else {
        normal
    }
}

fn first_seed() -> u64 {
    match std::env::var("CAPCONDUIT_TEST_SEED") {
        Ok(seed) => seed.parse().expect("CAPCONDUIT_TEST_SEED is a number"),
        Err(_) => {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .expect("a clock after 1970");
            now.as_nanos() as u64
        }
    }
}

fn runner(seed: u64) -> TestRunner {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases: 1,
        failure_persistence: None,
        max_shrink_iters: 2_000,
        max_shrink_time: 45_000,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}
