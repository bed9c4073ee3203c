//! Days of a zone in a request: `start_date`, `end_date` and `tz`.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use utoipa::IntoParams;

use super::clock;
use super::params::Params;
use crate::error::{ApiError, ApiResult};
use capconduit_core::zone;

/// Days of a zone, as instants: from the first day's start to the last day's end.
#[derive(Debug, Clone)]
pub struct Period {
    pub zone: TimeZone,
    pub zone_name: String,
    pub from: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Period {
    pub fn read(params: &Params) -> ApiResult<Self> {
        let zone_name = params.given("tz")?.unwrap_or("UTC").to_owned();
        let zone = zone::parse(&zone_name).ok_or_else(|| {
            let shown: String = zone_name.chars().filter(|c| !c.is_control()).take(64).collect();
            let text = format!("Time zone '{shown}' is not accepted: {}.", zone::EXPECTED);
            ApiError::field(&["tz"], text)
        })?;
        let first = day(params, "start_date")?;
        let last = day(params, "end_date")?;
        let start = |day: Date| clock::day_start(day, &zone);
        Ok(Period {
            from: first.and_then(start),
            until: last.and_then(|day| day.tomorrow().ok()).and_then(start),
            zone,
            zone_name,
        })
    }
}

fn day(params: &Params, key: &str) -> ApiResult<Option<Date>> {
    let Some(text) = params.given(key)? else {
        return Ok(None);
    };
    let day = clock::parse_day(text)
        .ok_or_else(|| ApiError::field(&[key], format!("Invalid {key} format: YYYY-MM-DD is expected.")))?;
    Ok(Some(day))
}

/// Described for the API; read by `Period::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that Period::read reads")]
pub struct DaysParams {
    /// First day, YYYY-MM-DD, in `tz`.
    #[param(example = "2026-03-01")]
    start_date: Option<String>,
    /// Last day, included.
    #[param(example = "2026-03-31")]
    end_date: Option<String>,
    /// IANA's name of the days' zone; default UTC. Abbreviations such as CET are refused.
    #[param(example = "Europe/Berlin")]
    tz: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_23_to_25_hours() {
        let hours = |query: &str| {
            let period = Period::read(&Params::parse(query)).unwrap();
            period
                .until
                .unwrap()
                .duration_since(period.from.unwrap())
                .as_hours()
        };
        assert_eq!(
            hours("start_date=2026-03-29&end_date=2026-03-29&tz=Europe/Berlin"),
            23
        );
        assert_eq!(
            hours("start_date=2026-10-25&end_date=2026-10-25&tz=Europe/Berlin"),
            25
        );
        assert_eq!(hours("start_date=2026-10-25&end_date=2026-10-25"), 24);
        for bad in [
            "start_date=2026-3-1",
            "start_date=2026-02-30",
            "end_date=x",
            "tz=Mars/Olympus",
            "tz=UTC-5:00",
        ] {
            assert!(Period::read(&Params::parse(bad)).is_err(), "{bad}");
        }
    }
}
