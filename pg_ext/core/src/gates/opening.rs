//! When time alone lets a call through: not when the first gate opens that stopped it, but when none is left that stops it.

use crate::facts::{Dialled, Link};
use crate::gate::{Asked, Figure, Figures, FreedBy, Gate, Rule};
use crate::gates::{OF_CALLS, OF_LINKS};

/// What a call has to pass.
#[derive(Clone, Copy)]
pub enum Pass<'a> {
    Call(&'a Dialled),
    Link(&'a Link),
}

/// Changes of what is open that are followed: of schedules that are never open together there is no end.
const MOST: usize = 200;

/// The first instant after the one that is asked for at which nothing of this stops a call. `None`: now; or something else has to happen before,
/// a call that ends or somebody who changes what is set. What is open now, and is not closed by time, is so then; who had the caller is who has had it
/// now.
pub fn opens_at(asked: &Asked<'_>, passes: &[Pass<'_>]) -> Option<i64> {
    let mut at = asked.at;
    for _ in 0..MOST {
        let then = Asked { at, ..*asked };
        let mut opens = at;
        for pass in passes {
            for gate in pass.gates() {
                if (at == asked.at || is_moved_by_time(gate)) && pass.is_stopped_by(gate, &then) {
                    let opens_by = of(&pass.figures(gate, &then)).filter(|opens| *opens > at)?;
                    opens = opens.max(opens_by);
                }
            }
        }
        if opens == at {
            return (at > asked.at).then_some(at);
        }
        at = opens;
    }
    None
}

fn is_moved_by_time(gate: &Gate) -> bool {
    match gate.freed_by {
        FreedBy::Date | FreedBy::Time | FreedBy::Outcome => true,
        FreedBy::Nothing | FreedBy::Change | FreedBy::CallEnd => false,
    }
}

/// When time alone opens a gate; `None` where something else has to happen.
fn of(figures: &Figures) -> Option<i64> {
    let named = |name: &str| ["resets_at", "opens_at", "until"].contains(&name);
    figures.iter().find_map(|(name, figure)| match figure {
        // A pause for good has no end.
        Figure::Instant(at) if named(name) && *at != i64::MAX => Some(*at),
        _ => None,
    })
}

