//! The replay: each second every record in the spool is handed to the database, oldest first, each in a transaction of its
//! own. Its file goes only after the answer, which means that the record is on disk there. `log_call` takes a record any
//! number of times, so a crash between answer and removal doubles nothing.
//!
//! A record costs little but the wait for the database's disk. After an outage thousands wait, so several connections
//! hand records over at once and share that wait. Records begin in their order and may end out of it; records of one call
//! never overtake each other.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::watch;
use tokio_postgres::types::{ToSql, Type};

use super::connection::{Database, Failure};
use super::files::{Files, Look};
use super::health::{Alarm, Health};
use super::spool::{Entry, Spool};
use super::statement::Record;
use crate::process::running;

const EVERY: Duration = Duration::from_secs(1);

/// A record that waits for so long needs somebody to look.
const TOO_OLD: Duration = Duration::from_secs(60);

/// Some thousand records. With less left the dialplan's next ones may find no room.
const LITTLE_ROOM_BYTES: u64 = 16 * 1024 * 1024;

/// Between tries to connect: doubled each time up to the second. A database that is back is found within five seconds.
const RECONNECT: (Duration, Duration) = (EVERY, Duration::from_secs(5));

/// Connections at once, one more for so many records that wait. Too few: an hour's records take an hour's part to replay.
/// Too many: new calls wait behind old ones, and the login's connections are used up.
const AT_ONCE: usize = 8;
const RECORDS_FOR_ONE: usize = 50;

const PROGRESS_EVERY: usize = 1_000;

/// The values arrive as text and become what they are here, as a literal would.
pub const LOG_CALL: &str = "\
    select l.status
      from capconduit.log_call(
               uniqueid => $1, did => $2, call_status => $3, node => $4, linkedid => $5, caller_number => $6,
               caller_name => $7, started_at => $8::timestamptz, answered_at => $9::timestamptz,
               ended_at => $10::timestamptz, duration_seconds => $11::integer, billsec_seconds => $12::integer,
               hangup_cause_code => $13::integer, hangup_cause_text => $14, hangup_by => $15, sip_call_id => $16,
               decision => $17, link_id => $18::bigint, campaign_id => $19::bigint, client_id => $20::bigint,
               did_id => $21::bigint, user_id => $22::bigint) l";

/// What becomes of the values before the function is called.
const READ_VALUES: &str = "\
    select $8::timestamptz, $9::timestamptz, $10::timestamptz, $11::integer, $12::integer, $13::integer, $18::bigint,
           $19::bigint, $20::bigint, $21::bigint, $22::bigint";

#[derive(Debug)]
pub struct Replay {
    files: Files,
    /// The first one stays; the others are there while many records wait.
    connections: Vec<Database>,
    health: Arc<Health>,
    /// How long to wait before the next try to connect.
    reconnect: Duration,
}

/// One look at the spool, worked through.
struct Round<'a> {
    entries: &'a [Entry],
    /// How many of them were begun.
    begun: usize,
    /// The next one, which waits for another record of its call.
    held: Option<(&'a Entry, Record)>,
    /// Calls whose records are on their way.
    calls: HashSet<String>,
    replayed: usize,
    refused: usize,
    put_off: usize,
    last_failure: Option<String>,
}

