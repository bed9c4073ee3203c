//! One history, step by step: the operation is put to the database and to the model; its answer, and then every row,
//! must be the same.

use std::collections::BTreeSet;
use std::time::Duration;

use capconduit_tests::{SUPERUSER, TestDb};

use super::answer::{Answer, Seen};
use super::op::Op;
use super::rows::{Micros, Rows};
use super::session::{Commit, Session};
use super::step::{Fate, Step};
use super::world::World;

pub struct History<'a> {
    db: &'a TestDb,
    session: &'a Session,
    pub world: World,
    clock: Micros,
    /// Reasons that calls were told, and that links had in their decisions.
    pub met: BTreeSet<String>,
}

/// What an operation was seen to do.
struct Run {
    now: Option<Micros>,
    answer: Answer,
}

impl<'a> History<'a> {
    pub async fn begin(db: &'a TestDb, session: &'a Session, world: &World) -> History<'a> {
        session.set_up(world).await;
        let world = world.clone();
        let clock = session.clock().await;
        History {
            db,
            session,
            world,
            clock,
            met: BTreeSet::new(),
        }
    }

    pub async fn step(&mut self, step: &Step) -> Result<(), String> {
        let op = step.resolve(&self.world, self.clock);
        let result = match step.fate() {
            Fate::Heard => self.heard(&op).await,
            Fate::AskedAgain => match self.heard(&op).await {
                Ok(()) => self
                    .heard(&op)
                    .await
                    .map_err(|error| format!("asked again: {error}")),
                failed => failed,
            },
            Fate::RolledBack => self.rolled_back(&op).await,
            fate => self.cut(&op, fate).await,
        };
        result.map_err(|error| format!("{op:?}\n{error}"))
    }

    async fn heard(&mut self, op: &Op) -> Result<(), String> {
        let run = run(op, self.session, self.world.next_link + 1).await;
        let (rows, clock) = self.look().await?;
        let after = self.expect(op, &run, &rows, clock)?;
        self.met.extend(reasons(&run.answer));
        self.accept(after, &rows, clock)
    }

    async fn rolled_back(&mut self, op: &Op) -> Result<(), String> {
        self.session.run("begin").await;
        let run = run(op, self.session, self.world.next_link + 1).await;
        self.session.run("rollback").await;
        self.unchanged(op, &run).await
    }

    /// A connection of its own, so that it can be cut.
    async fn cut(&mut self, op: &Op, fate: Fate) -> Result<(), String> {
        let session = Session::open(&self.db.config(SUPERUSER), Commit::AtOnce).await;
        session.run("begin").await;
        let run = run(op, &session, self.world.next_link + 1).await;
        match fate {
            Fate::CutAtCommit => {
                // The commit is written to the socket at least, and perhaps answered.
                let moment = Duration::from_micros((self.clock % 400) as u64);
                let _ = tokio::time::timeout(moment, session.client.batch_execute("commit")).await;
            }
            Fate::Terminated => {
                let sql = "select pg_terminate_backend($1)";
                self.session
                    .one(sql, &[&session.pid])
                    .await
                    .expect("the backend is ended");
            }
            _ => {}
        }
        session.cut();
        self.session.until_gone(session.pid).await;
        if fate != Fate::CutAtCommit {
            return self.unchanged(op, &run).await;
        }
        let (rows, clock) = self.look().await?;
        let committed = self.expect(op, &run, &rows, clock);
        match committed.and_then(|after| self.accept(after, &rows, clock)) {
            Ok(()) => Ok(()),
            Err(error) => {
                let before = self.world.clone();
                let aborted = self.accept(before, &rows, clock);
                aborted.map_err(|other| format!("neither committed: {error}\nnor aborted: {other}"))
            }
        }
    }

    /// The answer is as expected, and nothing of it stays.
    async fn unchanged(&mut self, op: &Op, run: &Run) -> Result<(), String> {
        let (rows, clock) = self.look().await?;
        self.expect(op, run, &rows, clock)?;
        let before = self.world.clone();
        self.accept(before, &rows, clock)
            .map_err(|error| format!("it was not committed, but: {error}"))
    }

    async fn look(&self) -> Result<(Rows, Micros), String> {
        let (rows, wrong, clock) = self.session.look().await;
        if wrong.is_empty() {
            return Ok((rows, clock));
        }
        Err(format!("verify_counters: {}", wrong.join(", ")))
    }

    /// The world after the operation, if the model would have answered the same.
    fn expect(&self, op: &Op, run: &Run, rows: &Rows, clock: Micros) -> Result<World, String> {
        let mut seen = Seen::of(run.now.unwrap_or(self.clock), clock, &run.answer);
        let before = self.world.rows.calls.keys();
        seen.at = reserved_at(op, rows).filter(|at| (seen.now..=clock).contains(at));
        seen.closed = Some(
            before
                .filter(|id| !rows.calls.contains_key(*id))
                .cloned()
                .collect(),
        );
        let mut after = self.world.clone();
        let mut expected = op.apply(&mut after, &seen);
        fill_id(&mut expected, &run.answer, op, rows);
        if expected == run.answer {
            return Ok(after);
        }
        Err(format!("model    {expected:?}\ndatabase {:?}", run.answer))
    }

    fn accept(&mut self, mut after: World, rows: &Rows, clock: Micros) -> Result<(), String> {
        after.learn_from(rows)?;
        let differences = after.rows.differences(rows);
        if !differences.is_empty() {
            return Err(differences.join("\n"));
        }
        self.world = after;
        self.clock = clock;
        Ok(())
    }
}

/// The clock by which this operation, if any, has reserved a slot.
fn reserved_at(op: &Op, rows: &Rows) -> Option<Micros> {
    let (Op::Route(_) | Op::Next { .. }) = op else {
        return None;
    };
    let call = rows.calls.get(op.uniqueid()?)?;
    rows.counters.get(&call.link_id)?.reserved_at
}

/// Why a call was refused, and links were passed over; behind `>` by which exit it left its campaign, or what it met there.
fn reasons(answer: &Answer) -> Vec<String> {
    let Answer::Target(target) = answer else {
        return Vec::new();
    };
    let decision = target
        .decision
        .iter()
        .flat_map(|text| text.split(['|', ';', '>']))
        .filter(|part| !part.is_empty());
    let met = decision.map(|part| match part.split_once('=') {
        Some((_, verdict)) => verdict.to_owned(),
        None => format!(">{part}"),
    });
    met.chain(target.reason.clone()).collect()
}

async fn run(op: &Op, session: &Session, next_link: i64) -> Run {
    let (now, answer) = op.ask(session, next_link).await;
    Run { now, answer }
}

/// The id of a new record is the database's to choose, if that is where it is stored.
pub fn fill_id(expected: &mut Answer, answer: &Answer, op: &Op, rows: &Rows) {
    if let (Answer::Logged(ours), Answer::Logged(theirs)) = (expected, answer)
        && ours.cdr_id.is_none()
        && matches!(ours.status.as_str(), "logged" | "released")
    {
        let stored = op.uniqueid().and_then(|uniqueid| rows.records.get(uniqueid));
        ours.cdr_id = theirs
            .cdr_id
            .filter(|id| stored.is_none_or(|record| record.id == *id));
    }
}
