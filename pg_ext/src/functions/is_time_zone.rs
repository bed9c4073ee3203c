//! `is_time_zone`: whether calls can be counted by the days of a zone of this name.

use capconduit_core::zone;
use pgrx::pg_extern;

#[pg_extern(sql = false)]
fn is_time_zone(name: Option<&str>) -> bool {
    name.is_some_and(|name| zone::parse(name).is_some())
}
