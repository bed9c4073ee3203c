//! Facts: what people set and what calls have left behind, as it was read at one moment. Gates judge by them.

use crate::caller_rules::CallerRule;
use crate::callers::Marked;
use crate::cap::{Cap, Capped, Meter};
use crate::hours::Hours;
use crate::overflow::Overflow;
use crate::pause::Pause;
use crate::seats::Seats;
use crate::strategy::Strategy;
use crate::subject::Subject;

/// What is known of a dialled number.
#[derive(Clone, Debug)]
pub struct Dialled {
    pub did_id: i64,
    pub did_active: bool,
    pub user_id: i64,
    pub owner_active: bool,
    /// None: always open.
    pub hours: Option<Hours>,
    /// How many campaigns have the number.
    pub campaigns: usize,
    /// The one of them that takes its calls: the first that is active, and the owner's.
    pub campaign: Option<Campaign>,
    /// The one that the calls go to that this one has nobody for. None: it has somebody, or there is none.
    pub beyond: Option<Box<Campaign>>,
    /// The ids of those behind that one.
    pub behind: Vec<i64>,
    /// The owner, or one of its campaigns or numbers, has a meter. Only then these have caps.
    pub seller_metered: bool,
    pub did_caps: Capped,
    pub seller_caps: Capped,
    /// What the seller has marked of the caller.
    pub marked: Marked,
    pub platform_marked: Marked,
    /// The owner's, over all its campaigns.
    pub caller_rules: Vec<CallerRule>,
}

impl Dialled {
    /// What a call to it is counted by, beside its link and its client, in their order.
    pub fn subjects(&self) -> impl Iterator<Item = (Subject, &Capped)> {
        fn counted(campaign: &Campaign) -> (Subject, &Capped) {
            (Subject::Campaign(campaign.id), &campaign.caps)
        }
        let mut lower = self.campaign.as_ref().map(counted);
        let mut higher = self.beyond.as_deref().map(counted);
        if higher.is_some_and(|(higher, _)| lower.is_some_and(|(lower, _)| higher < lower)) {
            std::mem::swap(&mut lower, &mut higher);
        }
        let all = [
            Some((Subject::Did(self.did_id), &self.did_caps)),
            lower,
            higher,
            Some((Subject::Seller(self.user_id), &self.seller_caps)),
        ];
        all.into_iter().flatten()
    }

    /// No call of its subjects belongs to an instant before.
    pub fn windows_from(&self) -> i64 {
        let subjects = self.subjects();
        subjects.fold(i64::MIN, |from, (_, capped)| from.max(capped.windows_from))
    }

    /// Without its caps: what is used of them is judged by the meters themselves.
    pub fn uncapped(mut self) -> Self {
        self.did_caps = Capped::NOT;
        self.seller_caps = Capped::NOT;
        let campaigns = self.campaign.iter_mut().chain(self.beyond.as_deref_mut());
        campaigns.for_each(|campaign| campaign.caps = Capped::NOT);
        self
    }

    /// A campaign that a call overflows to: its number and its seller have let it through already. What people have marked of its caller for
    /// all of the seller's campaigns holds here, too.
    pub fn overflowing_to(campaign: Campaign, seller: &Marked) -> Self {
        Dialled {
            did_id: 0,
            did_active: true,
            user_id: 0,
            owner_active: true,
            hours: None,
            campaigns: 1,
            campaign: Some(campaign),
            beyond: None,
            behind: Vec::new(),
            seller_metered: false,
            did_caps: Capped::NOT,
            seller_caps: Capped::NOT,
            marked: seller.by_people(),
            platform_marked: Marked::default(),
            caller_rules: Vec::new(),
        }
    }

    /// Whether people have set the same caps for what its calls are counted by.
    pub fn is_capped_like(&self, other: &Dialled) -> bool {
        fn caps(dialled: &Dialled) -> impl Iterator<Item = (Subject, &[Cap])> {
            let subjects = dialled.subjects();
            subjects.map(|(subject, capped)| (subject, &capped.caps[..]))
        }
        caps(self).eq(caps(other))
    }

    /// Of the campaign that takes its calls.
    pub fn pause(&self) -> Option<&Pause> {
        let campaign = self.campaign.as_ref();
        campaign.and_then(|campaign| campaign.pause.as_ref())
    }
}

/// What routing needs of a campaign.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: i64,
    pub name: String,
    pub strategy: Strategy,
    pub dial_timeout_seconds: i32,
    pub max_ring_seconds: i32,
    /// How long a good call talks.
    pub qualify_seconds: i32,
    pub caps: Capped,
    pub pause: Option<Pause>,
    pub hours: Option<Hours>,
    /// What is marked of the caller.
    pub marked: Marked,
    pub rejects_anonymous: bool,
    /// The least time between two calls of one caller.
    pub min_redial_seconds: Option<i32>,
    pub caller_rules: Vec<CallerRule>,
    /// Where the calls go that it has nobody for.
    pub overflow: Overflow,
}

