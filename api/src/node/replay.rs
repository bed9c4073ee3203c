//! The replay: each second every record in the spool is handed to the database, oldest first, each in a transaction of its
//! own. Its file goes only after the answer, which means that the record is on disk there. `log_call` takes a record any
//! number of times, so a crash between answer and removal doubles nothing.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio_postgres::types::{ToSql, Type};

use super::connection::{Database, Failure};
use super::health::{Alarm, Health};
use super::spool::{Content, Entry, Spool};
use super::statement::{self, Record, Refusal};
use crate::serve::listener;

const EVERY: Duration = Duration::from_secs(1);

/// A file without its end that grew no further for so long was cut off.
const GROWS_NO_MORE: Duration = Duration::from_secs(60);

/// A record that waits for so long needs somebody to look.
const TOO_OLD: Duration = Duration::from_secs(60);

/// Some thousand records. With less left the dialplan's next ones may find no room.
const LITTLE_ROOM_BYTES: u64 = 16 * 1024 * 1024;

/// Between tries of what failed: doubled each time up to the second. A database that is back is found within five seconds.
const RECONNECT: (Duration, Duration) = (EVERY, Duration::from_secs(5));
const TRY_AGAIN: (Duration, Duration) = (EVERY, Duration::from_secs(60));

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

#[derive(Debug)]
pub struct Replay {
    spool: Spool,
    database: Database,
    health: Arc<Health>,
    /// Files without their end: their length, and since when it is so.
    growing: HashMap<OsString, (usize, Instant)>,
    /// Files that failed: when they are due again.
    later: HashMap<OsString, Later>,
    /// How long to wait before the next try to connect.
    reconnect: Duration,
}

#[derive(Debug)]
struct Later {
    due: Instant,
    wait: Duration,
    /// What somebody has to mend, if it is that.
    alarm: Option<(Alarm, String)>,
}

#[derive(Debug, Default)]
struct Tally {
    replayed: usize,
    refused: usize,
    put_off: usize,
    last_failure: Option<String>,
}