impl Pass<'_> {
    fn gates(self) -> &'static [&'static Gate] {
        match self {
            Pass::Call(_) => &OF_CALLS,
            Pass::Link(_) => &OF_LINKS,
        }
    }

    fn is_stopped_by(self, gate: &Gate, asked: &Asked<'_>) -> bool {
        match (self, &gate.rule) {
            (Pass::Call(dialled), Rule::Call { stops, .. }) => stops(dialled, asked),
            (Pass::Link(link), Rule::Link { stops, .. }) => stops(link, asked),
            _ => false,
        }
    }

    fn figures(self, gate: &Gate, asked: &Asked<'_>) -> Figures {
        match (self, &gate.rule) {
            (Pass::Call(dialled), Rule::Call { figures, .. }) => figures(dialled, asked),
            (Pass::Link(link), Rule::Link { figures, .. }) => figures(link, asked),
            _ => Figures::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    use super::*;
    use crate::cap::tests::{cap, meter};
    use crate::cap::{Counted, Over};
    use crate::facts::Contact;
    use crate::facts::tests::{dialled, link};
    use crate::hours::Hours;
    use crate::meter::microseconds;
    use crate::pause::tests::pause;
    use crate::schedule::{Interval, Schedule};
    use crate::seats::Seats;

    const HOUR: i64 = 3_600_000_000;
    /// 2000 began on a Saturday.
    const MONDAY: i64 = 48 * HOUR;

    fn asked(at: i64) -> Asked<'static> {
        Asked {
            at,
            ..Asked::default()
        }
    }

    fn daily(zone: &str, opens: &str, closes: &str) -> Option<Hours> {
        let interval = Interval::parse(opens, closes).unwrap();
        let weekly: Vec<_> = (0..7).map(|day| (day, interval)).collect();
        let zone = TimeZone::get(zone).unwrap();
        Some(Hours::new(
            1,
            1,
            Schedule::new(zone, &weekly, Vec::new()).unwrap(),
        ))
    }

    #[test]
    fn all_that_a_call_passes_is_open_then() {
        let mut number = dialled();
        number.campaign.as_mut().unwrap().hours = daily("UTC", "07:00", "22:00");
        let mut target = link(1);
        let opens = |number: &Dialled, target: &Link, at: i64| {
            opens_at(&asked(at), &[Pass::Call(number), Pass::Link(target)])
        };
        assert_eq!(opens(&number, &target, MONDAY), Some(MONDAY + 7 * HOUR));
        assert_eq!(opens(&number, &target, MONDAY + 7 * HOUR), None, "it is open");
        target.hours = daily("UTC", "10:00", "17:00");
        assert_eq!(opens(&number, &target, MONDAY), Some(MONDAY + 10 * HOUR));
        // Never at the time of day at which both of the others are open.
        target.client_hours = daily("UTC", "05:00", "09:00");
        assert_eq!(opens(&number, &target, MONDAY), None);
    }

    #[test]
    fn what_a_window_has_used_stops_until_it_is_over() {
        let mut target = link(1);
        target.hours = daily("UTC", "10:00", "17:00");
        // Its day is the first of 2000.
        target.meter = Some(meter().into());
        target.caps = vec![cap(Counted::Offered, Over::Day, 4)];
        let opens = |target: &Link| opens_at(&asked(11 * HOUR), &[Pass::Link(target)]);
        assert_eq!(opens(&target), Some(34 * HOUR));
        // Of none no day lets any through.
        target.caps = vec![cap(Counted::Offered, Over::Day, 0)];
        assert_eq!(opens(&target), None);
    }

    #[test]
    fn where_something_else_has_to_happen_there_is_no_instant() {
        let mut target = link(1);
        target.hours = daily("UTC", "10:00", "17:00");
        let opens = |target: &Link| opens_at(&asked(MONDAY), &[Pass::Link(target)]);
        assert_eq!(opens(&target), Some(MONDAY + 10 * HOUR));
        target.pause = Some(pause(i64::MAX));
        assert_eq!(opens(&target), None);
        target.pause = None;
        target.active = target.max_concurrency;
        assert_eq!(opens(&target), None);
        target.active = 0;
        // Registered for now: nobody knows until when.
        target.contact = Contact::Registered { until: MONDAY + HOUR };
        assert_eq!(opens(&target), Some(MONDAY + 10 * HOUR));
        target.contact = Contact::None;
        assert_eq!(opens(&target), None);
    }

    #[test]
    fn told_seats_hold_until_they_are_stale() {
        let told = |closes_when_stale| Link {
            client_seats: Some(Seats {
                seats: 0,
                active: 0,
                until: MONDAY + HOUR,
                closes_when_stale,
            }),
            hours: daily("UTC", "10:00", "17:00"),
            ..link(1)
        };
        let opens = |link: &Link, at: i64| opens_at(&asked(at), &[Pass::Link(link)]);
        assert_eq!(opens(&told(false), MONDAY), Some(MONDAY + 10 * HOUR));
        assert_eq!(opens(&told(true), MONDAY), None);
    }

    /// Open together in no week before the clocks of one of them are changed.
    #[test]
    fn hours_of_two_zones_may_meet_weeks_later() {
        let friday = |zone: &str, opens: &str, closes: &str| {
            let interval = Interval::parse(opens, closes).unwrap();
            let schedule = Schedule::new(TimeZone::get(zone).unwrap(), &[(4, interval)], Vec::new());
            Some(Hours::new(1, 1, schedule.unwrap()))
        };
        let target = Link {
            hours: friday("Australia/Lord_Howe", "01:30", "20:00"),
            client_hours: friday("America/New_York", "05:00", "21:30"),
            ..link(1)
        };
        let instant = |text: &str| microseconds(text.parse().unwrap());
        let from = instant("2007-03-02T00:00:00Z");
        let found = opens_at(&asked(from), &[Pass::Link(&target)]).unwrap();
        assert!(
            (instant("2007-03-30T08:00:00Z")..instant("2007-03-31T00:00:00Z")).contains(&found),
            "{found}"
        );
    }

    fn any_hours() -> impl Strategy<Value = Option<Hours>> {
        let quarter = || (0..96u16).prop_map(|quarter| format!("{:02}:{:02}", quarter / 4, quarter % 4 * 15));
        let interval = (0..7usize, quarter(), quarter());
        let zone = proptest::sample::select(vec![
            "UTC",
            "America/New_York",
            "Asia/Kathmandu",
            "Australia/Lord_Howe",
        ]);
        let hours = (zone, proptest::collection::vec(interval, 1..6)).prop_map(|(zone, weekly)| {
            let weekly: Vec<_> = weekly
                .iter()
                .filter_map(|(day, opens, closes)| Some((*day, Interval::parse(opens, closes)?)))
                .collect();
            let schedule = Schedule::new(TimeZone::get(zone).unwrap(), &weekly, Vec::new());
            schedule.ok().map(|schedule| Hours::new(1, 1, schedule))
        });
        prop_oneof![1 => Just(None), 3 => hours]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

        /// Of number, campaign, client and link at once.
        #[test]
        fn it_is_what_a_walk_from_minute_to_minute_finds(
            (of_number, of_campaign, of_client, of_link) in (any_hours(), any_hours(), any_hours(), any_hours()),
            pause_ends in proptest::option::of(0..7 * 24 * 60i64),
            day in 0..9_000i64,
        ) {
            const MINUTE: i64 = HOUR / 60;
            let from = MONDAY + day * 24 * HOUR;
            let mut number = dialled();
            number.hours = of_number;
            let campaign = number.campaign.as_mut().unwrap();
            campaign.hours = of_campaign;
            campaign.pause = pause_ends.map(|minutes| pause(from + minutes * MINUTE));
            let target = Link { hours: of_link, client_hours: of_client, ..link(1) };
            let passes = [Pass::Call(&number), Pass::Link(&target)];
            let is_open = |at: i64| {
                let stopped = |pass: &Pass<'_>| pass.gates().iter().any(|gate| pass.is_stopped_by(gate, &asked(at)));
                !passes.iter().any(stopped)
            };
            let minutes = (0..15 * 24 * 60).map(|minute| from + minute * MINUTE);
            let walked = minutes.into_iter().find(|at| is_open(*at));
            let found = opens_at(&asked(from), &passes);
            match walked {
                Some(at) if at == from => prop_assert_eq!(found, None),
                Some(at) => prop_assert_eq!(found, Some(at)),
                // Zones whose summers differ may have to wait for it.
                None => prop_assert!(found.is_none_or(|at| at >= from + 15 * 24 * HOUR), "{found:?}"),
            }
        }
    }
}
