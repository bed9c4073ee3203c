//! /metrics: the service's own counters, and figures that are read from the database at most once in five seconds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use capconduit_core::Reject;
use capconduit_core::cap::Over;
use capconduit_core::outcome::{ANSWERED, LOST};
use capconduit_core::reason;
use prometheus::{IntCounterVec, IntGauge, IntGaugeVec, Registry};
use tokio::sync::Mutex;

use crate::app::{AppState, metrics};
use crate::error::ApiResult;
use crate::store::identity::Identity;
use crate::store::tx::Tx;

/// For how long figures of the database are used again. Also how long the database may take to answer.
const FRESH: Duration = Duration::from_secs(5);

/// Calls in flight with and without a slot, expired leases, and the age of the oldest snapshot, which keeps vacuum from removing
/// dead rows.
const LIVE: &str = "\
    select count(*) filter (where holds_slot) as held, count(*) filter (where not holds_slot) as slotless,
           count(*) filter (where lease_until < now()) as expired,
           coalesce((select max(age(a.backend_xmin)) from pg_catalog.pg_stat_activity a), 0)::bigint as oldest
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

/// A closed cap (0) is not full: it is meant so.
const FULL_CAPS: &str = "\
    select span, count(*) from caps_view where max_calls > 0 and used + in_flight >= max_calls group by span";

pub const STATEMENTS: &[&str] = &[
    LIVE,
    NEW_RECORDS,
    NEWEST_RECORD,
    OLD_ENOUGH,
    NEW_REJECTS,
    NEWEST_REJECT,
    FULL_CAPS,
];

