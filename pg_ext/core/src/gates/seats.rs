//! A client has as many calls as seats, or has stopped telling them.

use crate::gate::{Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;
use crate::seats::Seats;

/// As many calls as it has seats.
pub static FULL: Gate = Gate {
    name: "client_seats",
    says: Reject::NoEligibleClientsAvailable,
    freed_by: FreedBy::CallEnd,
    is_told: Told::WhereSet,
    rule: Rule::Link {
        stops: |link, asked| link.client_seats.is_some_and(|seats| seats.are_taken(asked.at)),
        figures: |link, asked| match link.client_seats {
            Some(seats) if !seats.is_stale(asked.at) => {
                // Then its caps alone count.
                let opens = seats.are_taken(asked.at) && !seats.closes_when_stale;
                let mut figures = figures(seats);
                figures.extend(opens.then_some(("opens_at", Figure::Instant(seats.until))));
                figures
            }
            _ => Figures::new(),
        },
    },
};

/// Nobody knows its seats any more, and it takes no calls then.
pub static STALE: Gate = Gate {
    name: "client_seats_stale",
    says: Reject::NoActiveClientsInCampaign,
    freed_by: FreedBy::Change,
    is_told: Told::WhereSet,
    rule: Rule::Link {
        stops: |link, asked| link.client_seats.is_some_and(|seats| seats.are_closed(asked.at)),
        figures: |link, asked| match link.client_seats {
            Some(seats) if seats.is_stale(asked.at) => figures(seats),
            _ => Figures::new(),
        },
    },
};

fn figures(seats: Seats) -> Figures {
    vec![
        ("seats", Figure::Count(seats.seats.into())),
        ("used", Figure::Count(seats.active.into())),
        ("told_until", Figure::Instant(seats.until)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Link;
    use crate::facts::tests::link;
    use crate::gate::Asked;
    use crate::gates::judge;
    use crate::gates::tests::figures;

    const UNTIL: i64 = 90_000_000;

    fn told(seats: i32, active: i32, closes_when_stale: bool) -> Link {
        Link {
            client_seats: Some(Seats {
                seats,
                active,
                until: UNTIL,
                closes_when_stale,
            }),
            ..link(1)
        }
    }

    fn at(at: i64) -> Asked<'static> {
        Asked {
            at,
            ..Asked::default()
        }
    }

    #[test]
    fn each_call_takes_a_seat() {
        for (seats, active, verdict) in [
            (2, 1, "eligible"),
            (2, 2, "client_seats"),
            (2, 3, "client_seats"),
            (0, 0, "client_seats"),
        ] {
            assert_eq!(judge(&told(seats, active, true), &at(UNTIL - 1)).token(), verdict);
        }
    }

    #[test]
    fn what_is_stale_opens_or_closes() {
        assert_eq!(judge(&told(0, 5, false), &at(UNTIL)).token(), "eligible");
        assert_eq!(judge(&told(9, 0, true), &at(UNTIL)).token(), "client_seats_stale");
    }

    #[test]
    fn one_of_the_two_has_the_figures() {
        let link = told(2, 1, true);
        let of = |gate, asked| figures(gate, &link, &at(asked));
        assert_eq!(of(&FULL, 0)[0], ("seats", Figure::Count(2)));
        assert_eq!(of(&STALE, UNTIL)[1], ("used", Figure::Count(1)));
        assert!(of(&FULL, UNTIL).is_empty() && of(&STALE, 0).is_empty());
        let opens = |link: &Link| {
            figures(&FULL, link, &at(0))
                .into_iter()
                .find(|(name, _)| *name == "opens_at")
        };
        assert_eq!(
            opens(&told(0, 0, false)),
            Some(("opens_at", Figure::Instant(UNTIL)))
        );
        assert_eq!(
            (opens(&told(0, 0, true)), opens(&told(1, 0, false))),
            (None, None)
        );
    }
}
