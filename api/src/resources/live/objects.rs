//! Calls in flight as they are shown, and what may be asked of them.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::resources::links::objects::LinkUsage;
use crate::store::row::row;

pub const PHASES: &[&str] = &["ringing", "talking", "ending"];

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct LiveCall {
        #[schema(example = "pbx1-1700000000.1")]
        pub uniqueid: String,
        pub node: Option<String>,
        pub user_id: Option<i64>,
        pub campaign_id: i64,
        pub campaign_name: Option<String>,
        pub did_id: i64,
        #[schema(example = "+18005550101")]
        pub did_number: String,
        pub link_id: i64,
        pub client_id: i64,
        pub client_identifier: Option<String>,
        pub client_name: Option<String>,
        /// False once nobody was left to dial: the call ends without a slot.
        pub holds_slot: bool,
        pub attempt: i32,
        pub caller_number: Option<String>,
        pub caller_name: Option<String>,
        pub routed_at: Instant,
        pub attempt_at: Instant,
        pub answered_at: Option<Instant>,
        #[schema(pattern = "^(ringing|talking|ending)$")]
        pub phase: String,
        /// When the slot is given back if nobody reports the call any more.
        pub lease_until: Instant,
    }
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Live {
    pub calls: Vec<LiveCall>,
    pub links: Vec<LinkUsage>,
}

#[derive(Debug, ToSchema)]
pub struct Release {
    #[schema(min_length = 1, max_length = 200, example = "caller reports the line is dead")]
    pub reason: String,
}

impl Input for Release {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        Release {
            reason: f.required_text("reason", &Text::title(1, 200)),
        }
    }
}

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct Released {
        #[schema(example = "released")]
        pub status: String,
        pub cdr_id: Option<i64>,
    }
}