impl Campaign {
    /// Whether people have set the same for callers that call again, and for who is asked then.
    pub fn asks_like(&self, other: &Campaign) -> bool {
        (self.id, self.strategy, self.min_redial_seconds)
            == (other.id, other.strategy, other.min_redial_seconds)
            && self.caller_rules == other.caller_rules
            && self.overflow == other.overflow
    }
}

/// One campaign–client link, with its counters.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: i64,
    pub client_id: i64,
    pub client_identifier: String,
    pub link_active: bool,
    pub client_active: bool,
    pub pause: Option<Pause>,
    pub client_pause: Option<Pause>,
    pub hours: Option<Hours>,
    pub client_hours: Option<Hours>,
    /// What is marked of the caller.
    pub marked: Marked,
    pub client_marked: Marked,
    pub caller_rules: Vec<CallerRule>,
    pub client_caller_rules: Vec<CallerRule>,
    /// Not looked up, and none, where the link or its client is inactive.
    pub contact: Contact,
    pub max_concurrency: i32,
    /// `None` = no limit, `Some(0)` = closed.
    pub total_calls_allowed: Option<i64>,
    pub forwarding_priority: i32,
    pub weight: i32,
    /// The least time between two of its calls.
    pub min_seconds_between: Option<i32>,
    /// And of its client's, over all links of that one.
    pub client_min_seconds_between: Option<i32>,
    /// How long a good call talks, where it is not as the campaign says.
    pub qualify_seconds: Option<i32>,
    /// Beside `max_concurrency` and `total_calls_allowed`.
    pub caps: Vec<Cap>,
    /// Those of its client, over all links of that one.
    pub client_caps: Vec<Cap>,
    /// Its client's meter moves with its own counters.
    pub client_metered: bool,
    /// So do those of its seller, of campaigns and numbers of that one.
    pub seller_metered: bool,
    /// Slots held now, ringing included.
    pub active: i32,
    /// Calls counted for life.
    pub counted: i64,
    /// The campaign's turn number of the link's last reservation; 0 = never.
    pub last_seq: i64,
    /// When a call last got one of its slots, in PostgreSQL's microseconds.
    pub reserved_at: Option<i64>,
    /// The same of its client, where that one has a meter.
    pub client_reserved_at: Option<i64>,
    /// What its client has told of its seats.
    pub client_seats: Option<Seats>,
    /// When the last of its present windows began: no call belongs to an instant before.
    pub windows_from: i64,
    /// When the last of its client's present windows began, where its client has a meter.
    pub client_windows_from: i64,
    /// What caps go by, where there are any.
    pub meter: Option<Box<Meter>>,
    pub client_meter: Option<Box<Meter>>,
    pub already_tried: bool,
    /// Calls overflow to it, and this one has not.
    pub kept_back: bool,
}

impl Link {
    /// When a call that asks at that instant gets its slot: where a clock was set back it belongs to the windows that are present.
    pub fn reserves_at(&self, asked_at: i64) -> i64 {
        asked_at.max(self.windows_from).max(self.client_windows_from)
    }

    /// Whether people have set the same for it. What its calls and its client's registrations change is not asked.
    pub fn is_set_like(&self, other: &Link) -> bool {
        // Whoever adds a field says here which of the two it is.
        let Link {
            id,
            client_id,
            client_identifier,
            link_active,
            client_active,
            pause,
            client_pause,
            hours,
            client_hours,
            marked,
            client_marked,
            caller_rules,
            client_caller_rules,
            contact: _,
            max_concurrency,
            total_calls_allowed,
            forwarding_priority,
            weight,
            min_seconds_between,
            client_min_seconds_between,
            qualify_seconds,
            caps,
            client_caps,
            client_metered: _,
            seller_metered: _,
            active: _,
            counted: _,
            last_seq: _,
            reserved_at: _,
            client_reserved_at: _,
            client_seats: _,
            windows_from: _,
            client_windows_from: _,
            meter: _,
            client_meter: _,
            already_tried: _,
            // Its campaign says so.
            kept_back: _,
        } = self;
        *id == other.id
            && *client_id == other.client_id
            && *client_identifier == other.client_identifier
            && *link_active == other.link_active
            && *client_active == other.client_active
            && *pause == other.pause
            && *client_pause == other.client_pause
            && *hours == other.hours
            && *client_hours == other.client_hours
            && *marked == other.marked
            && *client_marked == other.client_marked
            && *caller_rules == other.caller_rules
            && *client_caller_rules == other.client_caller_rules
            && *max_concurrency == other.max_concurrency
            && *total_calls_allowed == other.total_calls_allowed
            && *forwarding_priority == other.forwarding_priority
            && *weight == other.weight
            && *min_seconds_between == other.min_seconds_between
            && *client_min_seconds_between == other.client_min_seconds_between
            && *qualify_seconds == other.qualify_seconds
            && *caps == other.caps
            && *client_caps == other.client_caps
    }
}

