//! Gates: the conditions that a link must pass to take a call now. Further caps (per hour, per client) become
//! further gates here and further rows taken in the same transaction.

use crate::total;

/// One campaign–client link as read from the database, with its counters.
#[derive(Clone, Debug)]
pub struct Link {
    pub id: i64,
    pub client_id: i64,
    pub client_identifier: String,
    pub link_active: bool,
    pub client_active: bool,
    pub has_contact: bool,
    pub max_concurrency: i32,
    /// `None` = no limit, `Some(0)` = closed.
    pub total_calls_allowed: Option<i64>,
    pub forwarding_priority: i32,
    pub weight: i32,
    /// Slots held now, ringing included.
    pub active: i32,
    /// Calls counted for life.
    pub counted: i64,
    /// The campaign's turn number of the link's last reservation; 0 = never.
    pub last_seq: i64,
    pub already_tried: bool,
}

impl Link {
    /// Whether people have set the same for it. What its calls and its client's registrations change is not asked.
    pub fn is_set_like(&self, other: &Link) -> bool {
        self.id == other.id
            && self.client_id == other.client_id
            && self.client_identifier == other.client_identifier
            && self.link_active == other.link_active
            && self.client_active == other.client_active
            && self.max_concurrency == other.max_concurrency
            && self.total_calls_allowed == other.total_calls_allowed
            && self.forwarding_priority == other.forwarding_priority
            && self.weight == other.weight
    }
}

/// What the gates say about one link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Eligible,
    AlreadyTried,
    LinkInactive,
    ClientInactive,
    NoContact,
    ConcurrencyCap,
    TotalCap,
    /// It may have room, but another transaction holds its counters. No gate says so: whoever waited for them does.
    Held,
}

impl Verdict {
    /// The stable token in `explain_route` and in decisions.
    pub fn token(self) -> &'static str {
        match self {
            Verdict::Eligible => "eligible",
            Verdict::AlreadyTried => "already_tried",
            Verdict::LinkInactive => "link_inactive",
            Verdict::ClientInactive => "client_inactive",
            Verdict::NoContact => "no_contact",
            Verdict::ConcurrencyCap => "concurrency_cap",
            Verdict::TotalCap => "total_cap",
            Verdict::Held => "held",
        }
    }

    /// At a cap: the link would take the call if it had room.
    pub fn is_full(self) -> bool {
        matches!(self, Verdict::ConcurrencyCap | Verdict::TotalCap)
    }
}

/// A gate either lets a link through (`None`) or says what stops it.
type Gate = fn(&Link) -> Option<Verdict>;

/// In the order in which a reason is told.
const GATES: [Gate; 6] = [
    |link| link.already_tried.then_some(Verdict::AlreadyTried),
    |link| (!link.link_active).then_some(Verdict::LinkInactive),
    |link| (!link.client_active).then_some(Verdict::ClientInactive),
    |link| (!link.has_contact).then_some(Verdict::NoContact),
    // A total cap outlasts the calls in flight, so it is told first where both are reached.
    |link| {
        let has_room = total::has_room(link.counted, link.active, link.total_calls_allowed);
        (!has_room).then_some(Verdict::TotalCap)
    },
    |link| (link.active >= link.max_concurrency).then_some(Verdict::ConcurrencyCap),
];

/// The first gate that stops the link, or `Eligible`.
pub fn judge(link: &Link) -> Verdict {
    GATES
        .iter()
        .find_map(|gate| gate(link))
        .unwrap_or(Verdict::Eligible)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn link(id: i64) -> Link {
        Link {
            id,
            client_id: id,
            client_identifier: format!("client_{id}"),
            link_active: true,
            client_active: true,
            has_contact: true,
            max_concurrency: 2,
            total_calls_allowed: None,
            forwarding_priority: 0,
            weight: 100,
            active: 0,
            counted: 0,
            last_seq: 0,
            already_tried: false,
        }
    }

    #[test]
    fn caps_leave_no_room_for_one_more() {
        assert_eq!(judge(&Link { active: 1, ..link(1) }), Verdict::Eligible);
        assert_eq!(judge(&Link { active: 2, ..link(1) }), Verdict::ConcurrencyCap);
        let capped = Link {
            total_calls_allowed: Some(5),
            counted: 4,
            ..link(1)
        };
        assert_eq!(judge(&capped), Verdict::Eligible);
        assert_eq!(judge(&Link { active: 1, ..capped }), Verdict::TotalCap);
        assert_eq!(
            judge(&Link {
                total_calls_allowed: Some(0),
                ..link(1)
            }),
            Verdict::TotalCap
        );
        let huge = Link {
            total_calls_allowed: Some(i64::MAX),
            counted: i64::MAX,
            active: 1,
            ..link(1)
        };
        assert_eq!(judge(&huge), Verdict::TotalCap);
    }

    #[test]
    fn the_first_gate_that_stops_is_the_reason() {
        let off = Link {
            link_active: false,
            client_active: false,
            has_contact: false,
            active: 9,
            ..link(1)
        };
        assert_eq!(judge(&off), Verdict::LinkInactive);
        assert_eq!(
            judge(&Link {
                link_active: true,
                ..off.clone()
            }),
            Verdict::ClientInactive
        );
        assert_eq!(
            judge(&Link {
                already_tried: true,
                ..off
            }),
            Verdict::AlreadyTried
        );
    }
}
