//! Caps, beside the two that each link has: of a link, of its client over all links of that one, and of a call's number, campaign and
//! seller. One gate for each subject and window, since that is what a reason tells.

use crate::cap::{Cap, Capped, Meter, Over, Use};
use crate::facts::{Dialled, Link};
use crate::gate::{Asked, Figure, Figures, FreedBy, Gate, Rule, Told};
use crate::reason::Reject;
use crate::subject::Subject;

/// Caps of one subject, and what they go by.
#[derive(Clone, Copy)]
pub struct CapsOf<'a> {
    caps: &'a [Cap],
    meter: Option<&'a Meter>,
}

pub fn of_link(link: &Link) -> CapsOf<'_> {
    CapsOf {
        caps: &link.caps,
        meter: link.meter.as_deref(),
    }
}

pub fn of_client(link: &Link) -> CapsOf<'_> {
    CapsOf {
        caps: &link.client_caps,
        meter: link.client_meter.as_deref(),
    }
}

pub fn of(capped: &Capped) -> CapsOf<'_> {
    CapsOf {
        caps: &capped.caps,
        meter: capped.meter.as_deref(),
    }
}

fn of_seller(dialled: &Dialled) -> CapsOf<'_> {
    of(&dialled.seller_caps)
}

static NOT_CAPPED: Capped = Capped::NOT;

fn of_campaign(dialled: &Dialled) -> CapsOf<'_> {
    let campaign = dialled.campaign.as_ref();
    of(campaign.map_or(&NOT_CAPPED, |campaign| &campaign.caps))
}

fn of_did(dialled: &Dialled) -> CapsOf<'_> {
    of(&dialled.did_caps)
}

macro_rules! gates {
    ($rule:ident, $says:expr; $($gate:ident: $name:literal, $of:ident, $over:ident, $freed_by:ident;)*) => {
        $(pub static $gate: Gate = Gate {
            name: $name,
            says: $says($name, FreedBy::$freed_by),
            freed_by: FreedBy::$freed_by,
            is_told: Told::WhereSet,
            rule: Rule::$rule {
                stops: |subject, asked| $of(subject).stopping(asked, Over::$over).is_some(),
                figures: |subject, asked| $of(subject).figures(asked, Over::$over),
            },
        };)*
    };
}

const fn the_call(name: &'static str, _: FreedBy) -> Reject {
    Reject::Capped(name)
}

gates! {
    Call, the_call;
    SELLER_TOTAL: "seller_total_cap", of_seller, Total, Outcome;
    SELLER_MONTH: "seller_month_cap", of_seller, Month, Outcome;
    SELLER_WEEK: "seller_week_cap", of_seller, Week, Outcome;
    SELLER_DAY: "seller_day_cap", of_seller, Day, Outcome;
    SELLER_HOUR: "seller_hour_cap", of_seller, Hour, Outcome;
    SELLER_CONCURRENT: "seller_concurrent_cap", of_seller, Concurrent, CallEnd;
    CAMPAIGN_TOTAL: "campaign_total_cap", of_campaign, Total, Outcome;
    CAMPAIGN_MONTH: "campaign_month_cap", of_campaign, Month, Outcome;
    CAMPAIGN_WEEK: "campaign_week_cap", of_campaign, Week, Outcome;
    CAMPAIGN_DAY: "campaign_day_cap", of_campaign, Day, Outcome;
    CAMPAIGN_HOUR: "campaign_hour_cap", of_campaign, Hour, Outcome;
    CAMPAIGN_CONCURRENT: "campaign_concurrent_cap", of_campaign, Concurrent, CallEnd;
    DID_TOTAL: "did_total_cap", of_did, Total, Outcome;
    DID_MONTH: "did_month_cap", of_did, Month, Outcome;
    DID_WEEK: "did_week_cap", of_did, Week, Outcome;
    DID_DAY: "did_day_cap", of_did, Day, Outcome;
    DID_HOUR: "did_hour_cap", of_did, Hour, Outcome;
    DID_CONCURRENT: "did_concurrent_cap", of_did, Concurrent, CallEnd;
}

/// Where all is over that could free one of them sooner: a call that ends frees none.
const fn nobody(_: &'static str, freed_by: FreedBy) -> Reject {
    match freed_by {
        FreedBy::Outcome => Reject::AllCapped,
        _ => Reject::NoEligibleClientsAvailable,
    }
}