/// Where a client can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contact {
    None,
    /// An address that is set.
    Fixed,
    /// By its registrations, of which the last ends then, in PostgreSQL's microseconds.
    Registered {
        until: i64,
    },
}

impl Contact {
    pub fn lasts(self, at: i64) -> bool {
        match self {
            Contact::None => false,
            Contact::Fixed => true,
            Contact::Registered { until } => until > at,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cap::tests::{cap, meter};
    use crate::cap::{Counted, Over};
    use crate::hours::tests::mondays;
    use crate::pause::tests::pause;

    pub(crate) fn link(id: i64) -> Link {
        Link {
            id,
            client_id: id,
            client_identifier: format!("client_{id}"),
            link_active: true,
            client_active: true,
            pause: None,
            client_pause: None,
            hours: None,
            client_hours: None,
            marked: Marked::default(),
            client_marked: Marked::default(),
            caller_rules: Vec::new(),
            client_caller_rules: Vec::new(),
            contact: Contact::Fixed,
            max_concurrency: 2,
            total_calls_allowed: None,
            forwarding_priority: 0,
            weight: 100,
            min_seconds_between: None,
            client_min_seconds_between: None,
            qualify_seconds: None,
            caps: Vec::new(),
            client_caps: Vec::new(),
            client_metered: false,
            seller_metered: false,
            active: 0,
            counted: 0,
            last_seq: 0,
            reserved_at: None,
            client_reserved_at: None,
            client_seats: None,
            windows_from: i64::MIN,
            client_windows_from: i64::MIN,
            meter: None,
            client_meter: None,
            already_tried: false,
            kept_back: false,
        }
    }

    pub(crate) fn dialled() -> Dialled {
        Dialled {
            did_id: 1,
            did_active: true,
            user_id: 1,
            owner_active: true,
            hours: None,
            campaigns: 1,
            campaign: Some(Campaign {
                id: 1,
                name: "Inbound".to_owned(),
                strategy: Strategy::Priority,
                dial_timeout_seconds: 25,
                max_ring_seconds: 120,
                qualify_seconds: 30,
                caps: Capped::NOT,
                pause: None,
                hours: None,
                marked: Marked::default(),
                rejects_anonymous: false,
                min_redial_seconds: None,
                caller_rules: Vec::new(),
                overflow: Overflow::default(),
            }),
            beyond: None,
            behind: Vec::new(),
            seller_metered: false,
            did_caps: Capped::NOT,
            seller_caps: Capped::NOT,
            marked: Marked::default(),
            platform_marked: Marked::default(),
            caller_rules: Vec::new(),
        }
    }

    #[test]
    fn what_calls_change_is_not_set() {
        let before = link(1);
        let after = Link {
            active: 1,
            counted: 7,
            last_seq: 9,
            reserved_at: Some(1),
            client_reserved_at: Some(1),
            windows_from: 1,
            client_windows_from: 1,
            meter: Some(Box::new(meter())),
            client_meter: Some(Box::new(meter())),
            contact: Contact::None,
            ..link(1)
        };
        assert!(before.is_set_like(&after));
        for changed in [
            Link {
                link_active: false,
                ..link(1)
            },
            Link {
                max_concurrency: 1,
                ..link(1)
            },
            Link {
                total_calls_allowed: Some(9),
                ..link(1)
            },
            Link { weight: 1, ..link(1) },
            Link {
                pause: Some(pause(1)),
                ..link(1)
            },
            Link {
                client_pause: Some(pause(1)),
                ..link(1)
            },
            Link {
                hours: Some(mondays()),
                ..link(1)
            },
            Link {
                client_hours: Some(mondays()),
                ..link(1)
            },
            Link {
                min_seconds_between: Some(1),
                ..link(1)
            },
            Link {
                client_min_seconds_between: Some(1),
                ..link(1)
            },
            Link {
                caps: vec![cap(Counted::Answered, Over::Day, 5)],
                ..link(1)
            },
            Link {
                client_caps: vec![cap(Counted::Answered, Over::Day, 5)],
                ..link(1)
            },
        ] {
            assert!(!before.is_set_like(&changed));
        }
    }
}
