//! Why a call gets no target, and which hangup cause (Q.850) tells the trunk so.

/// The order is that of the checks: of the call's the first that applies is the answer; of links see `stopped`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reject {
    InvalidDidInput,
    DidNotFound,
    DidInactive,
    OwnerInactive,
    NoActiveCampaignForDid,
    CampaignPaused,
    Closed,
    AllClosed,
    CallerBlocked,
    AnonymousCaller,
    DuplicateCaller,
    RedialTooSoon,
    NoActiveClientsInCampaign,
    AllCapped,
    NoEligibleClientsAvailable,
    NoMoreTargets {
        any_busy: bool,
    },
    RingBudgetSpent,
    CallEnded,
    /// The number, its campaign or its seller has had its calls: the token is the gate's name.
    Capped(&'static str),
}

impl Reject {
    /// One with each token, but for those of caps.
    pub const NAMED: [Reject; 18] = [
        Reject::InvalidDidInput,
        Reject::DidNotFound,
        Reject::DidInactive,
        Reject::OwnerInactive,
        Reject::NoActiveCampaignForDid,
        Reject::CampaignPaused,
        Reject::Closed,
        Reject::AllClosed,
        Reject::CallerBlocked,
        Reject::AnonymousCaller,
        Reject::DuplicateCaller,
        Reject::RedialTooSoon,
        Reject::NoActiveClientsInCampaign,
        Reject::AllCapped,
        Reject::NoEligibleClientsAvailable,
        Reject::NoMoreTargets { any_busy: false },
        Reject::RingBudgetSpent,
        Reject::CallEnded,
    ];

    pub const CAPPED: [Reject; 18] = [
        Reject::Capped("seller_total_cap"),
        Reject::Capped("campaign_total_cap"),
        Reject::Capped("did_total_cap"),
        Reject::Capped("seller_month_cap"),
        Reject::Capped("campaign_month_cap"),
        Reject::Capped("did_month_cap"),
        Reject::Capped("seller_week_cap"),
        Reject::Capped("campaign_week_cap"),
        Reject::Capped("did_week_cap"),
        Reject::Capped("seller_day_cap"),
        Reject::Capped("campaign_day_cap"),
        Reject::Capped("did_day_cap"),
        Reject::Capped("seller_hour_cap"),
        Reject::Capped("campaign_hour_cap"),
        Reject::Capped("did_hour_cap"),
        Reject::Capped("seller_concurrent_cap"),
        Reject::Capped("campaign_concurrent_cap"),
        Reject::Capped("did_concurrent_cap"),
    ];

    /// One with each token.
    pub fn all() -> impl Iterator<Item = Reject> {
        Reject::NAMED.into_iter().chain(Reject::CAPPED)
    }

    /// The stable token in the `reason` column.
    pub fn token(self) -> &'static str {
        match self {
            Reject::InvalidDidInput => "invalid_did_input",
            Reject::DidNotFound => "did_not_found",
            Reject::DidInactive => "did_inactive",
            Reject::OwnerInactive => "owner_inactive",
            Reject::NoActiveCampaignForDid => "no_active_campaign_for_did",
            Reject::CampaignPaused => "campaign_paused",
            Reject::Closed => "closed",
            Reject::AllClosed => "all_closed",
            Reject::CallerBlocked => "caller_blocked",
            Reject::AnonymousCaller => "anonymous_caller",
            Reject::DuplicateCaller => "duplicate_caller",
            Reject::RedialTooSoon => "redial_too_soon",
            Reject::NoActiveClientsInCampaign => "no_active_clients_in_campaign",
            Reject::AllCapped => "all_capped",
            Reject::NoEligibleClientsAvailable => "no_eligible_clients_available",
            Reject::NoMoreTargets { .. } => "no_more_targets",
            Reject::RingBudgetSpent => "ring_budget_spent",
            Reject::CallEnded => "call_ended",
            Reject::Capped(gate) => gate,
        }
    }

    /// Q.850 cause for Hangup(); Asterisk maps 1 → 404, 17 → 486, 19 and 20 → 480, 21 → 403. Never 34 (503): carriers offer
    /// a 503 again elsewhere, and only a database that is down deserves that.
    pub fn hangup_cause(self) -> i32 {
        match self {
            Reject::InvalidDidInput
            | Reject::DidNotFound
            | Reject::DidInactive
            | Reject::OwnerInactive
            | Reject::NoActiveCampaignForDid => 1,
            Reject::CampaignPaused
            | Reject::Closed
            | Reject::AllClosed
            | Reject::NoActiveClientsInCampaign => 20,
            Reject::CallerBlocked
            | Reject::AnonymousCaller
            | Reject::DuplicateCaller
            | Reject::RedialTooSoon => 21,
            Reject::AllCapped
            | Reject::NoEligibleClientsAvailable
            | Reject::Capped(_)
            | Reject::NoMoreTargets { any_busy: true } => 17,
            Reject::NoMoreTargets { any_busy: false } | Reject::RingBudgetSpent => 19,
            Reject::CallEnded => 16,
        }
    }
}

/// Which reason the status of a record tells that no link was dialled for: the switch writes `REJECTED_` and the token, in upper
/// case.
pub fn of_status(status: &str) -> Option<String> {
    status.strip_prefix("REJECTED_").map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does not compile when a reason is missing here.
    fn place(reject: Reject) -> usize {
        match reject {
            Reject::InvalidDidInput => 0,
            Reject::DidNotFound => 1,
            Reject::DidInactive => 2,
            Reject::OwnerInactive => 3,
            Reject::NoActiveCampaignForDid => 4,
            Reject::CampaignPaused => 5,
            Reject::Closed => 6,
            Reject::AllClosed => 7,
            Reject::CallerBlocked => 8,
            Reject::AnonymousCaller => 9,
            Reject::DuplicateCaller => 10,
            Reject::RedialTooSoon => 11,
            Reject::NoActiveClientsInCampaign => 12,
            Reject::AllCapped => 13,
            Reject::NoEligibleClientsAvailable => 14,
            Reject::NoMoreTargets { .. } => 15,
            Reject::RingBudgetSpent => 16,
            Reject::CallEnded => 17,
            Reject::Capped(_) => 18,
        }
    }

    #[test]
    fn every_reason_is_among_all_and_in_a_status() {
        for (index, reject) in Reject::all().enumerate() {
            assert_eq!(place(reject), index.min(18));
            let status = format!("REJECTED_{}", reject.token().to_uppercase());
            assert_eq!(of_status(&status).as_deref(), Some(reject.token()));
        }
        assert_eq!(of_status("BUSY"), None);
    }
}
