//! Hours: a schedule that is attached to something, as it was read. Instants are in PostgreSQL's microseconds.

use std::rc::Rc;

use crate::meter::{microseconds, timestamp};
use crate::schedule::Schedule;

#[derive(Clone, Debug)]
pub struct Hours {
    pub schedule_id: i64,
    /// No two states of any schedules have the same.
    pub version: i64,
    schedule: Rc<Schedule>,
}

impl Hours {
    pub fn new(schedule_id: i64, version: i64, schedule: Schedule) -> Self {
        Hours {
            schedule_id,
            version,
            schedule: Rc::new(schedule),
        }
    }

    pub fn is_open(&self, at: i64) -> bool {
        self.schedule.is_open(timestamp(at))
    }

    pub fn opens_at(&self, at: i64) -> Option<i64> {
        self.schedule.opens_at(timestamp(at)).map(microseconds)
    }

    pub fn closes_at(&self, at: i64) -> Option<i64> {
        self.schedule.closes_at(timestamp(at)).map(microseconds)
    }
}

/// Those that are set alike.
impl PartialEq for Hours {
    fn eq(&self, other: &Hours) -> bool {
        (self.schedule_id, self.version) == (other.schedule_id, other.version)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::schedule::Interval;

    /// From nine to five on Mondays, in UTC.
    pub(crate) fn mondays() -> Hours {
        let interval = Interval::parse("09:00", "17:00").unwrap();
        let schedule = Schedule::new(TimeZone::UTC, &[(0, interval)], Vec::new()).unwrap();
        Hours::new(1, 1, schedule)
    }

    #[test]
    fn hours_are_those_of_postgresql_s_instants() {
        // 2000 began on a Saturday.
        let hour = 3_600_000_000;
        let monday = 2 * 24 * hour;
        let hours = mondays();
        assert!(!hours.is_open(monday + 9 * hour - 1) && hours.is_open(monday + 9 * hour));
        assert_eq!(hours.opens_at(0), Some(monday + 9 * hour));
        assert_eq!(hours.closes_at(monday + 10 * hour), Some(monday + 17 * hour));
        assert!(!hours.is_open(i64::MAX) && hours.opens_at(i64::MIN).is_some());
    }
}
