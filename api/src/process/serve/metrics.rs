//! /metrics: the service's own counters, and figures that are read from the database at most once in five seconds.

use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{Method, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use tokio::sync::Mutex;

use crate::app::AppState;
use crate::error::ApiResult;
use crate::store::identity::Identity;
use crate::store::tx::Tx;

const BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// For how long figures of the database are used again. Also how long the database may take to answer.
const FRESH: Duration = Duration::from_secs(5);

/// Calls in flight with and without a slot, expired leases, and the age of the oldest snapshot, which keeps vacuum from removing
/// dead rows.
const LIVE: &str = "\
    select count(*) filter (where holds_slot), count(*) filter (where not holds_slot),
           count(*) filter (where lease_until < now()),
           coalesce((select max(age(a.backend_xmin)) from pg_catalog.pg_stat_activity a), 0)::bigint
      from live_calls";

/// Records by outcome with an id above $1 and up to $2, at most $3 of them.
const NEW_RECORDS: &str = "\
    select call_status, (link_id is not null) as routed, count(*), max(id), (sum(count(*)) over ())::bigint
      from (select call_status, link_id, id from call_logs where id > $1 and id <= $2 order by id limit $3) g
     group by 1, 2";

/// The last id that may be counted. Records of the last five seconds wait, since a transaction with a smaller id may not have
/// committed yet. Only the newest $1 records are looked at; when all of them are that young, it is the id before them.
const OLD_ENOUGH: &str = "\
    select coalesce(max(id) filter (where created_at < now() - interval '5 seconds'), min(id) - 1, 0)
      from (select id, created_at from call_logs order by id desc limit $1) g";

/// A look reads at most so many records in each of so many statements. After a gap of millions of records the next looks
/// catch up, and none of them takes longer than another.
const RECORDS_AT_ONCE: i64 = 25_000;
const STATEMENTS_OF_A_LOOK: usize = 4;

/// How long a look may count. Too low: on a slow disk the counts fall behind. Too high: the answer comes too late for Prometheus.
const COUNTING: Duration = Duration::from_secs(2);

const NEWEST_RECORD: &str = "select coalesce(max(id), 0) from call_logs";

/// Rejected calls by reason with an id above $1, at most $2 rows, without those of the last five seconds.
const NEW_REJECTS: &str = "\
    select reason, sum(calls)::bigint, max(id)
      from (select reason, calls, id
              from reject_counts
             where id > $1 and created_at < now() - interval '5 seconds'
             order by id
             limit $2) r
     group by 1";

const NEWEST_REJECT: &str = "select coalesce(max(id), 0) from reject_counts";

pub const STATEMENTS: &[&str] = &[
    LIVE,
    NEW_RECORDS,
    NEWEST_RECORD,
    OLD_ENOUGH,
    NEW_REJECTS,
    NEWEST_REJECT,
];

#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    pool: IntGaugeVec,
    pub hashing: Histogram,
    database: Database,
}

#[derive(Debug)]
struct Database {
    up: IntGauge,
    calls: IntGaugeVec,
    expired_leases: IntGauge,
    oldest_xmin: IntGauge,
    records: IntCounterVec,
    routed: IntCounterVec,
    behind: IntGauge,
    rejects: IntCounterVec,
    counted: Mutex<Counted>,
}

/// How far the database has been read.
#[derive(Debug, Default)]
struct Counted {
    /// When it was last asked.
    asked: Option<Instant>,
    /// The last rows of `call_logs` and `reject_counts` that are in the counters.
    record: Option<i64>,
    reject: Option<i64>,
}

