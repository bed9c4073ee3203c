//! Random histories against a model. `world` and `rows` are what the model knows, `calls`, `log`, `lost`, `judge` and
//! `change` its own reading of the contract, written from the documentation and sharing no code with the extension;
//! `draw` draws histories, `history` runs one of them against both, `concurrent` runs small ones on several
//! connections at once and looks for an order that explains them.
//!
//! Every history has a seed. A failure shows its seed and the history, shrunk; CAPCONDUIT_TEST_SEED=<seed> runs it
//! again first.

mod answer;
mod calls;
mod change;
mod concurrent;
mod draw;
mod history;
mod judge;
mod log;
mod lost;
mod op;
mod rows;
mod session;
mod step;
mod world;

use std::cell::RefCell;
use std::fmt::Debug;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capconduit_tests::TestDb;
use proptest::collection::vec;
use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use tokio::runtime::Runtime;

use history::History;
use session::{SWEEP, Session};
use step::Step;
use world::World;

#[test]
fn every_history_goes_as_the_model_says() {
    let lab = Lab::new(1);
    let histories = (draw::any_world(), vec(draw::any_step(), 1..40));
    let lines = |(world, steps): &(World, Vec<Step>)| {
        let steps = steps.iter().enumerate();
        let steps = steps.map(|(number, step)| format!("step {number}: {step:?}"));
        world.lines().into_iter().chain(steps).collect()
    };
    lab.explore(1_000, 40_000, &histories, lines, async |(world, steps)| {
        let sessions = lab.sessions();
        let mut history = History::begin(&lab.db, &sessions[0], &world).await;
        for (number, step) in steps.iter().enumerate() {
            let result = history.step(step).await;
            result.map_err(|error| format!("step {number}: {error}"))?;
        }
        Ok(())
    });
}

/// A database and the connections to it, for as many histories as wanted.
struct Lab {
    runtime: Runtime,
    db: TestDb,
    sessions: RefCell<Rc<[Session]>>,
}

impl Lab {
    fn new(connections: usize) -> Lab {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let db = runtime.block_on(TestDb::new());
        let sessions = RefCell::new(Rc::from([]));
        let lab = Lab {
            runtime,
            db,
            sessions,
        };
        lab.runtime.block_on(lab.connect(connections));
        lab
    }

    fn sessions(&self) -> Rc<[Session]> {
        self.sessions.borrow().clone()
    }

    /// A history may have cost a connection its life.
    async fn connect(&self, connections: usize) {
        let mut sessions = Vec::new();
        for _ in 0..connections {
            sessions.push(Session::open(&self.db).await);
        }
        self.sessions.replace(sessions.into());
    }

    /// Runs that many histories, more for the long test run, and shows the smallest that fails.
    fn explore<S: Strategy>(
        &self,
        histories: u64,
        long: u64,
        strategy: &S,
        lines: impl Fn(&S::Value) -> Vec<String>,
        test: impl AsyncFn(S::Value) -> Result<(), String>,
    ) where
        S::Value: Debug,
    {
        let count = if std::env::var_os("CAPCONDUIT_TEST_FULL").is_some() {
            long
        } else {
            histories
        };
        let first = first_seed();
        println!("{count} histories from seed {first}");
        for number in 0..count {
            let seed = first.wrapping_add(number);
            if number % 100 == 0 {
                self.runtime.block_on(self.sessions()[0].run(SWEEP));
            }
            let failure = runner(seed).run(strategy, |history| {
                let sessions = self.sessions();
                if sessions.iter().any(|session| session.client.is_closed()) {
                    self.runtime.block_on(self.connect(sessions.len()));
                }
                let bounded = async { tokio::time::timeout(Duration::from_secs(60), test(history)).await };
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
