//! One step of a history. It names calls, links and instants by small numbers that mean something in any
//! world, so that a history stays valid, and readable, while it shrinks.

use super::calls::{Given, RouteArgs};
use super::change::Change;
use super::op::{Op, timestamp};
use super::rows::Micros;
use super::seats::Told;
use super::world::{SECOND, World, number_of};

/// Calls of a history: few, so that they meet again.
pub const CALLS: u8 = 5;

/// What becomes of the answer on its way to the switch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fate {
    Heard,
    /// Lost: the switch asks again at once.
    AskedAgain,
    RolledBack,
    /// The connection is cut before the commit is sent.
    CutBeforeCommit,
    /// The commit is sent and the connection cut: nobody can know.
    CutAtCommit,
    /// An administrator ends the backend before its commit.
    Terminated,
}

#[derive(Debug, Clone, Copy)]
pub enum Failed {
    Present,
    Before,
    Number(i32),
}

#[derive(Debug, Clone)]
pub enum Step {
    Route {
        call: u8,
        did: u8,
        node: u8,
        caller: Option<&'static str>,
        fate: Fate,
    },
    Next {
        call: u8,
        failed: Failed,
        status: &'static str,
        cause: Option<i32>,
        fate: Fate,
    },
    Answered {
        call: u8,
        fate: Fate,
    },
    Log {
        call: u8,
        did: u8,
        status: &'static str,
        node: u8,
        link: Option<i64>,
        caller: Option<&'static str>,
        times: Times,
        fate: Fate,
    },
    Release {
        call: u8,
        fate: Fate,
    },
    ReleaseExpired {
        max: i32,
        fate: Fate,
    },
    /// Bits of `listed` are the calls on the list.
    Heartbeat {
        node: u8,
        instance: u8,
        taken: i64,
        listed: u8,
        fate: Fate,
    },
    Started {
        node: u8,
        instance: u8,
        booted: i64,
        fate: Fate,
    },
    Explain {
        did: u8,
    },
    Foretell {
        did: u8,
        caller: Option<&'static str>,
    },
    Seats {
        client: i64,
        told: Option<Told>,
        fate: Fate,
    },
    Adjust {
        link: i64,
        delta: i64,
    },
    Purge {
        calls: u8,
    },
    LeaseEnds {
        call: u8,
    },
    Change(Change),
}

/// Seconds before now; what is none is left to the platform.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    pub started: Option<i64>,
    pub answered: Option<i64>,
    pub ended: Option<i64>,
}

fn call_name(call: u8) -> String {
    format!("call-{call}")
}

fn node_name(node: u8) -> Option<String> {
    (node > 0).then(|| format!("node-{node}"))
}

fn instance_name(instance: u8) -> Option<String> {
    (instance > 0).then(|| format!("boot-{instance}"))
}

fn bits(mask: u8) -> Vec<String> {
    (0..CALLS)
        .filter(|call| mask & (1 << call) != 0)
        .map(call_name)
        .collect()
}

impl Step {
    pub fn fate(&self) -> Fate {
        match self {
            Step::Route { fate, .. }
            | Step::Next { fate, .. }
            | Step::Answered { fate, .. }
            | Step::Log { fate, .. }
            | Step::Release { fate, .. }
            | Step::ReleaseExpired { fate, .. }
            | Step::Heartbeat { fate, .. }
            | Step::Started { fate, .. }
            | Step::Seats { fate, .. } => *fate,
            _ => Fate::Heard,
        }
    }

    /// The step in this world, at this instant.
    pub fn resolve(&self, world: &World, clock: Micros) -> Op {
        let ago = |seconds: i64| clock - seconds * SECOND;
        match self {
            Step::Route {
                call,
                did,
                node,
                caller,
                ..
            } => Op::Route(RouteArgs {
                uniqueid: call_name(*call),
                number: number_of(i64::from(*did)),
                node: node_name(*node),
                caller: caller.map(str::to_owned),
            }),
            Step::Next {
                call,
                failed,
                status,
                cause,
                ..
            } => {
                let uniqueid = call_name(*call);
                let present = world.rows.calls.get(&uniqueid).map_or(1, |call| call.attempt);
                Op::Next {
                    failed: match failed {
                        Failed::Present => present,
                        Failed::Before => present - 1,
                        Failed::Number(number) => *number,
                    },
                    uniqueid,
                    dial_status: (*status).to_owned(),
                    cause: *cause,
                }
            }
            Step::Answered { call, .. } => Op::Answered(call_name(*call)),
            Step::Log {
                call,
                did,
                status,
                node,
                link,
                caller,
                times,
                ..
            } => {
                let at = |seconds: Option<i64>| seconds.map(|seconds| timestamp(ago(seconds)));
                Op::Log(Box::new(Given {
                    node: node_name(*node),
                    started_at: at(times.started),
                    answered_at: at(times.answered),
                    ended_at: at(times.ended),
                    hangup_cause_code: times.ended.map(|_| 16),
                    hangup_by: times.answered.map(|_| "caller".to_owned()),
                    link_id: *link,
                    caller_number: caller.map(str::to_owned),
                    ..Given::new(&call_name(*call), &number_of(i64::from(*did)), status)
                }))
            }
            Step::Release { call, .. } => Op::Release(call_name(*call), "by hand".to_owned()),
            Step::ReleaseExpired { max, .. } => Op::ReleaseExpired(*max),
            Step::Heartbeat {
                node,
                instance,
                taken,
                listed,
                ..
            } => Op::Heartbeat {
                node: node_name(*node).expect("a node has a name"),
                instance: instance_name(*instance).expect("a list comes from an instance"),
                taken_at: ago(*taken),
                listed: bits(*listed),
            },
            Step::Started {
                node,
                instance,
                booted,
                ..
            } => Op::Started {
                node: node_name(*node).expect("a node has a name"),
                booted_at: ago(*booted),
                instance: instance_name(*instance),
            },
            Step::Explain { did } => Op::Explain(i64::from(*did)),
            Step::Foretell { did, caller } => Op::Foretell(i64::from(*did), caller.map(str::to_owned)),
            Step::Seats { client, told, .. } => Op::Seats(*client, told.clone()),
            Step::Adjust { link, delta } => Op::Adjust(*link, *delta),
            Step::Purge { calls } => Op::Change(Change::Purge(bits(*calls))),
            Step::LeaseEnds { call } => Op::Change(Change::LeaseEnds(call_name(*call))),
            Step::Change(change) => Op::Change(change.clone()),
        }
    }
}
