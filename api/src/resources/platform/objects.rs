//! Switches, registrations, rejected calls, and what needs a hand, as they are shown.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::store::row::row;

pub const STATES: &[&str] = &["heard", "silent", "unwatched"];

row! {
    /// A switch as the database last heard it.
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Node {
        #[schema(example = "pbx1")]
        pub name: String,
        /// silent: nothing for two minutes. unwatched: no agent speaks for it, or one that was stopped in order.
        #[schema(pattern = "^(heard|silent|unwatched)$", example = "heard")]
        pub state: String,
        /// When its Asterisk started.
        #[serde(rename = "startedAt")]
        pub booted_at: Option<Instant>,
        /// When its agent spoke last.
        #[serde(rename = "heardAt")]
        pub heartbeat_at: Option<Instant>,
        /// When its last list of calls was begun.
        #[serde(rename = "listedAt")]
        pub taken_at: Option<Instant>,
        /// How many calls that list held.
        #[serde(rename = "listedCalls")]
        pub live_calls: Option<i32>,
        /// When a call function last named it, to 15 seconds.
        pub last_call_at: Option<Instant>,
        /// Calls that were routed there and have no record yet.
        pub calls_in_flight: i64,
        /// Those of them that hold room under caps.
        pub slots_held: i64,
    }
}

row! {
    /// A registration, as Asterisk wrote it down.
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Registration {
        /// Null: the client is gone.
        pub client_id: Option<i64>,
        #[schema(example = "client_east")]
        pub client_identifier: Option<String>,
        pub client_name: Option<String>,
        #[schema(example = "sip:client_east@192.0.2.7:5060")]
        pub contact: Option<String>,
        /// From where the registration came.
        #[schema(example = "192.0.2.7")]
        pub via_address: Option<String>,
        pub via_port: Option<i32>,
        /// The switch that took it.
        pub node: Option<String>,
        pub user_agent: Option<String>,
        pub until: Option<Instant>,
        /// Calls go there: the client is active, and the registration has not ended. Whether it answers, its switches know.
        pub reachable: bool,
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RejectsByReason {
    #[schema(example = "did_not_found")]
    pub reason: String,
    pub calls: i64,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectsByNumber {
    /// What was dialled. Null: counted without its number, where more than 32 were told apart at once.
    #[schema(example = "+18005550199")]
    pub did: Option<String>,
    pub calls: i64,
    /// Null: no number of this platform.
    pub did_id: Option<i64>,
    pub user_id: Option<i64>,
    pub username: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RejectsByNode {
    /// The switch. Null: none was named.
    #[schema(example = "pbx1")]
    pub node: Option<String>,
    pub calls: i64,
}

/// Rejected calls of the last minutes, the largest first, a hundred of each at most.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RejectedCalls {
    pub minutes: i32,
    pub calls: i64,
    pub by_reason: Vec<RejectsByReason>,
    pub by_number: Vec<RejectsByNumber>,
    pub by_node: Vec<RejectsByNode>,
}

/// Something that does not mend itself.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// For programs; it does not change.
    #[schema(example = "node_silent")]
    pub code: &'static str,
    /// What is seen, for people.
    #[schema(example = "Switch pbx1 is silent; 3 calls on it hold room under caps.")]
    pub text: String,
    #[schema(example = "Start its agent, capconduit node.")]
    pub what_to_do: String,
    /// What it is about, in the API's words: node, client, campaign or link.
    #[schema(example = "node")]
    pub object_type: Option<&'static str>,
    /// Its id, or a switch's name.
    #[schema(example = "pbx1")]
    pub object_id: Option<String>,
    /// Since when, where that is known.
    pub since: Option<Instant>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Attention {
    pub items: Vec<Concern>,
}