impl Replay {
    pub fn new(spool: Spool, database: Database, health: Arc<Health>) -> Self {
        Self {
            spool,
            database,
            health,
            growing: HashMap::new(),
            later: HashMap::new(),
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
                () = listener::stopped(&mut stop) => {}
            }
        }
    }

    /// Everything that is due, once. Fails when there is no database to talk to.
    async fn round(&mut self, stop: &watch::Receiver<bool>) -> Result<(), String> {
        let entries = match self.spool.scan() {
            Ok(entries) => entries,
            Err(error) => {
                self.health
                    .raise(Alarm::Spool, &format!("the spool cannot be read: {error}"));
                return Ok(());
            }
        };
        let there: HashSet<&OsString> = entries.iter().map(|entry| &entry.name).collect();
        self.growing.retain(|name, _| there.contains(name));
        self.later.retain(|name, _| there.contains(name));
        let mut tally = Tally::default();
        let mut outcome = Ok(());
        for (n, entry) in entries.iter().enumerate() {
            if *stop.borrow() {
                break;
            }
            if let Err(text) = self.one(entry, &mut tally).await {
                outcome = Err(text);
                break;
            }
            if (n + 1) % PROGRESS_EVERY == 0 {
                tracing::info!(done = n + 1, of = entries.len(), "replaying");
                self.health.spool(entries.len() - n - 1, entry.age());
            }
        }
        tally.tell();
        if outcome.is_ok() && tally.replayed + tally.refused > 0 {
            self.health.clear(Alarm::Replay);
        }
        outcome
    }

    async fn one(&mut self, entry: &Entry, tally: &mut Tally) -> Result<(), String> {
        let name = &entry.name;
        if self
            .later
            .get(name)
            .is_some_and(|later| later.due > Instant::now())
        {
            return Ok(());
        }
        let record = match self.look(name) {
            Ok(Look::Record(record)) => record,
            Ok(Look::Wait) => return Ok(()),
            Ok(Look::Unfit(reason)) => {
                self.set_aside(name, &reason, tally);
                return Ok(());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => {
                let text = format!("{} cannot be read: {error}", name.display());
                self.put_off(name, Some((Alarm::Spool, text)));
                return Ok(());
            }
        };
        match self.log(&record).await {
            Ok(status) => {
                self.reconnect = RECONNECT.0;
                tally.replayed += 1;
                self.health.replayed(&status);
                tracing::debug!(uniqueid = record.uniqueid(), status, "replayed");
                match self.spool.remove(name) {
                    Ok(()) => {
                        self.later.remove(name);
                    }
                    Err(error) => {
                        let text = format!("{} is replayed and cannot be removed: {error}", name.display());
                        self.put_off(name, Some((Alarm::Spool, text)));
                    }
                }
            }
            Err(Failure::Refused(reason)) => self.set_aside(name, &reason, tally),
            Err(Failure::Later(text)) => {
                tally.put_off += 1;
                tally.last_failure = Some(text);
                self.put_off(name, None);
            }
            Err(Failure::Unreachable(text)) => return Err(text),
        }
        Ok(())
    }

    fn look(&mut self, name: &OsStr) -> io::Result<Look> {
        let bytes = match self.spool.read(name)? {
            Content::Bytes(bytes) => bytes,
            Content::NoFile => return Ok(Look::Unfit("it is no regular file".into())),
        };
        match statement::parse(&bytes) {
            Ok(record) => {
                self.growing.remove(name);
                Ok(Look::Record(record))
            }
            Err(Refusal::Invalid(reason)) => Ok(Look::Unfit(format!("not a record: {reason}"))),
            Err(Refusal::Incomplete) => Ok(self.is_still_growing(name, bytes.len())),
        }
    }

    fn is_still_growing(&mut self, name: &OsStr, length: usize) -> Look {
        let now = Instant::now();
        let seen = self.growing.entry(name.to_owned()).or_insert((length, now));
        if seen.0 != length {
            *seen = (length, now);
        }
        if seen.1.elapsed() < GROWS_NO_MORE {
            return Look::Wait;
        }
        Look::Unfit(format!(
            "truncated: it ends after {length} bytes without its `;` and newline"
        ))
    }

    async fn log(&mut self, record: &Record) -> Result<String, Failure> {
        let params: Vec<(&(dyn ToSql + Sync), Type)> = record
            .0
            .iter()
            .map(|value| (value as &(dyn ToSql + Sync), Type::TEXT))
            .collect();
        let row = self.database.row(LOG_CALL, &params).await?;
        row.try_get(0)
            .map_err(|error| Failure::Later(format!("log_call's answer is not understood: {error}")))
    }

    fn set_aside(&mut self, name: &OsStr, reason: &str, tally: &mut Tally) {
        match self.spool.set_aside(name, reason) {
            Ok(()) => {
                tally.refused += 1;
                self.health.refused();
                self.later.remove(name);
                self.growing.remove(name);
                tracing::error!(file = ?name, reason, "a record was set aside: see `refused` in the spool");
            }
            Err(error) => {
                let text = format!("{} cannot be set aside: {error} ({reason})", name.display());
                self.put_off(name, Some((Alarm::SetAside, text)));
            }
        }
    }

    fn put_off(&mut self, name: &OsStr, alarm: Option<(Alarm, String)>) {
        let before = self.later.get(name).map(|later| later.wait);
        let wait = before.map_or(TRY_AGAIN.0, |wait| TRY_AGAIN.1.min(wait * 2));
        self.later.insert(
            name.to_owned(),
            Later {
                due: Instant::now() + wait,
                wait,
                alarm,
            },
        );
    }

    /// What the health page and the metrics say of the spool.
    fn show(&self) {
        match self.spool.scan() {
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
                    let trouble = self.later.values().filter_map(|later| later.alarm.as_ref());
                    let text = trouble
                        .filter(|(kind, _)| *kind == alarm)
                        .map(|(_, text)| text)
                        .min();
                    self.health.set(alarm, text.cloned());
                }
            }
            Err(error) => self
                .health
                .raise(Alarm::Spool, &format!("the spool cannot be read: {error}")),
        }
        if let Ok(count) = self.spool.refused_files() {
            self.health.refused_files(count);
        }
        if let Ok(free) = self.spool.free_bytes() {
            self.health.free_bytes(free);
            let little = || format!("the spool's disk has {free} bytes left");
            self.health
                .set(Alarm::Disk, (free < LITTLE_ROOM_BYTES).then(little));
        }
    }
}

enum Look {
    Record(Record),
    Wait,
    Unfit(String),
}

impl Tally {
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
