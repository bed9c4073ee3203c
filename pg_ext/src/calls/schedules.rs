//! Schedules that are attached: each is read and taken apart once in a backend, and remembered as long as its row has the same version.

use std::cell::RefCell;
use std::collections::HashMap;

use capconduit_core::hours::Hours;
use capconduit_core::{schedule_json, zone};

use crate::postgres::access;
use crate::postgres::argument::arg;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::scan::Row;
use crate::postgres::tables::schedules;

static SCHEDULES: Lookup<schedules::Of> =
    lookup!(schedules by schedules_pkey (Int8): version, time_zone, weekly, exceptions).remembering();

/// Too few: schedules drive each other out. Too many: some 100 KB of each with a thousand exceptions.
const MOST: usize = 500;

thread_local! {
    static KNOWN: RefCell<HashMap<i64, Hours>> = RefCell::default();
}

/// None where nothing is attached.
pub fn read_hours(at: At, schedule_id: Option<i64>) -> Option<Hours> {
    let id = schedule_id?;
    SCHEDULES.first(at, arg(id), |row| {
        let version = row.need(schedules::version);
        KNOWN.with_borrow_mut(|known| {
            let remembered = known.get(&id).filter(|hours| hours.version == version);
            if let Some(hours) = remembered {
                return hours.clone();
            }
            if known.len() >= MOST {
                known.clear();
            }
            let hours = parse(id, version, &row);
            known.insert(id, hours.clone());
            hours
        })
    })
}

/// A zone that nothing is known of any more counts as UTC, as for caps.
fn parse(id: i64, version: i64, row: &Row<'_, schedules::Of>) -> Hours {
    let name = row.need(schedules::time_zone);
    let name = zone::parse(name).map_or(zone::UTC, |_| name);
    let (weekly, exceptions) = (row.need(schedules::weekly), row.need(schedules::exceptions));
    match schedule_json::read(name, &weekly.0, &exceptions.0) {
        Ok(schedule) => Hours::new(id, version, schedule),
        Err(fault) => access::refuse(
            schedules::NAME,
            &format!("schedule {id}: {}: {}", fault.list, fault.text),
        ),
    }
}
