//! Whom Asterisk asks with OPTIONS whether they are there. It reads the call centers when it starts; one that is new or
//! changed afterwards it learns of only when it is told to look. Without that a dead call center costs each of its callers
//! the seconds until its silence is noticed.
//!
//! Nothing is told while the database is away: Asterisk would read nothing and ask nobody any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::asterisk::Asterisk;
use super::connection::{Database, Failure};
use crate::serve::listener;

/// Whether anything has changed, in one number.
const DIGEST: &str =
    "select coalesce(sum(hashtextextended(row(a.id, a.contact, a.qualify_frequency)::text, 0)), 0)::text
     from asterisk.ps_aors a";
/// What is there. A call center without an address has nobody to be asked.
const CENTERS: &str = "select a.id::text, hashtextextended(row(a.contact, a.qualify_frequency)::text, 0)
     from asterisk.ps_aors a where a.contact is not null";

/// Each is told by itself up to this number. Too low: Asterisk reads all for a few. Too high: it reads all endpoints for
/// each that is new.
const FEW: usize = 4;

/// Between two readings of all. Too low: many changes cost a reading each. Too high: they wait.
const ALL_EVERY: Duration = Duration::from_secs(30);

/// How long Asterisk may take to read all. Too low: a slow one is told again and again. Too high: a stop of the agent waits.
const ALL_WITHIN: Duration = Duration::from_secs(25);

type Centers = HashMap<String, i64>;

#[derive(Debug)]
pub struct Qualifier {
    pub asterisk: Asterisk,
    pub database: Database,
    pub every: Duration,
}

/// What one start of Asterisk was told.
#[derive(Debug)]
struct Told {
    started: String,
    digest: String,
    centers: Centers,
}

impl Qualifier {
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut told = None;
        let mut read_all = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = listener::stopped(&mut stop) => return,
            }
            // A database that is away is the heartbeat's alarm, as is an Asterisk that does not answer.
            if let Err(failure) = self.look(&mut told, &mut read_all).await {
                tracing::debug!(reason = failure.text(), "the call centers could not be read");
            }
        }
    }

    async fn look(&mut self, told: &mut Option<Told>, read_all: &mut Option<Instant>) -> Result<(), Failure> {
        let digest: String = self.database.row(DIGEST, &[]).await?.get(0);
        let Ok(started) = self.asterisk.identity().await.map(|of| of.started) else {
            return Ok(());
        };
        let known = told.take_if(|told| told.started != started);
        drop(known);
        if told.as_ref().is_some_and(|told| told.digest == digest) {
            return Ok(());
        }
        let rows = self.database.rows(CENTERS, &[]).await?;
        let centers: Centers = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let done = match told.as_ref() {
            Some(told) => match news(&told.centers, &centers) {
                News::Few(names) => self.tell(&names).await,
                News::Many => self.tell_all(&centers, read_all).await,
            },
            // What it read at its start, or was told by an agent before this one, nobody knows.
            None => self.tell_all(&centers, read_all).await,
        };
        if done {
            *told = Some(Told {
                started,
                digest,
                centers,
            });
        }
        Ok(())
    }

    /// Whether it read each of them.
    async fn tell(&self, names: &[String]) -> bool {
        let mut all = true;
        for name in names {
            all &= self.asterisk.reads_center(name).await;
        }
        if all {
            tracing::info!(
                centers = names.len(),
                "Asterisk was told of new or changed call centers"
            );
        }
        all
    }

    /// Whether it read all of them. One is read first and one afterwards: else its own connections to the database are
    /// broken, though ours is not.
    async fn tell_all(&self, centers: &Centers, read_all: &mut Option<Instant>) -> bool {
        if read_all.is_some_and(|at| at.elapsed() < ALL_EVERY) {
            return false;
        }
        let one = centers.keys().next();
        if let Some(name) = one
            && !self.asterisk.reads_center(name).await
        {
            return false;
        }
        *read_all = Some(Instant::now());
        if !self.asterisk.read_all_centers(ALL_WITHIN).await {
            tracing::warn!("Asterisk did not read the call centers; it is asked again");
            return false;
        }
        if let Some(name) = one
            && !self.asterisk.knows_center(name).await
        {
            return false;
        }
        tracing::info!(centers = centers.len(), "Asterisk has read all call centers");
        true
    }
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    Few(Vec<String>),
    /// More than a few, or some are gone: of those Asterisk can only be told by reading all.
    Many,
}

fn news(before: &Centers, now: &Centers) -> News {
    let changed = now
        .iter()
        .filter(|(name, center)| before.get(*name) != Some(center));
    let names: Vec<String> = changed.map(|(name, _)| name.clone()).collect();
    if names.len() > FEW || before.keys().any(|name| !now.contains_key(name)) {
        News::Many
    } else {
        News::Few(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn centers(list: &[(&str, i64)]) -> Centers {
        list.iter()
            .map(|&(name, center)| (name.to_owned(), center))
            .collect()
    }

    #[test]
    fn a_few_are_told_by_name_and_many_or_gone_ones_by_reading_all() {
        let before = centers(&[("a", 1), ("b", 2)]);
        let few = |names: &[&str]| News::Few(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(news(&before, &before), few(&[]));
        assert_eq!(news(&before, &centers(&[("a", 1), ("b", 3)])), few(&["b"]));
        assert_eq!(
            news(&before, &centers(&[("a", 1), ("b", 2), ("c", 1)])),
            few(&["c"])
        );
        assert_eq!(news(&before, &centers(&[("a", 1)])), News::Many);
        let many: Vec<_> = ["c", "d", "e", "f", "g"].map(|name| (name, 1)).to_vec();
        assert_eq!(news(&Centers::new(), &centers(&many)), News::Many);
    }
}
