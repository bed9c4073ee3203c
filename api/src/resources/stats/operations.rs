//! Makes a report out of two statements.

use super::report::Report;
use super::request::Request;
use super::statements::{FAILED_ATTEMPTS, FIGURES};
use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::store::tx::{PLAN_FOR_VALUES, Tx};
use capconduit_core::zone::Offsets;

pub const SELLER_STATEMENTS: &[&str] = &[FIGURES, FAILED_ATTEMPTS];

/// Row level security shows a seller the own calls alone.
pub async fn report(tx: &Tx, r: Request) -> ApiResult<Report> {
    let offsets = Offsets::of(&r.period.zone, r.from, r.until);
    tx.set(PLAN_FOR_VALUES).await?;
    let figures = tx
        .rows(
            FIGURES,
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
            FAILED_ATTEMPTS,
            &[&r.from, &r.until, &r.user_id, &r.campaign_id, &r.did_id],
        )
        .await?;
    let mut report = Report::new(
        Instant(r.from),
        Instant(r.until),
        r.period.zone_name,
        r.min_talk_seconds,
    );
    figures.iter().for_each(|row| report.add_figures(row));
    failed.iter().for_each(|row| report.add_failed_attempts(row));
    Ok(report)
}
