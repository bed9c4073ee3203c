//! Of which period, zone and calls a report is asked for.

use jiff::{Timestamp, ToSpan};
use utoipa::IntoParams;

use crate::error::{ApiError, ApiResult};
use crate::http::clock::day_start;
use crate::http::params::Params;
use crate::http::period::Period;

const DEFAULT_DAYS: i64 = 30;

/// Described for the API; read by `Request::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that `Request::read` reads")]
pub struct StatsParams {
    /// First day, YYYY-MM-DD, in `tz`. Default: 30 days before the last one.
    #[param(example = "2026-03-01")]
    pub start_date: Option<String>,
    /// Last day, included. Default: today.
    #[param(example = "2026-03-31")]
    pub end_date: Option<String>,
    /// IANA's name of the zone of days and hours; default UTC. Abbreviations such as CET are refused.
    #[param(example = "Europe/Berlin")]
    pub tz: Option<String>,
    /// Talk seconds from which an answered call counts as converted.
    #[param(minimum = 0, default = 30)]
    pub min_talk_seconds: Option<i32>,
    pub campaign_id: Option<i64>,
    pub did_id: Option<i64>,
}

#[derive(Debug)]
pub struct Request {
    pub period: Period,
    pub from: Timestamp,
    pub until: Timestamp,
    pub min_talk_seconds: i32,
    pub user_id: Option<i64>,
    pub campaign_id: Option<i64>,
    pub did_id: Option<i64>,
}

impl Request {
    pub fn read(params: &Params) -> ApiResult<Self> {
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
