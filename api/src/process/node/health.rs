//! What the agent tells of itself: alarms, each logged when it begins and when it is over, `/health` and `/metrics`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use serde_json::{Value, json};

use crate::app::metrics;
use crate::release::VERSION;

/// Several missed lists. The database gives a silent node up after two minutes.
const HEARTBEAT_TOO_OLD: Duration = Duration::from_secs(60);

/// What somebody has to look at. `/health` is 503 as long as there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Alarm {
    /// Heartbeats do not reach the database.
    Database,
    /// Asterisk does not answer.
    Asterisk,
    /// Asterisk has another name than this node.
    SystemName,
    /// Another machine has this name.
    NameTaken,
    /// Records wait because there is no connection.
    Replay,
    /// The spool, or a file in it, cannot be read or removed.
    Spool,
    /// A refused file cannot be moved.
    SetAside,
    /// A record has waited for too long.
    Waiting,
    /// The spool's disk is nearly full.
    Disk,
}

impl Alarm {
    const ALL: [Alarm; 9] = [
        Alarm::Database,
        Alarm::Asterisk,
        Alarm::SystemName,
        Alarm::NameTaken,
        Alarm::Replay,
        Alarm::Spool,
        Alarm::SetAside,
        Alarm::Waiting,
        Alarm::Disk,
    ];

    fn name(self) -> &'static str {
        match self {
            Alarm::Database => "database",
            Alarm::Asterisk => "asterisk",
            Alarm::SystemName => "system_name",
            Alarm::NameTaken => "name_taken",
            Alarm::Replay => "replay",
            Alarm::Spool => "spool",
            Alarm::SetAside => "set_aside",
            Alarm::Waiting => "waiting",
            Alarm::Disk => "disk",
        }
    }
}

#[derive(Debug)]
pub struct Health {
    node: String,
    alarms: Mutex<BTreeMap<Alarm, String>>,
    heartbeat: Mutex<Option<Instant>>,
    registry: Registry,
    alarm_gauges: IntGaugeVec,
    asterisk_up: IntGauge,
    channels: IntGauge,
    heartbeat_age: Gauge,
    spool_files: IntGauge,
    spool_oldest: Gauge,
    spool_free: IntGauge,
    refused_files: IntGauge,
    replayed: IntCounterVec,
    refused: IntCounter,
    released: IntCounter,
    refused_calls: IntCounterVec,
    unacknowledged: IntCounterVec,
}

impl Health {
    pub fn new(node: &str) -> Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| -> Result<IntCounter> {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok(counter)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let seconds = |name: &str, help: &str| -> Result<Gauge> {
            let gauge = Gauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let alarm_gauges = IntGaugeVec::new(
            Opts::new("capconduit_node_alarm", "1 while somebody has to look at this"),
            &["reason"],
        )?;
        registry.register(Box::new(alarm_gauges.clone()))?;
        for alarm in Alarm::ALL {
            alarm_gauges.with_label_values(&[alarm.name()]).set(0);
        }
        let replayed = IntCounterVec::new(
            Opts::new(
                "capconduit_node_replayed_total",
                "Records that the database took, by its answer",
            ),
            &["status"],
        )?;
        registry.register(Box::new(replayed.clone()))?;
        let refused_calls = IntCounterVec::new(
            Opts::new(
                "capconduit_node_sip_refused_total",
                "Calls that Asterisk refused before the dialplan, and that have no record",
            ),
            &["trunk", "status"],
        )?;
        registry.register(Box::new(refused_calls.clone()))?;
        let unacknowledged = IntCounterVec::new(
            Opts::new(
                "capconduit_node_sip_unacknowledged_total",
                "Answered calls that ended without the caller's ACK",
            ),
            &["trunk"],
        )?;
        registry.register(Box::new(unacknowledged.clone()))?;
        Ok(Health {
            node: node.to_owned(),
            alarms: Mutex::default(),
            heartbeat: Mutex::default(),
            asterisk_up: gauge(
                "capconduit_node_asterisk_up",
                "1 when Asterisk answered the last question",
            )?,
            channels: gauge(
                "capconduit_node_channels",
                "Channels on the last list that was accepted",
            )?,
            heartbeat_age: seconds(
                "capconduit_node_heartbeat_age_seconds",
                "Since the last list that was accepted; -1 before the first",
            )?,
            spool_files: gauge("capconduit_node_spool_files", "Records that wait in the spool")?,
            spool_oldest: seconds(
                "capconduit_node_spool_oldest_seconds",
                "Age of the oldest record that waits",
            )?,
            spool_free: gauge("capconduit_node_spool_free_bytes", "Room on the spool's disk")?,
            refused_files: gauge(
                "capconduit_node_refused_files",
                "Files in the folder of what was set aside",
            )?,
            refused: counter("capconduit_node_refused_total", "Files that were set aside")?,
            released: counter(
                "capconduit_node_released_total",
                "Calls closed because nobody reported them any more",
            )?,
            replayed,
            refused_calls,
            unacknowledged,
            alarm_gauges,
            registry,
        })
    }

    /// Logged when it begins, not as long as it lasts. One line, whatever a file's name or a server's words hold.
    pub fn raise(&self, alarm: Alarm, text: &str) {
        let text = text.replace(char::is_control, "\u{fffd}");
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        if alarms.insert(alarm, text.clone()).is_none() {
            self.alarm_gauges.with_label_values(&[alarm.name()]).set(1);
            tracing::error!(alarm = alarm.name(), "{text}");
        }
    }

    pub fn clear(&self, alarm: Alarm) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        if alarms.remove(&alarm).is_some() {
            self.alarm_gauges.with_label_values(&[alarm.name()]).set(0);
            tracing::info!(alarm = alarm.name(), "over");
        }
    }

