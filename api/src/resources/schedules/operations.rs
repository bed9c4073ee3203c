//! What is done with schedules, in SQL. Row level security shows a seller its own and the platform's, and lets each change its own.

use capconduit_core::SetBy;
use serde_json::Value;

use super::list::columns;
use super::objects::{ImportedDates, NewSchedule, Schedule, ScheduleChange, check};
use crate::error::{ApiError, ApiResult};
use crate::http::list::{Listed, Request};
use crate::http::page::Page;
use crate::http::version::IfMatch;
use crate::store::tx::Tx;

const ONE: &str = concat!("select ", columns!(), " from schedules where id = $1");
const INSERT: &str = "\
    insert into schedules (user_id, name, time_zone, weekly, exceptions)
    values (case when $1 then session_user_id() end, $2, $3, $4, $5) returning id";
const LOCK: &str = "select version from schedules where id = $1 for no key update";
/// As the deletion itself locks it.
const LOCK_TO_DELETE: &str = "select version from schedules where id = $1 for update";
const UPDATE: &str =
    "update schedules set name = $2, time_zone = $3, weekly = $4, exceptions = $5 where id = $1";
const DELETE: &str = "delete from schedules where id = $1";

pub const STATEMENTS: &[&str] = &[ONE, INSERT, LOCK, LOCK_TO_DELETE, UPDATE, DELETE];

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Schedule with ID {id} not found."))
}

fn name_taken(error: ApiError, name: &str) -> ApiError {
    error.or_conflict("schedules_user_id_name_key", "name_taken", || {
        format!("Schedule name '{name}' already exists")
    })
}

pub async fn list<L: Listed<Item = Schedule>>(tx: &Tx, request: &Request<L>) -> ApiResult<Page<Schedule>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<Schedule> {
    let row = tx.optional_row(ONE, &[&id]).await?;
    row.as_ref().map(Schedule::from).ok_or_else(|| unknown(id))
}

/// To change it.
pub async fn find_own(tx: &Tx, by: SetBy, id: i64) -> ApiResult<Schedule> {
    let schedule = find(tx, id).await?;
    if schedule.set_by == by.name() {
        return Ok(schedule);
    }
    let whose = by.other().in_words();
    let text = format!("Schedule {id} was set by {whose}, which alone can change it.");
    Err(ApiError::forbidden("set_by_another", text))
}

pub async fn create(tx: &Tx, by: SetBy, new: NewSchedule) -> ApiResult<Schedule> {
    check(&new.time_zone, &new.weekly, &new.exceptions)?;
    let of_seller = by == SetBy::Seller;
    let row = tx
        .row(
            INSERT,
            &[
                &of_seller,
                &new.name,
                &new.time_zone,
                &new.weekly,
                &new.exceptions,
            ],
        )
        .await
        .map_err(|error| name_taken(error, &new.name))?;
    find(tx, row.get("id")).await
}

/// Calls that are decided from its commit on go by it.
pub async fn update(
    tx: &Tx,
    by: SetBy,
    id: i64,
    if_match: &IfMatch,
    change: ScheduleChange,
) -> ApiResult<Schedule> {
    find_own(tx, by, id).await?;
    // Locked first: what is not changed is that of now.
    let locked = tx.optional_row(LOCK, &[&id]).await?;
    if_match
        .check_locked(tx, locked.as_ref(), async |tx| find(tx, id).await)
        .await?;
    let was = find(tx, id).await?;
    let name = change.name.unwrap_or(was.name);
    let time_zone = change.time_zone.unwrap_or(was.time_zone);
    let weekly = change.weekly.unwrap_or(was.weekly);
    let exceptions = change.exceptions.unwrap_or(was.exceptions);
    check(&time_zone, &weekly, &exceptions)?;
    tx.execute(UPDATE, &[&id, &name, &time_zone, &weekly, &exceptions])
        .await
        .map_err(|error| name_taken(error, &name))?;
    find(tx, id).await
}

/// Not while something has it.
pub async fn delete(tx: &Tx, by: SetBy, id: i64, if_match: &IfMatch) -> ApiResult<()> {
    find_own(tx, by, id).await?;
    if_match
        .check(tx, LOCK_TO_DELETE, &[&id], async |tx| find(tx, id).await)
        .await?;
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(unknown(id)),
        _ => Ok(()),
    }
}

/// Dates take the place of what the schedule has for these; the others stay.
pub async fn import(tx: &Tx, by: SetBy, id: i64, new: Vec<Value>) -> ApiResult<ImportedDates> {
    find_own(tx, by, id).await?;
    tx.optional_row(LOCK, &[&id]).await?;
    let was = find(tx, id).await?;
    let imported = new.len();
    let date = |value: &Value| value["date"].as_str().unwrap_or_default().to_owned();
    let kept = was.exceptions.as_array().into_iter().flatten();
    let mut all: Vec<Value> = kept
        .filter(|old| new.iter().all(|new| date(new) != date(old)))
        .cloned()
        .collect();
    all.extend(new);
    all.sort_by_key(date);
    let exceptions = Value::Array(all);
    check(&was.time_zone, &was.weekly, &exceptions)?;
    tx.execute(
        UPDATE,
        &[&id, &was.name, &was.time_zone, &was.weekly, &exceptions],
    )
    .await?;
    Ok(ImportedDates {
        imported,
        schedule: find(tx, id).await?,
    })
}