gates! {
    Link, nobody;
    CLIENT_TOTAL: "client_total_cap", of_client, Total, Outcome;
    CLIENT_MONTH: "client_month_cap", of_client, Month, Outcome;
    CLIENT_WEEK: "client_week_cap", of_client, Week, Outcome;
    CLIENT_DAY: "client_day_cap", of_client, Day, Outcome;
    CLIENT_HOUR: "client_hour_cap", of_client, Hour, Outcome;
    CLIENT_CONCURRENT: "client_concurrent_cap", of_client, Concurrent, CallEnd;
    LINK_TOTAL: "link_total_cap", of_link, Total, Outcome;
    LINK_MONTH: "link_month_cap", of_link, Month, Outcome;
    LINK_WEEK: "link_week_cap", of_link, Week, Outcome;
    LINK_DAY: "link_day_cap", of_link, Day, Outcome;
    LINK_HOUR: "link_hour_cap", of_link, Hour, Outcome;
    LINK_CONCURRENT: "link_concurrent_cap", of_link, Concurrent, CallEnd;
}

/// Which of a call's own subjects is full, where a call's end would let it through.
pub fn full(gate: &Gate, dialled: &Dialled) -> Option<Subject> {
    if *gate == SELLER_CONCURRENT {
        Some(Subject::Seller(dialled.user_id))
    } else if *gate == CAMPAIGN_CONCURRENT {
        dialled
            .campaign
            .as_ref()
            .map(|campaign| Subject::Campaign(campaign.id))
    } else if *gate == DID_CONCURRENT {
        Some(Subject::Did(dialled.did_id))
    } else {
        None
    }
}

const UNKNOWN: Use = Use {
    used: i64::MAX,
    in_flight: 0,
    resets_at: None,
};

