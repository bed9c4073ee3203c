//! What calls leave in the database, as plain rows: the model keeps them, the database is read into the same shape,
//! and the two are compared whole. Instants are microseconds.

use std::collections::BTreeMap;
use std::fmt::Debug;

use super::callers::{Awaited, AwaitedKey, Mark, MarkKey};
use super::meters::{Meter, Subject};

pub type Micros = i64;

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rows {
    pub counters: BTreeMap<i64, Counter>,
    pub calls: BTreeMap<String, Call>,
    pub records: BTreeMap<String, Record>,
    pub attempts: BTreeMap<(String, i32), Attempt>,
    pub nodes: BTreeMap<String, Node>,
    pub hearing: Hearing,
    /// What caps go by.
    pub meters: BTreeMap<Subject, Meter>,
    pub marks: BTreeMap<MarkKey, Mark>,
    pub awaited: BTreeMap<AwaitedKey, Awaited>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counter {
    pub active: i32,
    pub total: i64,
    pub base: i64,
    pub last_seq: i64,
    pub reserved_at: Option<Micros>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    pub linkedid: Option<String>,
    pub node: Option<String>,
    pub user_id: i64,
    pub campaign_id: i64,
    pub did_id: i64,
    pub did_number: String,
    pub strategy: String,
    pub link_id: i64,
    pub client_id: i64,
    pub holds_slot: bool,
    pub attempt: i32,
    pub tried: Vec<i64>,
    pub caller_number: Option<String>,
    pub caller_name: Option<String>,
    pub routed_at: Micros,
    pub attempt_at: Micros,
    pub answered_at: Option<Micros>,
    pub dial_timeout: i32,
    pub attempt_timeout: i32,
    pub ring_deadline: Micros,
    pub max_call_seconds: i32,
    pub lease_until: Micros,
    pub end_reason: Option<String>,
    pub end_cause: Option<i32>,
    pub absent_since: Option<Micros>,
    pub last_listed_at: Option<Micros>,
    pub decision: String,
    /// How long it talks to be a good one.
    pub qualify: i32,
    /// Its caller is remembered by what it comes to.
    pub awaited: bool,
    /// Nobody but the client that had its caller may take it.
    pub same_client_only: bool,
    pub overflow: Overflowed,
}

/// Why a call went beyond those that its campaign asks first; of one that went to another campaign, which one it left, and when
/// it got its first slot in the other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overflowed {
    pub exit: Option<String>,
    pub from: Option<i64>,
    pub at: Option<Micros>,
}

