//! A number with whose it is, and what staff may send of one.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::version::Versioned;
use crate::resources::dids::objects::{DESCRIPTION, NUMBER, STATUSES};
use crate::store::row::row;

row! {
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct OwnedDid {
        #[schema(example = 1)]
        pub id: i64,
        #[schema(example = "+18005550101")]
        pub number: String,
        #[schema(pattern = "^(active|inactive)$", example = "active")]
        pub status: String,
        pub description: Option<String>,
        #[schema(example = 3)]
        pub user_id: i64,
        #[schema(example = "seller_alice")]
        pub username: String,
        pub created_at: Instant,
        pub updated_at: Instant,
        #[schema(example = 1)]
        pub version: i64,
    }
}

impl Versioned for OwnedDid {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewOwnedDid {
    #[schema(pattern = r"^\+[1-9][0-9]{1,14}$", example = "+18005550199")]
    pub number: String,
    /// The seller whose it is to be.
    #[schema(example = 3, minimum = 1)]
    pub user_id: i64,
    #[schema(max_length = 255)]
    pub description: Option<String>,
    #[schema(pattern = "^(active|inactive)$", default = "active", required = false)]
    pub status: String,
}

impl Input for NewOwnedDid {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewOwnedDid {
            number: f.required_text("number", &NUMBER),
            user_id: f.required_int("userId", 1..=i64::MAX),
            description: f.nullable_text("description", &DESCRIPTION).flatten(),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct OwnedDidChange {
    /// Its seller from now on. It leaves the campaigns of the one before; calls in flight stay theirs.
    #[schema(minimum = 1, required = false, nullable = false)]
    pub user_id: Option<i64>,
    #[schema(value_type = Option<String>, max_length = 255)]
    pub description: Option<Option<String>>,
    #[schema(pattern = "^(active|inactive)$", required = false, nullable = false)]
    pub status: Option<String>,
}

impl Input for OwnedDidChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        OwnedDidChange {
            user_id: f.int("userId", 1..=i64::MAX),
            description: f.nullable_text("description", &DESCRIPTION),
            status: f.choice("status", STATUSES),
        }
    }
}
