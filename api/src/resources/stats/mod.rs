//! /api/seller/stats and /api/admin/stats: what happened in a period, in the caller's time zone, attributed by start time.

mod report;
mod sql;

use axum::Json;
use axum::extract::State;
use jiff::{Timestamp, ToSpan};
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::answers::{BadFilter, Denied};
use super::logs::filter::Period;
use crate::app::AppState;
use crate::app::caller::{Seller, Staff, User};
use crate::error::{ApiError, ApiResult};
use crate::http::clock::{Instant, day_start};
use crate::http::params::Params;
use crate::http::zone::Offsets;
use crate::store::tx::PLAN_FOR_VALUES;
use report::Report;

const DEFAULT_DAYS: i64 = 30;

pub const SELLER_STATEMENTS: &[&str] = &[sql::FIGURES, sql::FAILED_ATTEMPTS];

pub fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(stats))
        .routes(routes!(stats_of_all))
}

/// Described for the API; read by `request`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that `Request::read` reads")]
struct StatsParams {
    /// First day, YYYY-MM-DD, in `tz`. Default: 30 days before the last one.
    #[param(example = "2026-03-01")]
    start_date: Option<String>,
    /// Last day, included. Default: today.
    #[param(example = "2026-03-31")]
    end_date: Option<String>,
    /// IANA's name of the zone of days and hours; default UTC. Abbreviations such as CET are refused.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
    /// Talk seconds from which an answered call counts as converted.
    #[param(minimum = 0, default = 30)]
    min_talk_seconds: Option<i32>,
    campaign_id: Option<i64>,
    did_id: Option<i64>,
}

#[derive(Debug)]
struct Request {
    period: Period,
    from: Timestamp,
    until: Timestamp,
    min_talk_seconds: i32,
    user_id: Option<i64>,
    campaign_id: Option<i64>,
    did_id: Option<i64>,
}

impl Request {
    fn read(params: &Params) -> ApiResult<Self> {
        let period = Period::read(params)?;
        let today = Timestamp::now().to_zoned(period.zone.clone()).date();
        let impossible = || {
            ApiError::field(
                &["start_date"],
                "Invalid start_date format: the day is out of range.",
            )
        };
        let until = match period.until {
            Some(until) => until,
            None => {
                day_start(today.tomorrow().map_err(|_| impossible())?, &period.zone).ok_or_else(impossible)?
            }
        };
        let from = match period.from {
            Some(from) => from,
            None => {
                let last = until.to_zoned(period.zone.clone()).date();
                let first = last.checked_sub(DEFAULT_DAYS.days()).map_err(|_| impossible())?;
                day_start(first, &period.zone).ok_or_else(impossible)?
            }
        };
        let min_talk_seconds = params.seconds("min_talk_seconds")?.unwrap_or(30);
        Ok(Request {
            from,
            until,
            min_talk_seconds,
            user_id: params.id("user_id")?,
            campaign_id: params.id("campaign_id")?,
            did_id: params.id("did_id")?,
            period,
        })
    }
}

#[utoipa::path(get, path = "/api/seller/stats", tag = "reports", params(StatsParams),
    responses((status = 200, description = "What happened to the own calls", body = Report), Denied, BadFilter))]
async fn stats(State(app): State<AppState>, seller: Seller, params: Params) -> ApiResult<Json<Report>> {
    make(&app, &seller, &params).await
}

#[utoipa::path(get, path = "/api/admin/stats", tag = "admin",
    params(StatsParams, ("user_id" = Option<i64>, Query, description = "one seller")),
    responses((status = 200, description = "What happened to all calls", body = Report), Denied, BadFilter))]
async fn stats_of_all(State(app): State<AppState>, staff: Staff, params: Params) -> ApiResult<Json<Report>> {
    make(&app, &staff, &params).await
}

async fn make(app: &AppState, user: &User, params: &Params) -> ApiResult<Json<Report>> {
    let r = Request::read(params)?;
    let offsets = Offsets::of(&r.period.zone, r.from, r.until);
    let tx = app.store.read(&user.identity()).await?;
    tx.set(PLAN_FOR_VALUES).await?;
    let figures = tx
        .rows(
            sql::FIGURES,
            &[
                &r.from,
                &r.until,
                &offsets.changes,
                &r.min_talk_seconds,
                &r.user_id,
                &r.campaign_id,
                &r.did_id,
                &offsets.seconds,
            ],
        )
        .await?;
    let failed = tx
        .rows(
            sql::FAILED_ATTEMPTS,
            &[&r.from, &r.until, &r.user_id, &r.campaign_id, &r.did_id],
        )
        .await?;
    tx.commit().await?;
    let mut report = Report::new(
        Instant(r.from),
        Instant(r.until),
        r.period.zone_name,
        r.min_talk_seconds,
    );
    figures.iter().for_each(|row| report.add_figures(row));
    failed.iter().for_each(|row| report.add_failed_attempts(row));
    Ok(Json(report))
}