impl Metrics {
    pub fn new() -> Result<Self> {
        let registry = Registry::new();
        let counters = |name: &str, help: &str, labels: &[&str]| -> Result<IntCounterVec> {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok(vec)
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| -> Result<IntGaugeVec> {
            let vec = IntGaugeVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone()))?;
            Ok(vec)
        };
        let gauge = |name: &str, help: &str| -> Result<IntGauge> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let latency = HistogramVec::new(
            HistogramOpts::new("capconduit_http_request_seconds", "Time from request to answer")
                .buckets(BUCKETS.into()),
            &["method", "route"],
        )?;
        registry.register(Box::new(latency.clone()))?;
        let hashing = Histogram::with_opts(
            HistogramOpts::new("capconduit_login_seconds", "Time of a login, hashing included")
                .buckets(BUCKETS.into()),
        )?;
        registry.register(Box::new(hashing.clone()))?;
        Ok(Metrics {
            requests: counters(
                "capconduit_http_requests_total",
                "Requests answered",
                &["method", "route", "status"],
            )?,
            pool: gauges(
                "capconduit_pool_connections",
                "Database connections of this service",
                &["state"],
            )?,
            database: Database {
                up: gauge(
                    "capconduit_database_up",
                    "1 when the database answered the last look",
                )?,
                calls: gauges("capconduit_calls_in_flight", "Calls in flight", &["slot"])?,
                expired_leases: gauge("capconduit_leases_expired", "Calls in flight whose lease is over")?,
                oldest_xmin: gauge(
                    "capconduit_oldest_xmin_age",
                    "Age of the oldest snapshot, in transactions",
                )?,
                records: counters(
                    "capconduit_call_records_total",
                    "Call records by outcome since this service started; LOST and REJECTED_* among them",
                    &["status"],
                )?,
                routed: counters(
                    "capconduit_calls_ended_total",
                    "Recorded calls since this service started, by whether a link was found for them",
                    &["routed"],
                )?,
                behind: gauge(
                    "capconduit_call_records_behind",
                    "Call records that are still to be counted: after a long gap a look counts a part of them",
                )?,
                rejects: counters(
                    "capconduit_rejects_total",
                    "Calls that route_call rejected since this service started, by reason",
                    &["reason"],
                )?,
                counted: Mutex::default(),
            },
            hashing,
            latency,
            registry,
        })
    }

    pub fn observe(&self, method: &Method, route: &str, status: u16, seconds: f64) {
        // Methods are free text on the wire: only the usual ones become labels.
        let known = [
            Method::GET,
            Method::HEAD,
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::OPTIONS,
        ];
        let method = if known.contains(method) {
            method.as_str()
        } else {
            "other"
        };
        self.requests
            .with_label_values(&[method, route, &status.to_string()])
            .inc();
        self.latency.with_label_values(&[method, route]).observe(seconds);
    }
}

pub fn router(app: AppState) -> Router {
    Router::new().route("/metrics", get(show)).with_state(app)
}

async fn show(State(app): State<AppState>) -> Response {
    let asked = tokio::time::timeout(FRESH, ask_database(&app)).await;
    let up = matches!(asked, Ok(Ok(())));
    app.metrics.database.up.set(i64::from(up));
    let status = app.store.pool.status();
    let idle = i64::try_from(status.available).unwrap_or(0);
    let open = i64::try_from(status.size).unwrap_or(0);
    let waiting = i64::try_from(status.waiting).unwrap_or(0);
    for (state, value) in [("idle", idle), ("in_use", open - idle), ("awaited", waiting)] {
        app.metrics.pool.with_label_values(&[state]).set(value);
    }
    encode(&app.metrics.registry)
}