impl<'a> CapsOf<'a> {
    /// Each with what is used of it.
    pub fn all(self, asked: &Asked<'_>) -> impl Iterator<Item = (Cap, Use)> + use<'a> {
        let at = asked.at;
        self.caps.iter().map(move |cap| self.with_use(cap, at))
    }

    fn over(self, asked: &Asked<'_>, window: Over) -> impl Iterator<Item = (Cap, Use)> + use<'a> {
        let at = asked.at;
        let over = self.caps.iter().filter(move |cap| cap.over == window);
        over.map(move |cap| self.with_use(cap, at))
    }

    /// Without a meter nothing is known of it, and nothing lets a call through that a cap is to stop.
    fn with_use(self, cap: &Cap, at: i64) -> (Cap, Use) {
        (*cap, self.meter.map_or(UNKNOWN, |meter| meter.used(cap, at)))
    }

    /// Whether each has room.
    pub fn let_through(self, asked: &Asked<'_>) -> bool {
        self.all(asked).all(|(cap, used)| !cap.stops(used))
    }

    fn stopping(self, asked: &Asked<'_>, window: Over) -> Option<(Cap, Use)> {
        if self.caps.is_empty() {
            return None;
        }
        self.over(asked, window).find(|(cap, used)| cap.stops(*used))
    }

    /// Of the cap that stops; or else how many let the call through.
    fn figures(self, asked: &Asked<'_>, window: Over) -> Figures {
        let Some((cap, used)) = self.stopping(asked, window) else {
            let caps = self.caps.iter().filter(|cap| cap.over == window).count();
            return (caps > 0)
                .then_some(("caps", Figure::Count(caps as i64)))
                .into_iter()
                .collect();
        };
        let mut figures = vec![
            ("cap_id", Figure::Count(cap.id)),
            ("used", Figure::Count(used.used)),
            ("in_flight", Figure::Count(used.in_flight)),
            ("limit", Figure::Count(cap.max_calls)),
        ];
        // A closed one has another window, and stays closed.
        let resets_at = used.resets_at.filter(|_| cap.max_calls > 0);
        figures.extend(resets_at.map(|at| ("resets_at", Figure::Instant(at))));
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cap::Counted;
    use crate::cap::tests::{cap, meter};
    use crate::facts::tests::link;
    use crate::gates::judge;
    use crate::gates::tests::{figures, stops};

    fn capped(caps: Vec<Cap>) -> Link {
        Link {
            caps,
            meter: Some(Box::new(meter())),
            ..link(1)
        }
    }

    #[test]
    fn a_full_cap_stops_and_one_that_only_warns_does_not() {
        let asked = Asked {
            at: 3_600_000_000,
            ..Asked::default()
        };
        let full = cap(Counted::Answered, Over::Day, 5);
        let link = capped(vec![cap(Counted::Offered, Over::Day, 9), full]);
        assert!(stops(&LINK_DAY, &link, &asked) && !stops(&LINK_HOUR, &link, &asked));
        assert_eq!(judge(&link, &asked).token(), "link_day_cap");
        assert_eq!(
            figures(&LINK_DAY, &link, &asked),
            [
                ("cap_id", Figure::Count(1)),
                ("used", Figure::Count(3)),
                ("in_flight", Figure::Count(2)),
                ("limit", Figure::Count(5)),
                ("resets_at", Figure::Instant(24 * 3_600_000_000)),
            ]
        );
        let warned = capped(vec![Cap {
            is_enforced: false,
            ..full
        }]);
        assert!(!stops(&LINK_DAY, &warned, &asked));
        assert_eq!(figures(&LINK_DAY, &warned, &asked), [("caps", Figure::Count(1))]);
        assert_eq!(figures(&LINK_HOUR, &warned, &asked), []);
    }

    #[test]
    fn what_holds_longest_is_told_first() {
        let asked = Asked::default();
        let closed = |over| cap(Counted::Offered, over, 0);
        let all = Over::ALL.map(closed).to_vec();
        let mut link = Link {
            client_caps: all.clone(),
            client_meter: Some(Box::new(meter())),
            ..capped(all)
        };
        for over in Over::ALL {
            assert_eq!(
                judge(&link, &asked).token(),
                format!("client_{}_cap", over.name())
            );
            link.client_caps.remove(0);
            assert_eq!(judge(&link, &asked).token(), format!("link_{}_cap", over.name()));
            link.caps.remove(0);
        }
        assert_eq!(judge(&link, &asked).token(), "eligible");
    }

    /// In the order of the list, each opened after the other.
    #[test]
    fn of_a_call_what_holds_longest_is_told_first_too() {
        use crate::facts::tests::dialled;
        use crate::gates::admit;
        let closed = || Capped {
            caps: Over::ALL.map(|over| cap(Counted::Offered, over, 0)).to_vec(),
            meter: Some(Box::new(meter())),
            ..Capped::NOT
        };
        let mut call = dialled();
        call.seller_caps = closed();
        call.did_caps = closed();
        call.campaign.as_mut().unwrap().caps = closed();
        let asked = Asked::default();
        for told in Reject::CAPPED {
            let gate = admit(&call, &asked).unwrap_err();
            assert_eq!((gate.name, gate.says), (told.token(), told));
            let is_full = full(gate, &call).is_some();
            assert_eq!(is_full, gate.freed_by == FreedBy::CallEnd, "{gate:?}");
            let capped = match gate.name.split('_').next() {
                Some("seller") => &mut call.seller_caps,
                Some("did") => &mut call.did_caps,
                _ => &mut call.campaign.as_mut().unwrap().caps,
            };
            capped.caps.remove(0);
        }
        assert!(admit(&call, &asked).is_ok());
    }

    #[test]
    fn no_instant_opens_what_is_closed() {
        let closed = |max_calls| capped(vec![cap(Counted::Offered, Over::Day, max_calls)]);
        let asked = Asked::default();
        let resets = |link: &Link| {
            figures(&LINK_DAY, link, &asked)
                .iter()
                .any(|(name, _)| *name == "resets_at")
        };
        assert!(stops(&LINK_DAY, &closed(0), &asked) && !resets(&closed(0)));
        assert!(stops(&LINK_DAY, &closed(1), &asked) && resets(&closed(1)));
    }

    #[test]
    fn a_cap_without_a_meter_is_closed() {
        let link = Link {
            meter: None,
            ..capped(vec![cap(Counted::Offered, Over::Hour, 1000)])
        };
        assert!(stops(&LINK_HOUR, &link, &Asked::default()));
        let link = Link {
            client_caps: link.caps.clone(),
            ..capped(Vec::new())
        };
        assert!(
            stops(&CLIENT_HOUR, &link, &Asked::default()) && !of_client(&link).let_through(&Asked::default())
        );
    }
}
