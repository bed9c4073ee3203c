//! Everything that the platform does, all at once: calls of a switch, records through the agent's spool, lists of live
//! calls, writes through the service. Owns: what each of them was told, and whether it is still true.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capconduit_tests::{Random, TestApi, Visitor, unique};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio_postgres::Config;

use super::line::{Answer, Line, Question};
use super::told::Told;
use crate::node::support::{DID, Folder, record};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    Route,
    Next,
    Log,
    Heartbeat,
    Replay,
    Write,
    Migrate,
}

impl Operation {
    /// Longer than it takes undisturbed, on a busy machine too. The agent looks at its spool once a second, and a migrate
    /// is a process of its own.
    pub fn long(self) -> Duration {
        Duration::from_millis(match self {
            Operation::Replay | Operation::Migrate => 1600,
            _ => 1000,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Operation::Route => "route_call",
            Operation::Next => "next_target",
            Operation::Log => "log_call",
            Operation::Heartbeat => "node_heartbeat",
            Operation::Replay => "spool replay",
            Operation::Write => "API write",
            Operation::Migrate => "migrate",
        }
    }
}

/// What happened to one operation since somebody looked last.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    pub told: usize,
    pub failed: usize,
    pub longest: Duration,
    /// When it was told for the first time.
    pub first: Option<Instant>,
    pub errors: BTreeMap<String, usize>,
}

pub struct Load {
    /// The hosts that its connections go to.
    switch: Vec<Config>,
    pub(super) did: String,
    /// Whoever writes through the service; another one after it was started anew.
    seller: Mutex<Visitor>,
    cookie: String,
    pub spool: Arc<Folder>,
    pub(super) pace: Duration,
    /// On the switch just now: what it says in its lists.
    pub(super) live: Mutex<HashSet<String>>,
    spooled: Mutex<HashMap<String, Instant>>,
    told: Mutex<Told>,
    tallies: Mutex<BTreeMap<Operation, Tally>>,
    surprises: Mutex<Vec<String>>,
    may_lose: AtomicBool,
    over: AtomicBool,
    /// Nobody spools anything more.
    all_recorded: AtomicBool,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    watcher: Mutex<Option<JoinHandle<()>>>,
}

/// Who makes calls.
const CALLERS: usize = 6;
const WRITERS: usize = 2;

/// Reasons for which a good call may be rejected here.
const NO_ROOM: [&str; 3] = [
    "no_eligible_clients_available",
    "no_more_targets",
    "no_active_clients_in_campaign",
];

impl Load {
    /// Calls come by `switch`, a pause of about `pace` between a caller's two calls.
    pub fn start(
        switch: Vec<Config>,
        did: &str,
        api: &TestApi,
        cookie: &str,
        spool: Arc<Folder>,
        pace: Duration,
        random: &mut Random,
    ) -> Arc<Self> {
        let load = Arc::new(Self {
            switch,
            did: did.to_owned(),
            seller: Mutex::new(api.nobody().with("cookie", cookie)),
            cookie: cookie.to_owned(),
            spool,
            pace,
            live: Mutex::default(),
            spooled: Mutex::default(),
            told: Mutex::default(),
            tallies: Mutex::default(),
            surprises: Mutex::default(),
            may_lose: AtomicBool::new(false),
            over: AtomicBool::new(false),
            all_recorded: AtomicBool::new(false),
            tasks: Mutex::default(),
            watcher: Mutex::default(),
        });
        let mut tasks = Vec::new();
        for number in 0..CALLERS {
            tasks.push(tokio::spawn(load.clone().calls(number, random.fork())));
        }
        for _ in 0..WRITERS {
            tasks.push(tokio::spawn(load.clone().writes()));
        }
        tasks.extend(load.clone().lanes());
        tasks.push(tokio::spawn(load.clone().lists_calls()));
        *load.watcher.lock().unwrap() = Some(tokio::spawn(load.clone().watches_the_spool()));
        *load.tasks.lock().unwrap() = tasks;
        load
    }

    pub fn serve_by(&self, api: &TestApi) {
        *self.seller.lock().unwrap() = api.nobody().with("cookie", &self.cookie);
    }