/// A registry as Prometheus reads it.
pub(crate) fn encode(registry: &Registry) -> Response {
    let mut text = Vec::new();
    if TextEncoder::new().encode(&registry.gather(), &mut text).is_err() {
        return axum::http::StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}

async fn ask_database(app: &AppState) -> ApiResult<()> {
    let metrics = &app.metrics.database;
    let mut counted = metrics.counted.lock().await;
    if counted.asked.is_some_and(|asked| asked.elapsed() < FRESH) {
        return Ok(());
    }
    let tx = app.store.read(&Identity::INTERNAL).await?;
    let live = tx.row(LIVE, &[]).await?;
    metrics.calls.with_label_values(&["held"]).set(live.get(0));
    metrics.calls.with_label_values(&["none"]).set(live.get(1));
    metrics.expired_leases.set(live.get(2));
    metrics.oldest_xmin.set(live.get(3));
    // The database answers: that the records take longer, as on a slow disk, does not mean that it is down.
    counted.asked = Some(Instant::now());
    let Counted { record, reject, .. } = &mut *counted;
    let counting = async {
        // First: they are few, and a slow count of records would leave them out at each look.
        count_new_rejects(&tx, metrics, reject).await?;
        count_new_records(&tx, metrics, record).await
    };
    if let Ok(done) = tokio::time::timeout(COUNTING, counting).await {
        done?;
        tx.commit().await?;
    }
    Ok(())
}

async fn count_new_rejects(tx: &Tx, metrics: &Database, counted: &mut Option<i64>) -> ApiResult<()> {
    let Some(last) = *counted else {
        *counted = Some(tx.row(NEWEST_REJECT, &[]).await?.get(0));
        return Ok(());
    };
    // The extension's own words: nobody else can make labels.
    for row in tx.rows(NEW_REJECTS, &[&last, &RECORDS_AT_ONCE]).await? {
        let count = u64::try_from(row.get::<_, i64>(1)).unwrap_or(0);
        metrics
            .rejects
            .with_label_values(&[row.get::<_, &str>(0)])
            .inc_by(count);
        *counted = (*counted).max(row.get(2));
    }
    Ok(())
}

/// Counts the records behind the last one that was counted. `counted` moves on with each statement.
async fn count_new_records(tx: &Tx, metrics: &Database, counted: &mut Option<i64>) -> ApiResult<()> {
    let Some(last) = counted else {
        *counted = Some(tx.row(NEWEST_RECORD, &[]).await?.get(0));
        return Ok(());
    };
    let end: i64 = tx.row(OLD_ENOUGH, &[&RECORDS_AT_ONCE]).await?.get(0);
    for _ in 0..STATEMENTS_OF_A_LOOK {
        let mut read = 0;
        for row in tx.rows(NEW_RECORDS, &[last, &end, &RECORDS_AT_ONCE]).await? {
            let count = u64::try_from(row.get::<_, i64>(2)).unwrap_or(0);
            metrics
                .records
                .with_label_values(&[status_label(row.get(0))])
                .inc_by(count);
            let routed = if row.get(1) { "yes" } else { "no" };
            metrics.routed.with_label_values(&[routed]).inc_by(count);
            *last = row.get::<_, i64>(3).max(*last);
            read = row.get(4);
        }
        if read < RECORDS_AT_ONCE {
            metrics.behind.set(0);
            return Ok(());
        }
    }
    metrics.behind.set(end.saturating_sub(*last));
    Ok(())
}

/// A status is text that a switch sends, so only those of the contract become labels.
fn status_label(status: &str) -> &str {
    const KNOWN: &[&str] = &[
        "ANSWERED",
        "BUSY",
        "NOANSWER",
        "CANCEL",
        "CONGESTION",
        "CHANUNAVAIL",
        "FAILED_DATABASE",
        "LOST",
    ];
    const REASONS: &[&str] = &[
        "INVALID_DID_INPUT",
        "DID_NOT_FOUND",
        "DID_INACTIVE",
        "OWNER_INACTIVE",
        "NO_ACTIVE_CAMPAIGN_FOR_DID",
        "NO_ACTIVE_CLIENTS_IN_CAMPAIGN",
        "NO_ELIGIBLE_CLIENTS_AVAILABLE",
        "NO_MORE_TARGETS",
        "RING_BUDGET_SPENT",
        "CALL_ENDED",
    ];
    let known = KNOWN.contains(&status)
        || status
            .strip_prefix("REJECTED_")
            .is_some_and(|r| REASONS.contains(&r));
    if known { status } else { "other" }
}
