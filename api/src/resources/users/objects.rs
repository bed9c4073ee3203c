//! An account as it is shown, and what may be sent of one.

use std::ops::RangeInclusive;

use capconduit_core::caller_rules::Of;
use capconduit_core::zone;
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::access::password;
use crate::http::clock::Instant;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::{TIME_ZONE, Text};
use crate::http::version::Versioned;
use crate::resources::callers::rules::{self, CallerRule};

pub const ROLES: &[&str] = &["admin", "staff", "user"];
pub const STATUSES: &[&str] = &["active", "inactive", "pending_approval", "suspended"];
pub const USERNAME_LENGTH: RangeInclusive<usize> = 3..=80;
/// The rule of the API; the command line has its own words for it.
const USERNAME: Text = Text::title(*USERNAME_LENGTH.start(), *USERNAME_LENGTH.end());
const EMAIL: Text = Text::title(3, 120).check(is_email);
const PERSON: Text = Text::title(0, 100);

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    #[schema(example = 3)]
    pub id: i64,
    #[schema(example = "seller_alice")]
    pub username: String,
    #[schema(example = "alice@seller.xyz")]
    pub email: String,
    #[schema(pattern = "^(admin|staff|user)$", example = "user")]
    pub role: String,
    #[schema(
        pattern = "^(active|inactive|pending_approval|suspended)$",
        example = "active"
    )]
    pub status: String,
    pub full_name: Option<String>,
    pub company_name: Option<String>,
    /// In which the days of a seller's own caps begin and end, and those of its campaigns and numbers.
    #[schema(example = "UTC")]
    pub time_zone: String,
    /// Of callers that call again, over all campaigns of a seller. Empty: they are as others.
    #[schema(value_type = Vec<CallerRule>, example = json!([]))]
    pub caller_rules: Value,
    /// Logins need a code. Not of the account's version.
    pub second_factor: bool,
    pub created_at: Instant,
    pub updated_at: Instant,
    #[schema(example = 1)]
    pub version: i64,
}

impl From<&Row> for User {
    fn from(row: &Row) -> Self {
        User {
            id: row.get("id"),
            username: row.get("username"),
            email: row.get("email"),
            role: row.get("role"),
            status: row.get("status"),
            full_name: row.get("full_name"),
            company_name: row.get("company_name"),
            time_zone: row.get("time_zone"),
            caller_rules: rules::shown(row),
            second_factor: row.get("second_factor"),
            created_at: row.get("created_at"),
            updated_at: row.get("updated_at"),
            version: row.get("version"),
        }
    }
}

impl Versioned for User {
    fn tag(&self) -> String {
        self.version.to_string()
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NewUser {
    #[schema(min_length = 3, max_length = 80, example = "seller_carol")]
    pub username: String,
    #[schema(max_length = 120, example = "carol@seller.xyz")]
    pub email: String,
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only, example = "correct horse battery")]
    pub password: SecretString,
    #[schema(pattern = "^(admin|staff|user)$", example = "user")]
    pub role: String,
    #[schema(
        pattern = "^(active|inactive|pending_approval|suspended)$",
        default = "active",
        required = false
    )]
    pub status: String,
    #[schema(max_length = 100)]
    pub full_name: Option<String>,
    #[schema(max_length = 100)]
    pub company_name: Option<String>,
    /// IANA's name.
    #[schema(
        max_length = 64,
        default = "UTC",
        required = false,
        example = "America/New_York"
    )]
    pub time_zone: String,
    /// Of callers that call again, over all campaigns of a seller.
    #[schema(value_type = Vec<CallerRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
}

impl Input for NewUser {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewUser {
            username: f.required_text("username", &USERNAME),
            email: f.required_text("email", &EMAIL),
            password: f.required_text("password", &password::RULE).into(),
            role: f.required_choice("role", ROLES),
            status: f.choice("status", STATUSES).unwrap_or_else(|| "active".into()),
            full_name: f.nullable_text("fullName", &PERSON).flatten(),
            company_name: f.nullable_text("companyName", &PERSON).flatten(),
            time_zone: f.text("timeZone", &TIME_ZONE).unwrap_or_else(|| zone::UTC.into()),
            caller_rules: rules::read(f, Of::Call),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UserChange {
    #[schema(max_length = 120, required = false, nullable = false)]
    pub email: Option<String>,
    #[schema(pattern = "^(admin|staff|user)$", required = false, nullable = false)]
    pub role: Option<String>,
    #[schema(
        pattern = "^(active|inactive|pending_approval|suspended)$",
        required = false,
        nullable = false
    )]
    pub status: Option<String>,
    #[schema(value_type = Option<String>, max_length = 100)]
    pub full_name: Option<Option<String>>,
    #[schema(value_type = Option<String>, max_length = 100)]
    pub company_name: Option<Option<String>>,
    /// A day in progress ends with the first one of the new zone.
    #[schema(max_length = 64, required = false)]
    pub time_zone: Option<String>,
    /// In the place of those of before.
    #[schema(value_type = Vec<CallerRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
}

impl Input for UserChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        UserChange {
            email: f.text("email", &EMAIL),
            role: f.choice("role", ROLES),
            status: f.choice("status", STATUSES),
            full_name: f.nullable_text("fullName", &PERSON),
            company_name: f.nullable_text("companyName", &PERSON),
            time_zone: f.text("timeZone", &TIME_ZONE),
            caller_rules: rules::read(f, Of::Call),
        }
    }
}

/// What sellers may change of their own accounts.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct AccountChange {
    /// Of callers that call again, over all campaigns; in the place of those of before.
    #[schema(value_type = Vec<CallerRule>, max_items = 3, required = false)]
    pub caller_rules: Option<Value>,
}

impl Input for AccountChange {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        AccountChange {
            caller_rules: rules::read(f, Of::Call),
        }
    }
}

#[derive(Debug, ToSchema)]
pub struct NewPassword {
    #[schema(value_type = String, min_length = 8, max_length = 128, write_only)]
    pub password: SecretString,
}

impl Input for NewPassword {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        NewPassword {
            password: f.required_text("password", &password::RULE).into(),
        }
    }
}

pub fn is_email(text: &str) -> Result<(), String> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part
                .chars()
                .any(|c| c.is_whitespace() || "<>()[],;:\\\"@".contains(c))
    };
    let valid = text.rsplit_once('@').is_some_and(|(local, domain)| {
        plain(local)
            && local.len() <= 64
            && domain.contains('.')
            && domain
                .split('.')
                .all(|label| plain(label) && !label.starts_with('-') && !label.ends_with('-'))
    });
    if valid {
        Ok(())
    } else {
        Err("Not a valid email address.".into())
    }
}