impl Call {
    pub fn parties(&self) -> Parties {
        Parties {
            user: Some(self.user_id),
            campaign: Some(self.campaign_id),
            did: Some(self.did_id),
            client: Some(self.client_id),
            link: Some(self.link_id),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    pub id: i64,
    pub linkedid: Option<String>,
    pub parties: Parties,
    pub node: Option<String>,
    pub number: String,
    pub caller_number: Option<String>,
    pub caller_name: Option<String>,
    pub started_at: Micros,
    pub answered_at: Option<Micros>,
    pub ended_at: Micros,
    pub duration: i32,
    pub billsec: i32,
    pub status: String,
    pub cause_code: Option<i32>,
    pub cause_text: Option<String>,
    pub hangup_by: Option<String>,
    pub sip_call_id: Option<String>,
    pub attempts: i32,
    pub counted: bool,
    pub late_excess: bool,
    pub decision: Option<String>,
    pub created_at: Micros,
    /// When its slot was, if it had one to the end.
    pub reserved_at: Option<Micros>,
    pub qualify: Option<i32>,
    pub qualified: bool,
    pub overflow: Overflowed,
}

/// Whose call it was.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Parties {
    pub user: Option<i64>,
    pub campaign: Option<i64>,
    pub did: Option<i64>,
    pub client: Option<i64>,
    pub link: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Attempt {
    pub user_id: i64,
    pub link_id: i64,
    pub client_id: i64,
    pub dial_status: String,
    pub cause: Option<i32>,
    pub started_at: Micros,
    pub ended_at: Micros,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    pub instance: Option<String>,
    pub booted_at: Option<Micros>,
    pub heartbeat_at: Option<Micros>,
    pub taken_at: Option<Micros>,
    pub last_call_at: Option<Micros>,
    pub live_calls: Option<i32>,
}

/// Since when switches are heard without a gap, and when one was heard last.
#[derive(Debug, Clone, PartialEq)]
pub struct Hearing {
    pub since: Micros,
    pub last: Micros,
}

impl Default for Hearing {
    /// As every history begins: nobody has been heard for years.
    fn default() -> Self {
        const YEAR_2020: Micros = 1_577_836_800_000_000;
        Hearing {
            since: YEAR_2020,
            last: YEAR_2020,
        }
    }
}

impl Rows {
    /// Every row that differs, one line each.
    pub fn differences(&self, database: &Rows) -> Vec<String> {
        let mut lines = Vec::new();
        compare("link_counters", &self.counters, &database.counters, &mut lines);
        compare("what is used", &self.meters, &database.meters, &mut lines);
        compare("live_calls", &self.calls, &database.calls, &mut lines);
        compare("call_logs", &self.records, &database.records, &mut lines);
        compare("caller_marks", &self.marks, &database.marks, &mut lines);
        compare("caller_calls", &self.awaited, &database.awaited, &mut lines);
        compare("call_attempts", &self.attempts, &database.attempts, &mut lines);
        compare("nodes", &self.nodes, &database.nodes, &mut lines);
        if self.hearing != database.hearing {
            lines.push(format!(
                "hearing:\n    model    {:?}\n    database {:?}",
                self.hearing, database.hearing
            ));
        }
        lines
    }

    /// The stored instants move, as when the database's clock had moved the other way.
    pub fn shift(&mut self, by: Micros) {
        let maybe = |time: &mut Option<Micros>| *time = time.map(|time| time + by);
        for call in self.calls.values_mut() {
            for time in [
                &mut call.routed_at,
                &mut call.attempt_at,
                &mut call.ring_deadline,
                &mut call.lease_until,
            ] {
                *time += by;
            }
            maybe(&mut call.overflow.at);
            maybe(&mut call.answered_at);
            maybe(&mut call.absent_since);
            maybe(&mut call.last_listed_at);
        }
        for counter in self.counters.values_mut() {
            maybe(&mut counter.reserved_at);
        }
        for meter in self.meters.values_mut() {
            maybe(&mut meter.reserved_at);
            if let Some(seats) = &mut meter.seats {
                seats.until += by;
            }
            for window in meter.windows.values_mut() {
                window.start += by;
                window.end += by;
            }
        }
        for record in self.records.values_mut() {
            record.started_at += by;
            record.created_at += by;
            maybe(&mut record.reserved_at);
            maybe(&mut record.overflow.at);
        }
        for ((.., fact), mark) in &mut self.marks {
            mark.at += if fact.is_seen() { by } else { 0 };
            maybe(&mut mark.until);
        }
        for call in self.awaited.values_mut() {
            call.at += by;
            if let Some((lost_at, until)) = &mut call.lost {
                *lost_at += by;
                maybe(until);
            }
        }
        for attempt in self.attempts.values_mut() {
            attempt.started_at += by;
        }
        for node in self.nodes.values_mut() {
            maybe(&mut node.booted_at);
            maybe(&mut node.heartbeat_at);
            maybe(&mut node.taken_at);
            maybe(&mut node.last_call_at);
        }
        self.hearing.since += by;
        self.hearing.last += by;
    }

    /// Without what may differ between simultaneous transactions and the same ones in any order: readings of the
    /// clock, which of several records is the late one, and what a decision says of the links that were not taken
    /// (two calls that take different links may each have seen the other's free).
    pub fn without_what_races(&self) -> Rows {
        let mut rows = self.clone();
        for counter in rows.counters.values_mut() {
            counter.reserved_at = counter.reserved_at.map(|_| 0);
        }
        for meter in rows.meters.values_mut() {
            meter.reserved_at = meter.reserved_at.map(|_| 0);
            meter.windows.clear();
            if let Some(seats) = &mut meter.seats {
                seats.until = 0;
            }
        }
        // Which of two calls at one time came later, and who had it, is a matter of the clock.
        for mark in rows.marks.values_mut() {
            mark.at = 0;
            mark.until = mark.until.map(|_| 0);
            mark.taken_by = None;
        }
        for call in rows.awaited.values_mut() {
            call.at = 0;
            call.lost = call.lost.map(|(_, until)| (0, until.map(|_| 0)));
        }
        for call in rows.calls.values_mut() {
            call.routed_at = 0;
            call.attempt_at = 0;
            call.overflow.at = call.overflow.at.map(|_| 0);
            call.answered_at = call.answered_at.map(|_| 0);
            call.attempt_timeout = 0;
            call.ring_deadline = 0;
            call.lease_until = 0;
            call.decision.clear();
        }
        for record in rows.records.values_mut() {
            record.id = 0;
            record.started_at = 0;
            record.created_at = 0;
            record.reserved_at = record.reserved_at.map(|_| 0);
            record.overflow.at = record.overflow.at.map(|_| 0);
            record.answered_at = record.answered_at.map(|_| 0);
            record.ended_at = 0;
            record.duration = 0;
            record.billsec = 0;
            record.late_excess = false;
            record.decision = None;
        }
        for attempt in rows.attempts.values_mut() {
            attempt.started_at = 0;
            attempt.ended_at = 0;
        }
        for node in rows.nodes.values_mut() {
            node.heartbeat_at = node.heartbeat_at.map(|_| 0);
            node.last_call_at = None;
        }
        rows.hearing = Hearing::default();
        rows
    }
}

fn compare<K: Ord + Debug, V: PartialEq + Debug>(
    table: &str,
    model: &BTreeMap<K, V>,
    database: &BTreeMap<K, V>,
    lines: &mut Vec<String>,
) {
    for (key, row) in model {
        match database.get(key) {
            Some(other) if other == row => {}
            Some(other) => lines.push(format!(
                "{table} {key:?}:\n    model    {row:?}\n    database {other:?}"
            )),
            None => lines.push(format!("{table} {key:?}: only in the model: {row:?}")),
        }
    }
    for (key, row) in database {
        if !model.contains_key(key) {
            lines.push(format!("{table} {key:?}: only in the database: {row:?}"));
        }
    }
}
