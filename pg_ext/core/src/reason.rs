//! Why a call gets no target, and which hangup cause (Q.850) tells the trunk so.

/// The order is that of the checks: the first that applies is the answer.
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
    NoActiveClientsInCampaign,
    NoEligibleClientsAvailable,
    NoMoreTargets { any_busy: bool },
    RingBudgetSpent,
    CallEnded,
}

impl Reject {
    /// One with each token.
    pub const ALL: [Reject; 13] = [
        Reject::InvalidDidInput,
        Reject::DidNotFound,
        Reject::DidInactive,
        Reject::OwnerInactive,
        Reject::NoActiveCampaignForDid,
        Reject::CampaignPaused,
        Reject::Closed,
        Reject::AllClosed,
        Reject::NoActiveClientsInCampaign,
        Reject::NoEligibleClientsAvailable,
        Reject::NoMoreTargets { any_busy: false },
        Reject::RingBudgetSpent,
        Reject::CallEnded,
    ];

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
            Reject::NoActiveClientsInCampaign => "no_active_clients_in_campaign",
            Reject::NoEligibleClientsAvailable => "no_eligible_clients_available",
            Reject::NoMoreTargets { .. } => "no_more_targets",
            Reject::RingBudgetSpent => "ring_budget_spent",
            Reject::CallEnded => "call_ended",
        }
    }

    /// Q.850 cause for Hangup(); Asterisk maps 1 → 404, 17 → 486, 19 and 20 → 480. Never 34 (503): carriers offer
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
            Reject::NoEligibleClientsAvailable | Reject::NoMoreTargets { any_busy: true } => 17,
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
            Reject::NoActiveClientsInCampaign => 8,
            Reject::NoEligibleClientsAvailable => 9,
            Reject::NoMoreTargets { .. } => 10,
            Reject::RingBudgetSpent => 11,
            Reject::CallEnded => 12,
        }
    }

    #[test]
    fn every_reason_is_among_all_and_in_a_status() {
        for (index, reject) in Reject::ALL.into_iter().enumerate() {
            assert_eq!(place(reject), index);
            let status = format!("REJECTED_{}", reject.token().to_uppercase());
            assert_eq!(of_status(&status).as_deref(), Some(reject.token()));
        }
        assert_eq!(of_status("BUSY"), None);
    }
}
