//! The heartbeat: tells the database which calls are live here, announces each start of Asterisk once, and gives back
//! slots of calls that nobody reports any more. An Asterisk that does not answer is never told as one without calls: the
//! agent says whether it lives, if it knows, and at its own end that nobody watches it any more.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio_postgres::types::Type;

use super::asterisk::{Asterisk, NoAnswer, Process};
use super::connection::{Database, Failure};
use super::health::{Alarm, Health};
use super::state::{Start, State};
use crate::process::running;

const NOW: &str = "select clock_timestamp()";
const NODE_STARTED: &str = "select s.status, s.closed from capconduit.node_started($1, $2, $3) s";
const NODE_HEARTBEAT: &str =
    "select h.status, h.absent, h.closed from capconduit.node_heartbeat($1, $2, $3, $4) h";
const NODE_REPORT: &str = "select capconduit.node_report($1, $2, $3)";
const RELEASE_EXPIRED: &str = "select r.released from capconduit.release_expired(500) r";

/// Too low: a slow database takes a node that is only not watched for dead. Too high: whoever stops the agent waits.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// Two starts at one time of day are farther apart. What is closer is the same start, by a clock that somebody has set.
const ANOTHER_DAY: SignedDuration = SignedDuration::from_hours(12);

#[derive(Debug)]
pub struct Heart {
    pub node: String,
    pub asterisk: Asterisk,
    pub database: Database,
    pub state: State,
    pub every: Duration,
    pub health: Arc<Health>,
    /// Whether the database has taken a word of this agent.
    pub was_heard: bool,
}

/// What a look at Asterisk gave.
enum Found {
    Calls(Vec<String>),
    /// No answer, and what is known of the process.
    No(Option<Process>),
    /// Another Asterisk's name, or a name that is another agent's.
    NotOurs,
}

fn state_of(process: Process) -> &'static str {
    match process {
        Process::Alive => "alive",
        Process::Down => "down",
    }
}