    pub fn set(&self, alarm: Alarm, text: Option<String>) {
        match text {
            Some(text) => self.raise(alarm, &text),
            None => self.clear(alarm),
        }
    }

    pub fn heartbeat(&self, channels: usize) {
        *self.heartbeat.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        self.channels.set(count(channels));
    }

    pub fn asterisk_up(&self, up: bool) {
        self.asterisk_up.set(i64::from(up));
    }

    pub fn spool(&self, files: usize, oldest: Duration) {
        self.spool_files.set(count(files));
        self.spool_oldest.set(oldest.as_secs_f64());
    }

    pub fn refused_files(&self, files: usize) {
        self.refused_files.set(count(files));
    }

    pub fn free_bytes(&self, bytes: u64) {
        self.spool_free.set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub fn replayed(&self, status: &str) {
        self.replayed.with_label_values(&[status]).inc();
    }

    pub fn refused(&self) {
        self.refused.inc();
    }

    pub fn refused_before_the_dialplan(&self, trunk: &str, status: u16) {
        self.refused_calls
            .with_label_values(&[trunk, &status.to_string()])
            .inc();
    }

    pub fn never_acknowledged(&self, trunk: &str) {
        self.unacknowledged.with_label_values(&[trunk]).inc();
    }

    pub fn released(&self, calls: i32) {
        self.released.inc_by(u64::try_from(calls).unwrap_or(0));
    }

    fn heartbeat_age(&self) -> Option<Duration> {
        let last = *self.heartbeat.lock().unwrap_or_else(PoisonError::into_inner);
        last.map(|at| at.elapsed())
    }

    fn report(&self) -> (StatusCode, Value) {
        let age = self.heartbeat_age();
        let alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut problems: BTreeMap<&str, String> =
            alarms.into_iter().map(|(a, text)| (a.name(), text)).collect();
        if age.is_none_or(|age| age > HEARTBEAT_TOO_OLD) {
            let since = age.map_or("yet".to_owned(), |age| format!("for {} s", age.as_secs()));
            problems.insert("heartbeat", format!("no list of calls was accepted {since}"));
        }
        let (status, word) = if problems.is_empty() {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "failing")
        };
        let body = json!({
            "status": word,
            "version": VERSION,
            "node": self.node,
            "problems": problems,
            "heartbeatAgeSeconds": age.map(|age| age.as_secs()),
            "spoolFiles": self.spool_files.get(),
            "spoolOldestSeconds": self.spool_oldest.get(),
            "refusedFiles": self.refused_files.get(),
        });
        (status, body)
    }
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub fn router(health: Arc<Health>) -> Router {
    Router::new()
        .route("/health", get(show_health))
        .route("/metrics", get(show_metrics))
        .with_state(health)
}

async fn show_health(State(health): State<Arc<Health>>) -> (StatusCode, Json<Value>) {
    let (status, body) = health.report();
    (status, Json(body))
}

async fn show_metrics(State(health): State<Arc<Health>>) -> Response {
    let age = health.heartbeat_age().map_or(-1.0, |age| age.as_secs_f64());
    health.heartbeat_age.set(age);
    metrics::encode(&health.registry)
}
