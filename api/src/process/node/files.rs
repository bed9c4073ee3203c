//! The spool's files on their way: which is due, what it says, when one that failed is due again, and how each leaves.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::health::{Alarm, Health};
use super::spool::{Content, Entry, Spool};
use super::statement::{self, Record, Refusal};

/// A file without its end that grew no further for so long was cut off.
const GROWS_NO_MORE: Duration = Duration::from_secs(60);

/// Between tries of what failed: doubled each time up to the second.
const TRY_AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

#[derive(Debug)]
pub struct Files {
    spool: Spool,
    health: Arc<Health>,
    /// Files without their end: their length, and since when it is so.
    growing: HashMap<OsString, (usize, Instant)>,
    /// Files that failed: when they are due again.
    later: HashMap<OsString, Later>,
}

#[derive(Debug)]
struct Later {
    due: Instant,
    wait: Duration,
    /// What somebody has to mend, if it is that.
    alarm: Option<(Alarm, String)>,
}

pub enum Look {
    Record(Record),
    /// Nothing to do with it now.
    NotNow,
    /// Never a record, and why.
    Unfit(String),
}

impl Files {
    pub fn new(spool: Spool, health: Arc<Health>) -> Self {
        Self {
            spool,
            health,
            growing: HashMap::new(),
            later: HashMap::new(),
        }
    }

    /// All that are there, oldest first. What was remembered of others is forgotten.
    pub fn scan(&mut self) -> io::Result<Vec<Entry>> {
        let entries = self.spool.scan()?;
        let there: HashSet<&OsString> = entries.iter().map(|entry| &entry.name).collect();
        self.growing.retain(|name, _| there.contains(name));
        self.later.retain(|name, _| there.contains(name));
        Ok(entries)
    }

    pub fn look(&mut self, name: &OsStr) -> Look {
        let now = Instant::now();
        if self.later.get(name).is_some_and(|later| later.due > now) {
            return Look::NotNow;
        }
        let bytes = match self.spool.read(name) {
            Ok(Content::Bytes(bytes)) => bytes,
            Ok(Content::NoFile) => return Look::Unfit("it is no regular file".into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Look::NotNow,
            Err(error) => {
                let text = format!("{} cannot be read: {error}", name.display());
                self.put_off(name, Some((Alarm::Spool, text)));
                return Look::NotNow;
            }
        };
        match statement::parse(&bytes) {
            Ok(record) => {
                self.growing.remove(name);
                Look::Record(record)
            }
            Err(Refusal::Invalid(reason)) => Look::Unfit(format!("not a record: {reason}")),
            Err(Refusal::Incomplete) => self.is_still_growing(name, bytes.len()),
        }
    }

    fn is_still_growing(&mut self, name: &OsStr, length: usize) -> Look {
        let now = Instant::now();
        let seen = self.growing.entry(name.to_owned()).or_insert((length, now));
        if seen.0 != length {
            *seen = (length, now);
        }
        if seen.1.elapsed() < GROWS_NO_MORE {
            return Look::NotNow;
        }
        Look::Unfit(format!(
            "truncated: it ends after {length} bytes without its `;` and newline"
        ))
    }

    /// Only after the database's answer: its record is on disk there.
    pub fn remove(&mut self, name: &OsStr) {
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

    /// Whether it could be moved.
    pub fn set_aside(&mut self, name: &OsStr, reason: &str) -> bool {
        match self.spool.set_aside(name, reason) {
            Ok(()) => {
                self.health.refused();
                self.later.remove(name);
                self.growing.remove(name);
                tracing::error!(file = ?name, reason, "a record was set aside: see `refused` in the spool");
                true
            }
            Err(error) => {
                let text = format!("{} cannot be set aside: {error} ({reason})", name.display());
                self.put_off(name, Some((Alarm::SetAside, text)));
                false
            }
        }
    }

    pub fn put_off(&mut self, name: &OsStr, alarm: Option<(Alarm, String)>) {
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

    /// What somebody has to mend, of this kind.
    pub fn trouble(&self, kind: Alarm) -> Option<&String> {
        let alarms = self.later.values().filter_map(|later| later.alarm.as_ref());
        alarms.filter(|(of, _)| *of == kind).map(|(_, text)| text).min()
    }

    pub fn spool(&self) -> &Spool {
        &self.spool
    }
}
