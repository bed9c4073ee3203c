//! Tells Asterisk of call centers that are new or changed, so that it qualifies them: sends them OPTIONS and knows which are
//! reachable. Asterisk reads the call centers only when it starts or is told to. A call center that is dead and not
//! qualified costs each of its callers the seconds until its silence is noticed.
//!
//! Asterisk is told nothing while the database is away: it would read an empty list and qualify nobody any more.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::asterisk::Asterisk;
use super::connection::{Database, Failure};
use crate::process::running;

/// Whether anything has changed, in one number.
const DIGEST: &str =
    "select coalesce(sum(hashtextextended(row(a.id, a.contact, a.qualify_frequency)::text, 0)), 0)::text
     from asterisk.ps_aors a";
/// What is there. A call center without an address has nobody to be asked.
const CENTERS: &str = "select a.id::text, hashtextextended(row(a.contact, a.qualify_frequency)::text, 0)
     from asterisk.ps_aors a where a.contact is not null";

/// Up to this number Asterisk is told of each by itself. Too low: it reads all for a few. Too high: it reads all endpoints
/// for each that is new.
const FEW: usize = 4;

/// Asterisk reads all only up to this number, since it takes no call meanwhile. Too low: who is gone is asked until
/// Asterisk's next start. Too high: callers wait.
const ALL_AT_MOST: usize = 500;

/// Between two readings of all. Too low: many changes cost a reading each. Too high: they wait.
const ALL_EVERY: Duration = Duration::from_secs(30);

/// How long Asterisk may take to read all. Too low: a slow one is told again and again. Too high: changes wait for a stuck one.
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
        let mut may_read = true;
        loop {
            // Both waits end with the agent: a look may last as long as Asterisk takes to read all.
            let looked = async {
                ticks.tick().await;
                let looked = self.look(&mut told, &mut read_all).await;
                // Where connections are short, lists and records need them more.
                self.database.close();
                looked
            };
            let looked = tokio::select! {
                looked = looked => looked,
                () = running::stopped(&mut stop) => return,
            };
            match looked {
                Ok(()) => may_read = true,
                Err(Failure::Denied(reason)) => {
                    if std::mem::replace(&mut may_read, false) {
                        tracing::warn!(
                            reason,
                            "this login may not read the call centers: Asterisk is told of none"
                        );
                    }
                }
                // A database that is away is the heartbeat's alarm, as is an Asterisk that does not answer.
                Err(failure) => {
                    tracing::debug!(reason = failure.text(), "the call centers could not be read")
                }
            }
        }
    }

    async fn look(&mut self, told: &mut Option<Told>, read_all: &mut Option<Instant>) -> Result<(), Failure> {
        let digest: String = self.database.row(DIGEST, &[]).await?.get(0);
        let Ok(started) = self.asterisk.identity().await.map(|of| of.started) else {
            return Ok(());
        };
        told.take_if(|told| told.started != started);
        if told.as_ref().is_some_and(|told| told.digest == digest) {
            return Ok(());
        }
        let rows = self.database.rows(CENTERS, &[]).await?;
        let centers: Centers = rows
            .iter()
            .map(|row| (row.get("id"), row.get("hashtextextended")))
            .collect();
        let few_in_all = centers.len() <= ALL_AT_MOST;
        let done = match told {
            Some(told) => {
                let mut news = news(&told.centers, &centers);
                if few_in_all && (news.gone || news.names.len() > FEW) {
                    self.tell_all(&centers, read_all).await
                } else {
                    let more = news.names.len() > FEW;
                    news.names.truncate(FEW);
                    let heard = self.tell(&news.names).await;
                    if heard && more {
                        // The others at the next looks.
                        let centers = news.names.into_iter().map(|name| {
                            let center = centers[&name];
                            (name, center)
                        });
                        told.centers.extend(centers);
                    }
                    heard && !more
                }
            }
            // What it read at its start, or was told by an agent before this one, nobody knows.
            None if few_in_all => self.tell_all(&centers, read_all).await,
            None => {
                tracing::info!(
                    centers = centers.len(),
                    "too many call centers for Asterisk to read all of them at once: changed ones are told by name"
                );
                true
            }
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

    /// True when Asterisk read each of them.
    async fn tell(&self, names: &[String]) -> bool {
        let mut all = true;
        for name in names {
            let read = self.asterisk.reads_center(name).await;
            if !read {
                unconfirmed(name);
            }
            all &= read;
        }
        if all {
            tracing::info!(
                centers = names.len(),
                "Asterisk was told of new or changed call centers"
            );
        }
        all
    }

    /// True when Asterisk read all of them. It must read one alone before, and know it afterwards: else its own connections to
    /// the database are broken, though ours is not.
    async fn tell_all(&self, centers: &Centers, read_all: &mut Option<Instant>) -> bool {
        if read_all.is_some_and(|at| at.elapsed() < ALL_EVERY) {
            return false;
        }
        let one = centers.keys().next();
        if let Some(name) = one
            && !self.asterisk.reads_center(name).await
        {
            unconfirmed(name);
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
            unconfirmed(name);
            return false;
        }
        tracing::info!(centers = centers.len(), "Asterisk has read all call centers");
        true
    }
}

/// Told again at the next look.
fn unconfirmed(name: &str) {
    tracing::warn!(
        center = name,
        "Asterisk does not confirm a call center that is in the database; its own connection may be broken"
    );
}

#[derive(Debug, PartialEq, Eq)]
struct News {
    /// New or changed.
    names: Vec<String>,
    /// Some are there no more: of those Asterisk can only be told by reading all.
    gone: bool,
}

fn news(before: &Centers, now: &Centers) -> News {
    let changed = now
        .iter()
        .filter(|(name, center)| before.get(*name) != Some(center));
    News {
        names: changed.map(|(name, _)| name.clone()).collect(),
        gone: before.keys().any(|name| !now.contains_key(name)),
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
    fn new_changed_and_gone_ones_are_found() {
        let before = centers(&[("a", 1), ("b", 2)]);
        let found = |now: &[(&str, i64)]| {
            let news = news(&before, &centers(now));
            (news.names.join(" "), news.gone)
        };
        assert_eq!(found(&[("a", 1), ("b", 2)]), (String::new(), false));
        assert_eq!(found(&[("a", 1), ("b", 3)]), ("b".into(), false));
        assert_eq!(found(&[("a", 1), ("b", 2), ("c", 1)]), ("c".into(), false));
        assert_eq!(found(&[("a", 1)]), (String::new(), true));
        assert_eq!(found(&[("c", 1), ("b", 2)]), ("c".into(), true));
    }
}
