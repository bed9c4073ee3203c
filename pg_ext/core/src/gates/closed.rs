//! Outside the hours of what a call needs: of its number and its campaign, of a link and its client. They are asked one after the other, so
//! all of them must be open.

use crate::gate::{Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::hours::Hours;
use crate::reason::Reject;

macro_rules! of_the_call {
    ($gate:ident, $name:literal, $dialled:ident => $hours:expr) => {
        pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::Closed,
            freed_by: FreedBy::Date,
            is_told: Told::WhereSet,
            rule: Rule::Call {
                stops: |$dialled, asked| is_closed($hours, asked.at),
                figures: |$dialled, asked| figures($hours, asked.at),
            },
        };
    };
}

macro_rules! of_links {
    ($gate:ident, $name:literal, $hours:ident) => {
        pub static $gate: Gate = Gate {
            name: $name,
            says: Reject::AllClosed,
            freed_by: FreedBy::Date,
            is_told: Told::WhereSet,
            rule: Rule::Link {
                stops: |link, asked| is_closed(link.$hours.as_ref(), asked.at),
                figures: |link, asked| figures(link.$hours.as_ref(), asked.at),
            },
        };
    };
}

of_the_call!(DID, "did_closed", dialled => dialled.hours.as_ref());
of_the_call!(CAMPAIGN, "campaign_closed", dialled => dialled.campaign.as_ref().and_then(|campaign| campaign.hours.as_ref()));
of_links!(LINK, "link_closed", hours);
of_links!(CLIENT, "client_closed", client_hours);

/// Without hours it is always open.
fn is_closed(hours: Option<&Hours>, at: i64) -> bool {
    hours.is_some_and(|hours| !hours.is_open(at))
}

/// When it opens, or closes, if that is within 400 days.
fn figures(hours: Option<&Hours>, at: i64) -> Figures {
    let Some(hours) = hours else {
        return Figures::new();
    };
    let (name, change) = if hours.is_open(at) {
        ("closes_at", hours.closes_at(at))
    } else {
        ("opens_at", hours.opens_at(at))
    };
    let mut figures = vec![("schedule_id", Figure::Count(hours.schedule_id))];
    figures.extend(change.map(|at| (name, Figure::Instant(at))));
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Link;
    use crate::facts::tests::link;
    use crate::gate::Asked;
    use crate::gates::tests::{figures, stops};
    use crate::hours::tests::mondays;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn a_link_is_told_when_it_opens_and_when_it_closes() {
        let open_on_mondays = Link {
            client_hours: Some(mondays()),
            ..link(1)
        };
        let at = |at| Asked {
            at,
            ..Asked::default()
        };
        let (nine, five) = (57 * HOUR, 65 * HOUR);
        assert!(stops(&CLIENT, &open_on_mondays, &at(nine - 1)));
        assert!(!stops(&CLIENT, &open_on_mondays, &at(nine)) && !stops(&LINK, &open_on_mondays, &at(0)));
        assert!(stops(&CLIENT, &open_on_mondays, &at(five)));
        assert_eq!(
            figures(&CLIENT, &open_on_mondays, &at(0)),
            [
                ("schedule_id", Figure::Count(1)),
                ("opens_at", Figure::Instant(nine))
            ]
        );
        assert_eq!(
            figures(&CLIENT, &open_on_mondays, &at(nine)),
            [
                ("schedule_id", Figure::Count(1)),
                ("closes_at", Figure::Instant(five))
            ]
        );
        assert!(figures(&LINK, &open_on_mondays, &at(0)).is_empty());
    }
}