#[derive(Debug)]
struct Figures {
    up: IntGauge,
    calls: IntGaugeVec,
    expired_leases: IntGauge,
    oldest_xmin: IntGauge,
    records: IntCounterVec,
    routed: IntCounterVec,
    behind: IntGauge,
    rejects: IntCounterVec,
    full_caps: IntGaugeVec,
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

impl Figures {
    fn new(registry: &Registry) -> Result<Self> {
        Ok(Figures {
            up: metrics::gauge(
                registry,
                "capconduit_database_up",
                "1 when the database answered the last look",
            )?,
            calls: metrics::gauges(
                registry,
                "capconduit_calls_in_flight",
                "Calls in flight",
                &["slot"],
            )?,
            expired_leases: metrics::gauge(
                registry,
                "capconduit_leases_expired",
                "Calls in flight whose lease is over",
            )?,
            oldest_xmin: metrics::gauge(
                registry,
                "capconduit_oldest_xmin_age",
                "Age of the oldest snapshot, in transactions",
            )?,
            records: metrics::counters(
                registry,
                "capconduit_call_records_total",
                "Call records by outcome since this service started; LOST and REJECTED_* among them",
                &["status"],
            )?,
            routed: metrics::counters(
                registry,
                "capconduit_calls_ended_total",
                "Recorded calls since this service started, by whether a link was found for them",
                &["routed"],
            )?,
            behind: metrics::gauge(
                registry,
                "capconduit_call_records_behind",
                "Call records that are still to be counted: after a long gap a look counts a part of them",
            )?,
            rejects: metrics::counters(
                registry,
                "capconduit_rejects_total",
                "Calls that route_call rejected since this service started, by reason",
                &["reason"],
            )?,
            full_caps: metrics::gauges(
                registry,
                "capconduit_caps_full",
                "Caps whose limit is reached, calls in flight included, by window",
                &["window"],
            )?,
            counted: Mutex::default(),
        })
    }
}

pub fn router(app: AppState) -> Result<Router> {
    let figures = Arc::new(Figures::new(app.metrics.registry())?);
    Ok(Router::new()
        .route("/metrics", get(show))
        .with_state((app, figures)))
}

async fn show(State((app, figures)): State<(AppState, Arc<Figures>)>) -> Response {
    let asked = tokio::time::timeout(FRESH, ask_database(&app, &figures)).await;
    let up = matches!(asked, Ok(Ok(())));
    figures.up.set(i64::from(up));
    app.metrics.observe_pool(&app.store.pool.status());
    metrics::encode(app.metrics.registry())
}

async fn ask_database(app: &AppState, metrics: &Figures) -> ApiResult<()> {
    let mut counted = metrics.counted.lock().await;
    if counted.asked.is_some_and(|asked| asked.elapsed() < FRESH) {
        return Ok(());
    }
    let tx = app.store.read(&Identity::INTERNAL).await?;
    let live = tx.row(LIVE, &[]).await?;
    metrics.calls.with_label_values(&["held"]).set(live.get("held"));
    metrics
        .calls
        .with_label_values(&["none"])
        .set(live.get("slotless"));
    metrics.expired_leases.set(live.get("expired"));
    metrics.oldest_xmin.set(live.get("oldest"));
    // The database answers: that the records take longer, as on a slow disk, does not mean that it is down.
    counted.asked = Some(Instant::now());
    let Counted { record, reject, .. } = &mut *counted;
    let counting = async {
        // First: they are few, and a slow count of records would leave them out at each look.
        count_new_rejects(&tx, metrics, reject).await?;
        count_full_caps(&tx, metrics).await?;
        count_new_records(&tx, metrics, record).await
    };
    if let Ok(done) = tokio::time::timeout(COUNTING, counting).await {
        done?;
        tx.commit().await?;
    }
    Ok(())
}

async fn count_new_rejects(tx: &Tx, metrics: &Figures, counted: &mut Option<i64>) -> ApiResult<()> {
    let Some(last) = *counted else {
        *counted = Some(tx.row(NEWEST_REJECT, &[]).await?.get(0));
        return Ok(());
    };
    // The extension's own words: nobody else can make labels.
    for row in tx.rows(NEW_REJECTS, &[&last, &RECORDS_AT_ONCE]).await? {
        let count = u64::try_from(row.get::<_, i64>("sum")).unwrap_or(0);
        metrics
            .rejects
            .with_label_values(&[row.get::<_, &str>("reason")])
            .inc_by(count);
        *counted = (*counted).max(row.get("max"));
    }
    Ok(())
}

async fn count_full_caps(tx: &Tx, metrics: &Figures) -> ApiResult<()> {
    let full = tx.rows(FULL_CAPS, &[]).await?;
    for window in Over::NAMES {
        let row = full.iter().find(|row| row.get::<_, &str>("span") == window);
        let count = row.map_or(0, |row| row.get("count"));
        metrics.full_caps.with_label_values(&[window]).set(count);
    }
    Ok(())
}

/// Counts the records behind the last one that was counted. `counted` moves on with each statement.
async fn count_new_records(tx: &Tx, metrics: &Figures, counted: &mut Option<i64>) -> ApiResult<()> {
    let Some(last) = counted else {
        *counted = Some(tx.row(NEWEST_RECORD, &[]).await?.get(0));
        return Ok(());
    };
    let end: i64 = tx.row(OLD_ENOUGH, &[&RECORDS_AT_ONCE]).await?.get(0);
    for _ in 0..STATEMENTS_OF_A_LOOK {
        let mut read = 0;
        for row in tx.rows(NEW_RECORDS, &[last, &end, &RECORDS_AT_ONCE]).await? {
            let count = u64::try_from(row.get::<_, i64>("count")).unwrap_or(0);
            metrics
                .records
                .with_label_values(&[status_label(row.get("call_status"))])
                .inc_by(count);
            let routed = if row.get("routed") { "yes" } else { "no" };
            metrics.routed.with_label_values(&[routed]).inc_by(count);
            *last = row.get::<_, i64>("max").max(*last);
            read = row.get("sum");
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
        ANSWERED,
        LOST,
        "BUSY",
        "NOANSWER",
        "CANCEL",
        "CONGESTION",
        "CHANUNAVAIL",
        "FAILED_DATABASE",
    ];
    let is_reject = || {
        let told = reason::of_status(status);
        Reject::all().any(|reject| told.as_deref() == Some(reject.token()))
    };
    if KNOWN.contains(&status) || is_reject() {
        status
    } else {
        "other"
    }
}