    /// Nobody begins anything new; ends when all calls have ended and the agent has taken every record.
    pub async fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        let tasks: Vec<_> = self.tasks.lock().unwrap().drain(..).collect();
        for task in tasks {
            has_ended(task).await;
        }
        self.all_recorded.store(true, Ordering::Relaxed);
        let watcher = self.watcher.lock().unwrap().take();
        has_ended(watcher.expect("it ends once")).await;
    }

    pub fn note(&self, operation: Operation, begun: Instant, result: Result<(), &str>) {
        let mut tallies = self.tallies.lock().unwrap();
        let tally = tallies.entry(operation).or_default();
        tally.longest = tally.longest.max(begun.elapsed());
        match result {
            Ok(()) => {
                tally.told += 1;
                tally.first.get_or_insert_with(Instant::now);
            }
            Err(error) => {
                tally.failed += 1;
                *tally.errors.entry(error.to_owned()).or_default() += 1;
            }
        }
    }

    /// What happened since the last time.
    pub fn tallies(&self) -> BTreeMap<Operation, Tally> {
        std::mem::take(&mut *self.tallies.lock().unwrap())
    }

    pub fn so_far(&self) -> BTreeMap<Operation, Tally> {
        self.tallies.lock().unwrap().clone()
    }

    /// Forgets when each operation was told first: the fault is over now.
    pub fn count_from_now(&self) {
        for tally in self.tallies.lock().unwrap().values_mut() {
            tally.first = None;
        }
    }

    pub fn has_been_told(&self, operation: Operation) -> bool {
        let tallies = self.tallies.lock().unwrap();
        tallies.get(&operation).is_some_and(|tally| tally.first.is_some())
    }

    fn surprise(&self, what: String) {
        self.surprises.lock().unwrap().push(what);
    }

    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    /// A connection of its own, known by this name.
    pub(super) fn line(&self, name: &str) -> Line {
        let mut hosts = self.switch.clone();
        for host in &mut hosts {
            host.application_name(format!("switch {name}"));
        }
        Line::new(hosts)
    }

    async fn calls(self: Arc<Self>, number: usize, mut random: Random) {
        let mut line = self.line("calls");
        let run = unique();
        for call in 0.. {
            let id = format!("{}-{run}{number}.{call}", super::line::NODE);
            self.live.lock().unwrap().insert(id.clone());
            self.call(&mut line, &id, &mut random).await;
            self.live.lock().unwrap().remove(&id);
            if self.is_over() {
                return;
            }
            tokio::time::sleep(self.pace.mul_f64(0.5 + random.below(100) as f64 / 100.0)).await;
        }
    }

    pub(super) async fn call(&self, line: &mut Line, id: &str, random: &mut Random) {
        let route = Question::Route {
            did: self.did.clone(),
            id: id.to_owned(),
        };
        let first = self.until_told(line, Operation::Route, route).await;
        let mut status = if random.chance(60) { "ANSWERED" } else { "NOANSWER" };
        if self.is_placed(id, &first) {
            if random.chance(40) {
                let next = Question::Next {
                    id: id.to_owned(),
                    failed_attempt: 1,
                };
                let second = self.until_told(line, Operation::Next, next).await;
                if !self.is_placed(id, &second) {
                    status = "BUSY";
                }
            }
        } else {
            status = "REJECTED_NO_ELIGIBLE_CLIENTS_AVAILABLE";
        }
        tokio::time::sleep(self.pace.mul_f64(random.below(100) as f64 / 100.0)).await;
        if status == "ANSWERED" {
            // Nobody waits for this: the record says it, too.
            let _ = line.ask(&Question::Answered { id: id.to_owned() }).await;
        }
        self.record(line, id, status, random.chance(10)).await;
    }

    /// As the dialplan does: it asks twice, and then leaves the record to the agent.
    pub(super) async fn record(&self, line: &mut Line, id: &str, status: &str, by_spool: bool) {
        let log = Question::Log {
            id: id.to_owned(),
            did: self.did.clone(),
            status: status.to_owned(),
        };
        let begun = Instant::now();
        for _ in 0..if by_spool { 0 } else { 2 } {
            match line.ask(&log).await {
                Ok(_) => {
                    self.note(Operation::Log, begun, Ok(()));
                    self.told.lock().unwrap().recorded.insert(id.to_owned());
                    return;
                }
                Err(error) => self.note(Operation::Log, begun, Err(&error)),
            }
        }
        let text = record(id, status).replace(DID, &self.did);
        let half = self.spool.path().join(format!("{id}.half"));
        std::fs::write(&half, text).expect("a spooled file");
        let name = format!("{id}.sql");
        std::fs::rename(half, self.spool.path().join(&name)).expect("a spooled file");
        self.spooled.lock().unwrap().insert(name, Instant::now());
    }

    /// Notes what was told; false: the call has no place.
    pub(super) fn is_placed(&self, id: &str, answer: &Answer) -> bool {
        let Answer::Target(target) = answer else {
            panic!("{id}: no target: {answer:?}");
        };
        if target.is_ok() {
            let attempt = target.attempt.expect("a placed call has an attempt");
            let known = (attempt, target.link_id);
            self.told.lock().unwrap().calls.insert(id.to_owned(), known);
            return true;
        }
        let reason = target.reason.as_deref().unwrap_or_default();
        let is_forgotten = reason == "call_ended" && self.may_lose.load(Ordering::Relaxed);
        if !NO_ROOM.contains(&reason) && !is_forgotten {
            self.surprise(format!("{id}: rejected with {reason}"));
        }
        false
    }

    /// The same question until there is an answer, also when the load is over: a call that has begun is ended.
    pub(super) async fn until_told(
        &self,
        line: &mut Line,
        operation: Operation,
        question: Question,
    ) -> Answer {
        let begun = Instant::now();
        loop {
            match line.ask(&question).await {
                Ok(answer) => {
                    self.note(operation, begun, Ok(()));
                    return answer;
                }
                Err(error) => {
                    self.note(operation, begun, Err(&error));
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    async fn lists_calls(self: Arc<Self>) {
        let mut line = self.line("lists");
        while !self.is_over() {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let begun = Instant::now();
            let taken_at = match line.ask(&Question::Time).await {
                Ok(Answer::Time(time)) => time,
                Ok(other) => panic!("no time: {other:?}"),
                Err(error) => {
                    self.note(Operation::Heartbeat, begun, Err(&error));
                    continue;
                }
            };
            let calls = self.live.lock().unwrap().iter().cloned().collect();
            match line.ask(&Question::Heartbeat { taken_at, calls }).await {
                Ok(Answer::Status(status)) if status == "ok" => {
                    self.note(Operation::Heartbeat, begun, Ok(()));
                }
                Ok(other) => self.surprise(format!("heartbeat: {other:?}")),
                Err(error) => self.note(Operation::Heartbeat, begun, Err(&error)),
            }
        }
    }

    /// A file that is gone was taken by the database.
    async fn watches_the_spool(self: Arc<Self>) {
        let mut left = Duration::from_secs(180);
        const LOOK: Duration = Duration::from_millis(50);
        loop {
            let known: Vec<String> = self.spooled.lock().unwrap().keys().cloned().collect();
            let there: HashSet<String> = self.spool.waiting().into_iter().collect();
            for name in known.iter().filter(|name| !there.contains(*name)) {
                let put = self.spooled.lock().unwrap().remove(name).expect("it is known");
                self.note(Operation::Replay, put, Ok(()));
                let id = name.trim_end_matches(".sql").to_owned();
                self.told.lock().unwrap().recorded.insert(id);
            }
            if self.all_recorded.load(Ordering::Relaxed) {
                left = left.saturating_sub(LOOK);
                if self.spooled.lock().unwrap().is_empty() || left.is_zero() {
                    break;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        let waiting = self.spooled.lock().unwrap().len();
        if waiting > 0 {
            self.surprise(format!("{waiting} records still wait in the spool"));
        }
    }

    async fn writes(self: Arc<Self>) {
        while !self.is_over() {
            let number = format!("+4930{:07}", unique());
            let (begun, mut failures) = (Instant::now(), 0);
            while !self.is_over() {
                let seller = self.seller.lock().unwrap().clone();
                let body = json!({ "number": number });
                let problem = match seller.try_send("POST", "/api/seller/dids", Some(&body)).await {
                    // 409: its answer was lost before, not the write.
                    Ok(answer) if answer.status == 201 || (answer.status == 409 && failures > 0) => {
                        self.wrote(&number, begun);
                        break;
                    }
                    Ok(answer) if answer.status == 503 => answer.json()["code"].to_string(),
                    Ok(answer) => {
                        self.surprise(format!("{}: {} {}", answer.what, answer.status, answer.text()));
                        format!("{}", answer.status)
                    }
                    Err(problem) => problem,
                };
                failures += 1;
                self.note(Operation::Write, begun, Err(&problem));
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            tokio::time::sleep(self.pace * 2).await;
        }
    }

    fn wrote(&self, number: &str, begun: Instant) {
        self.note(Operation::Write, begun, Ok(()));
        self.told.lock().unwrap().numbers.insert(number.to_owned());
    }

    /// From now on a switch may hear that a call which it was told of has ended: an asynchronous standby took over.
    pub fn may_lose(&self) {
        self.may_lose.store(true, Ordering::Relaxed);
    }

    pub fn told(&self) -> Told {
        self.told.lock().unwrap().clone()
    }

    /// No answer was one that nobody may expect.
    pub fn assert_no_surprise(&self) {
        let surprises = self.surprises.lock().unwrap().clone();
        assert!(surprises.is_empty(), "{surprises:#?}");
    }
}

async fn has_ended(task: JoinHandle<()>) {
    tokio::time::timeout(Duration::from_secs(200), task)
        .await
        .expect("everybody ends")
        .expect("nobody panics");
}