impl Replay {
    pub fn new(spool: Spool, database: Database, health: Arc<Health>) -> Self {
        Self {
            files: Files::new(spool, health.clone()),
            connections: vec![database],
            health,
            reconnect: RECONNECT.0,
        }
    }

    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let wait = match self.round(&stop).await {
                Ok(()) => EVERY,
                Err(text) => {
                    self.health.raise(Alarm::Replay, &text);
                    let wait = self.reconnect;
                    self.reconnect = RECONNECT.1.min(wait * 2);
                    wait
                }
            };
            self.show();
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = running::stopped(&mut stop) => {}
            }
        }
    }

    /// Everything that is due, once. Fails when there is no database to talk to.
    async fn round(&mut self, stop: &watch::Receiver<bool>) -> Result<(), String> {
        let entries = match self.files.scan() {
            Ok(entries) => entries,
            Err(error) => {
                self.health
                    .raise(Alarm::Spool, &format!("the spool cannot be read: {error}"));
                return Ok(());
            }
        };
        self.connect_for(entries.len()).await?;
        let mut round = Round::over(&entries);
        let outcome = self.work_through(&mut round, stop).await;
        round.tell();
        if outcome.is_ok() && round.replayed + round.refused > 0 {
            self.health.clear(Alarm::Replay);
        }
        outcome
    }

    /// For few records one connection, made when the first record needs it. More only help: they are done without.
    async fn connect_for(&mut self, records: usize) -> Result<(), String> {
        let wanted = (records / RECORDS_FOR_ONE).clamp(1, AT_ONCE);
        self.connections.truncate(wanted);
        if wanted == 1 {
            return Ok(());
        }
        let first = &mut self.connections[0];
        first.open().await.map_err(|failure| failure.text().to_owned())?;
        while self.connections.len() < wanted {
            let mut another = self.connections[0].another();
            if let Err(failure) = another.open().await {
                tracing::debug!(failure = failure.text(), "replaying with fewer connections");
                break;
            }
            self.connections.push(another);
        }
        Ok(())
    }

    /// What has begun is always waited for: at a stop, and when a connection is lost.
    async fn work_through(
        &mut self,
        round: &mut Round<'_>,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), String> {
        let mut idle = std::mem::take(&mut self.connections);
        let mut on_their_way = FuturesUnordered::new();
        let mut outcome = Ok(());
        loop {
            while outcome.is_ok()
                && let Some(connection) = idle.pop()
            {
                let Some((entry, record)) = self.next(round, stop) else {
                    idle.push(connection);
                    break;
                };
                round.calls.insert(record.uniqueid().to_owned());
                on_their_way.push(hand_over(connection, entry, record));
            }
            let Some((connection, entry, record, answer)) = on_their_way.next().await else {
                break;
            };
            idle.push(connection);
            round.calls.remove(record.uniqueid());
            match answer {
                Err(Failure::Unreachable(text)) => outcome = Err(text),
                answer => self.settle(round, entry, &record, answer),
            }
        }
        self.connections = idle;
        outcome
    }

    /// The oldest record that has not begun; none as long as another one of its call is on its way.
    fn next<'a>(
        &mut self,
        round: &mut Round<'a>,
        stop: &watch::Receiver<bool>,
    ) -> Option<(&'a Entry, Record)> {
        while round.held.is_none() {
            if *stop.borrow() {
                return None;
            }
            let entry = round.entries.get(round.begun)?;
            round.begun += 1;
            match self.files.look(&entry.name) {
                Look::Record(record) => round.held = Some((entry, record)),
                Look::NotNow => {}
                Look::Unfit(reason) => self.set_aside(round, entry, &reason),
            }
            if round.begun.is_multiple_of(PROGRESS_EVERY) {
                tracing::info!(begun = round.begun, of = round.entries.len(), "replaying");
                self.health.spool(round.entries.len() - round.begun, entry.age());
            }
        }
        round
            .held
            .take_if(|(_, record)| !round.calls.contains(record.uniqueid()))
    }

    fn settle(
        &mut self,
        round: &mut Round<'_>,
        entry: &Entry,
        record: &Record,
        answer: Result<String, Failure>,
    ) {
        match answer {
            Ok(status) => {
                self.reconnect = RECONNECT.0;
                round.replayed += 1;
                self.health.replayed(&status);
                tracing::debug!(uniqueid = record.uniqueid(), status, "replayed");
                self.files.remove(&entry.name);
            }
            Err(Failure::Refused(reason)) => self.set_aside(round, entry, &reason),
            Err(failure) => {
                round.put_off += 1;
                round.last_failure = Some(failure.text().to_owned());
                self.files.put_off(&entry.name, None);
            }
        }
    }

    fn set_aside(&mut self, round: &mut Round<'_>, entry: &Entry, reason: &str) {
        round.refused += usize::from(self.files.set_aside(&entry.name, reason));
    }

    /// What the health page and the metrics say of the spool.
    fn show(&self) {
        let spool = self.files.spool();
        match spool.scan() {
            Ok(entries) => {
                let oldest = entries.first().map(Entry::age).unwrap_or_default();
                self.health.spool(entries.len(), oldest);
                let waits = || {
                    format!(
                        "{} records wait, the oldest for {} s",
                        entries.len(),
                        oldest.as_secs()
                    )
                };
                self.health.set(Alarm::Waiting, (oldest > TOO_OLD).then(waits));
                if entries.is_empty() {
                    self.health.clear(Alarm::Replay);
                }
                for alarm in [Alarm::Spool, Alarm::SetAside] {
                    self.health.set(alarm, self.files.trouble(alarm).cloned());
                }
            }
            Err(error) => self
                .health
                .raise(Alarm::Spool, &format!("the spool cannot be read: {error}")),
        }
        if let Ok(count) = spool.refused_files() {
            self.health.refused_files(count);
        }
        if let Ok(free) = spool.free_bytes() {
            self.health.free_bytes(free);
            let little = || format!("the spool's disk has {free} bytes left");
            self.health
                .set(Alarm::Disk, (free < LITTLE_ROOM_BYTES).then(little));
        }
    }
}

/// Gives the connection back with the answer.
async fn hand_over(
    mut connection: Database,
    entry: &Entry,
    record: Record,
) -> (Database, &Entry, Record, Result<String, Failure>) {
    let params: Vec<(&(dyn ToSql + Sync), Type)> = record
        .0
        .iter()
        .map(|value| (value as &(dyn ToSql + Sync), Type::TEXT))
        .collect();
    let answer = connection.row(LOG_CALL, &params).await.and_then(|row| {
        row.try_get(0)
            .map_err(|error| Failure::Later(format!("log_call's answer is not understood: {error}")))
    });
    let answer = match answer {
        Err(Failure::Unread(text)) => Err(whose(&mut connection, &params, text).await),
        answer => answer,
    };
    drop(params);
    (connection, entry, record, answer)
}

/// A value was not read. The record's can be read alone: else it was something that somebody added to the tables.
async fn whose(connection: &mut Database, params: &[(&(dyn ToSql + Sync), Type)], text: String) -> Failure {
    match connection.row(READ_VALUES, params).await {
        Ok(_) => Failure::Later(text),
        Err(Failure::Unread(_)) => Failure::Refused(text),
        Err(failure) => failure,
    }
}

impl<'a> Round<'a> {
    fn over(entries: &'a [Entry]) -> Self {
        Self {
            entries,
            begun: 0,
            held: None,
            calls: HashSet::new(),
            replayed: 0,
            refused: 0,
            put_off: 0,
            last_failure: None,
        }
    }

    fn tell(&self) {
        if self.replayed + self.refused > 0 {
            tracing::info!(
                replayed = self.replayed,
                refused = self.refused,
                "spool worked through"
            );
        }
        if let Some(failure) = &self.last_failure {
            tracing::warn!(
                records = self.put_off,
                failure,
                "the database put records off; trying on"
            );
        }
    }
}