impl Heart {
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut ticks = tokio::time::interval(self.every);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Its first start is announced in any case: the agent may have been down for several.
        let mut announced = None;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = running::stopped(&mut stop) => break,
            }
            let beaten = self.beat(&mut announced).await;
            let released = self.release_expired().await;
            match beaten.and(released) {
                Ok(()) => self.health.clear(Alarm::Database),
                Err(failure) => self.health.raise(Alarm::Database, failure.text()),
            }
        }
        if self.was_heard && tokio::time::timeout(STOP_TIMEOUT, self.stop()).await.is_err() {
            tracing::warn!("the database was not told in time that this agent stops");
        }
    }

    async fn beat(&mut self, announced: &mut Option<(String, Instant)>) -> Result<(), Failure> {
        // Before Asterisk is asked: whatever happens in between is younger than the list.
        let taken_at: Timestamp = self.database.row(NOW, &[]).await?.get(0);
        match self.look(announced, taken_at).await? {
            Found::Calls(channels) => self.tell(taken_at, &channels).await,
            Found::No(Some(process)) => self.report(state_of(process)).await,
            Found::No(None) | Found::NotOurs => Ok(()),
        }
    }

    /// Asks Asterisk for its calls, and announces its start before they are told.
    async fn look(
        &mut self,
        announced: &mut Option<(String, Instant)>,
        taken_at: Timestamp,
    ) -> Result<Found, Failure> {
        let identity = match self.answer(self.asterisk.identity().await) {
            Ok(identity) => identity,
            Err(process) => return Ok(Found::No(process)),
        };
        if identity.system_name != self.node {
            self.health.raise(
                Alarm::SystemName,
                &format!(
                    "Asterisk's systemname is {:?} and this agent's node is {:?}: nothing is announced",
                    identity.system_name, self.node
                ),
            );
            return Ok(Found::NotOurs);
        }
        self.health.clear(Alarm::SystemName);
        let started = identity.started;
        // Asterisk tells the time of its start without the day: after a long silence it may be another day's.
        if !announced
            .as_ref()
            .is_some_and(|(known, seen)| *known == started && seen.elapsed() < ANOTHER_DAY.unsigned_abs())
        {
            let start = match self.start(started.clone(), taken_at).await {
                Ok(start) => start,
                Err(process) => return Ok(Found::No(process)),
            };
            if !self.announce(&start).await? {
                return Ok(Found::NotOurs);
            }
            self.state.announce(start);
        }
        *announced = Some((started, Instant::now()));
        Ok(match self.answer(self.asterisk.channels().await) {
            Ok(channels) => Found::Calls(channels),
            Err(process) => Found::No(process),
        })
    }

    /// What is known of an Asterisk that did not answer.
    fn answer<T>(&self, answer: Result<T, NoAnswer>) -> Result<T, Option<Process>> {
        match answer {
            Ok(answer) => {
                self.health.asterisk_up(true);
                self.health.clear(Alarm::Asterisk);
                Ok(answer)
            }
            Err(no_answer) => {
                self.health.asterisk_up(false);
                self.health.raise(Alarm::Asterisk, &no_answer.text);
                Err(no_answer.process)
            }
        }
    }

    /// A word without a list.
    async fn report(&mut self, state: &str) -> Result<(), Failure> {
        let instance = self.state.instance();
        let params = [
            (&self.node as _, Type::TEXT),
            (&instance as _, Type::TEXT),
            (&state as _, Type::TEXT),
        ];
        match self.database.row(NODE_REPORT, &params).await {
            Ok(row) => {
                let status: String = row.get(0);
                self.was_heard |= !self.is_taken(&status);
                tracing::debug!(state, status, "reported");
                Ok(())
            }
            // The database is of the release before: there it cannot be said.
            Err(Failure::Missing(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// In order, and not by a crash: from now on silence means nothing. But an Asterisk that is down need not be waited for.
    async fn stop(&mut self) {
        let is_down = matches!(
            self.asterisk.identity().await,
            Err(NoAnswer {
                process: Some(Process::Down),
                ..
            })
        );
        if !is_down && let Err(failure) = self.report("stopped").await {
            tracing::warn!(
                failure = failure.text(),
                "the database was not told that this agent stops: it will take the node for dead"
            );
        }
    }

    /// When this Asterisk started, by the database's clock: never later than it did, for a call of its own would be
    /// closed. So the uptime, which is cut to whole seconds, is taken a second longer; and what was found when this start
    /// was first seen stays, because uptimes follow a clock that people set.
    async fn start(&self, started: String, taken_at: Timestamp) -> Result<Start, Option<Process>> {
        let known = self.state.announced().filter(|known| known.started == started);
        let uptime = self.asterisk.uptime_seconds().await;
        if let (Some(known), Err(_)) = (known, &uptime) {
            return Ok(known.clone());
        }
        let uptime = self.answer(uptime)?;
        let booted_at = taken_at - SignedDuration::from_secs(uptime + 1);
        Ok(start_of(known, started, booted_at))
    }

    async fn announce(&mut self, start: &Start) -> Result<bool, Failure> {
        let instance = self.state.instance();
        let params = [
            (&self.node as _, Type::TEXT),
            (&start.booted_at as _, Type::TIMESTAMPTZ),
            (&instance as _, Type::TEXT),
        ];
        let row = self.database.row(NODE_STARTED, &params).await?;
        let (status, closed): (String, i32) = (row.get("status"), row.get("closed"));
        if self.is_taken(&status) {
            return Ok(false);
        }
        self.was_heard = true;
        tracing::info!(booted_at = %start.booted_at, closed, "Asterisk's start was announced");
        Ok(true)
    }

    async fn tell(&mut self, taken_at: Timestamp, channels: &[String]) -> Result<(), Failure> {
        let instance = self.state.instance();
        let params = [
            (&self.node as _, Type::TEXT),
            (&instance as _, Type::TEXT),
            (&taken_at as _, Type::TIMESTAMPTZ),
            (&channels as _, Type::TEXT_ARRAY),
        ];
        let row = self.database.row(NODE_HEARTBEAT, &params).await?;
        let (status, absent, closed): (String, i32, i32) =
            (row.get("status"), row.get("absent"), row.get("closed"));
        if self.is_taken(&status) {
            return Ok(());
        }
        if status != "ok" {
            // A newer list of this instance: two of us at once. It says nothing about calls.
            tracing::warn!(status, "the database has a newer list");
            return Ok(());
        }
        self.health.heartbeat(channels.len());
        if closed > 0 {
            tracing::warn!(closed, "calls that are not on this node were closed");
        }
        tracing::debug!(channels = channels.len(), absent, "heartbeat");
        Ok(())
    }

    fn is_taken(&self, status: &str) -> bool {
        let taken = status == "name_taken";
        let text = || {
            format!(
                "another machine speaks as node {}: this one's calls are not watched. Give each a systemname of its own",
                self.node
            )
        };
        self.health.set(Alarm::NameTaken, taken.then(text));
        taken
    }

    async fn release_expired(&mut self) -> Result<(), Failure> {
        let released: i32 = self.database.row(RELEASE_EXPIRED, &[]).await?.get(0);
        if released > 0 {
            self.health.released(released);
            tracing::warn!(
                released,
                "slots of calls that nobody reported any more were given back"
            );
        }
        Ok(())
    }
}

/// The known start where it is the same one.
fn start_of(known: Option<&Start>, started: String, booted_at: Timestamp) -> Start {
    match known {
        Some(known) if booted_at.duration_since(known.booted_at) < ANOTHER_DAY => known.clone(),
        _ => Start { started, booted_at },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_second_of_another_day_is_another_start() {
        let known = Start {
            started: "17:32:22".into(),
            booted_at: "2026-03-01T17:32:21Z".parse().unwrap(),
        };
        let found = |booted_at: &str| start_of(Some(&known), "17:32:22".into(), booted_at.parse().unwrap());
        // An uptime by a clock that was set.
        for same in [
            "2026-03-01T17:32:22Z",
            "2026-03-01T19:02:00Z",
            "2026-02-27T17:32:21Z",
        ] {
            assert_eq!(found(same), known, "{same}");
        }
        for other in ["2026-03-02T17:32:21Z", "2026-03-31T17:32:20Z"] {
            assert_eq!(found(other).booted_at, other.parse().unwrap());
        }
    }
}
