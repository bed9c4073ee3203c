//! Answers, in one shape for the database's and the model's, and what else is seen of an operation's run.

use std::collections::BTreeSet;
use std::rc::Rc;

use capconduit_tests::{Explained, Heartbeat, Logged, Target};

use super::rows::Micros;
use super::world::World;

/// What any operation answers.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Target(Box<Target>),
    Logged(Logged),
    Status(String),
    Counted(String, i32),
    Heartbeat(Heartbeat),
    Total(String, Option<i64>),
    Explained(Vec<Explained>),
    Foretold(Option<String>, Option<i64>),
    Done,
    /// An error with this SQLSTATE: nothing has changed.
    Refused(String),
}

/// What came back from an operation.
#[derive(Debug, Clone)]
pub enum Heard {
    Answer(Answer),
    /// An error that says so: nothing has changed.
    Cancelled,
    /// Whether it has happened, nobody knows.
    Nothing,
}

/// What is known of an operation's run, beside its arguments.
#[derive(Debug, Clone)]
pub struct Seen {
    /// now() of its transaction, and the clock some time after it.
    pub now: Micros,
    pub after: Micros,
    /// The clock by which a slot was reserved, where the database tells it.
    pub at: Option<Micros>,
    /// The link and timeout that it answered with: a weighted draw and a running clock may give several.
    pub drawn: Option<i64>,
    pub timeout: Option<i32>,
    pub reason: Option<String>,
    /// Calls that another transaction has locked: closing many calls passes over them.
    pub locked: BTreeSet<String>,
    /// Of the calls to be closed, where only some of them had to be.
    pub closed: Option<BTreeSet<String>>,
    /// The world by which it chose a link, where that is an earlier one than it wrote to.
    pub look: Option<Rc<World>>,
}

pub fn refused(sqlstate: &str) -> Answer {
    Answer::Refused(sqlstate.to_owned())
}

pub const MISUSE: &str = "22023";

pub fn logged(status: &str, cdr_id: Option<i64>) -> Answer {
    Answer::Logged(Logged {
        status: status.to_owned(),
        cdr_id,
    })
}

impl Seen {
    pub fn of(now: Micros, after: Micros, answer: &Answer) -> Seen {
        let target = match answer {
            Answer::Target(target) => Some(target),
            _ => None,
        };
        let foretold = match answer {
            Answer::Foretold(_, link) => *link,
            _ => None,
        };
        Seen {
            now,
            after,
            at: None,
            drawn: target.and_then(|target| target.link_id).or(foretold),
            timeout: target.and_then(|target| target.dial_timeout_seconds),
            reason: target.and_then(|target| target.reason.clone()),
            locked: BTreeSet::new(),
            closed: None,
            look: None,
        }
    }

    /// When it chose.
    pub fn at(&self) -> Micros {
        self.at.unwrap_or(self.now)
    }
}
