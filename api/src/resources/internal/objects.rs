//! What a switch sends over HTTP, and what it is told.

use capconduit_core::text;
use jiff::Timestamp;
use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use crate::http::clock;
use crate::http::fields::{Fields, Input, Unknown};
use crate::http::text::Text;
use crate::store::row::row;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Proceed {
    #[schema(example = "proceed")]
    pub status: &'static str,
    pub routing_info: RoutingInfo,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RoutingInfo {
    pub user_id: i64,
    pub campaign_id: i64,
    pub did_id: Option<i64>,
    #[schema(pattern = "^(priority|round_robin|weighted)$", example = "priority")]
    pub routing_strategy: String,
    pub dial_timeout_seconds: i32,
    pub targets: Vec<Target>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Target {
    #[serde(rename = "campaignClientSettingId")]
    pub campaign_client_setting_id: i64,
    pub client_id: i64,
    pub client_identifier: String,
    pub client_name: Option<String>,
    /// Null: the call center has registered.
    pub sip_uri: Option<String>,
    pub max_concurrency: i32,
    pub weight: i32,
    pub priority: i32,
    pub outbound_auth: Option<String>,
    pub callerid_override: Option<String>,
    pub context: Option<String>,
    pub transport: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reject {
    #[schema(example = "reject")]
    pub status: &'static str,
    #[schema(example = "did_not_found")]
    pub reject_reason: String,
}

impl From<&Row> for Target {
    fn from(row: &Row) -> Self {
        Target {
            campaign_client_setting_id: row.get("link_id"),
            client_id: row.get("client_id"),
            client_identifier: row.get("client_identifier"),
            client_name: row.get("name"),
            sip_uri: row.get("contact"),
            max_concurrency: row.get("max_concurrency"),
            weight: row.get("weight"),
            priority: row.get("forwarding_priority"),
            outbound_auth: row.get("outbound_auth"),
            callerid_override: row.get("callerid"),
            context: row.get("context"),
            transport: row.get("transport"),
        }
    }
}

row! {
    /// The row of route_call and next_target.
    #[derive(Debug, Serialize, ToSchema)]
    #[serde(rename_all = "camelCase")]
    pub struct CallTarget {
        #[schema(example = "ok")]
        pub status: String,
        pub reason: Option<String>,
        pub hangup_cause: Option<i32>,
        pub attempt: Option<i32>,
        pub link_id: Option<i64>,
        pub client_identifier: Option<String>,
        #[schema(example = "PJSIP/client_alpha_sales")]
        pub dial: Option<String>,
        pub dial_timeout_seconds: Option<i32>,
        pub max_call_seconds: Option<i32>,
        pub caller_id: Option<String>,
        pub campaign_id: Option<i64>,
        pub decision: Option<String>,
        /// The name of the endpoint's settings as they were when it was decided, for a switch that keeps endpoints in memory
        #[schema(example = "client_alpha_sales~0f9c3ad17be24d55")]
        pub settings_id: Option<String>,
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RouteCall {
    #[schema(example = "+18005550101")]
    pub did: String,
    #[schema(example = "pbx1-1700000000.1", min_length = 1, max_length = 150)]
    pub uniqueid: String,
    pub caller_number: Option<String>,
    pub caller_name: Option<String>,
    pub linkedid: Option<String>,
    #[schema(pattern = "^[A-Za-z0-9_-]{1,24}$")]
    pub node: Option<String>,
    /// Of the caller's leg: for the record of a call whose end nobody tells.
    pub sip_call_id: Option<String>,
}

/// The functions judge: descriptive text is cut to its column, and a record is never refused for it.
const LOOSE: Text = Text::anything();
const UNIQUEID: Text =
    Text::anything()
        .of_length(1, text::UNIQUEID)
        .check(|text| match text.contains('\0') {
            true => Err("The character NUL is not allowed.".into()),
            false => Ok(()),
        });

impl Input for RouteCall {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        RouteCall {
            did: f.required_text("did", &LOOSE),
            uniqueid: f.required_text("uniqueid", &UNIQUEID),
            caller_number: f.nullable_text("callerNumber", &LOOSE).flatten(),
            caller_name: f.nullable_text("callerName", &LOOSE).flatten(),
            linkedid: f.nullable_text("linkedid", &LOOSE).flatten(),
            node: f.nullable_text("node", &Text::exact(0, text::NODE)).flatten(),
            sip_call_id: f.nullable_text("sipCallId", &LOOSE).flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct NextTarget {
    #[schema(example = "pbx1-1700000000.1", min_length = 1, max_length = 150)]
    pub uniqueid: String,
    #[schema(minimum = 1, example = 1)]
    pub failed_attempt: i32,
    #[schema(example = "BUSY")]
    pub dial_status: String,
    #[schema(example = 17)]
    pub hangup_cause: Option<i32>,
}

impl Input for NextTarget {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NextTarget {
            uniqueid: f.required_text("uniqueid", &UNIQUEID),
            failed_attempt: f.required_small_int("failedAttempt", 1..=i32::MAX),
            dial_status: f.required_text("dialStatus", &LOOSE),
            hangup_cause: f.nullable_small_int("hangupCause", 0..=i32::MAX).flatten(),
        }
    }
}

#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LogCall {
    #[schema(example = "+18005550101")]
    pub incoming_did_number: String,
    /// ISO 8601; without an offset it is UTC.
    #[schema(value_type = String, example = "2026-03-01T09:30:00Z")]
    pub timestamp_start: Timestamp,
    #[schema(example = "ANSWERED", min_length = 1)]
    pub call_status: String,
    #[schema(example = "pbx1-1700000000.1", min_length = 1, max_length = 150)]
    pub asterisk_uniqueid: String,
    pub user_id: Option<i64>,
    pub campaign_id: Option<i64>,
    pub did_id: Option<i64>,
    pub client_id: Option<i64>,
    pub campaign_client_setting_id: Option<i64>,
    /// Descriptive texts are cut to what is stored: 50 characters here, 100 of the name.
    pub caller_id_num: Option<String>,
    pub caller_id_name: Option<String>,
    #[schema(value_type = Option<String>)]
    pub timestamp_answered: Option<Timestamp>,
    /// Without it: as the durations say; now for a call that is in flight; else the last instant that is known.
    #[schema(value_type = Option<String>)]
    pub timestamp_end: Option<Timestamp>,
    #[schema(minimum = 0)]
    pub duration_seconds: Option<i32>,
    #[schema(minimum = 0)]
    pub billsec_seconds: Option<i32>,
    #[schema(minimum = 0)]
    pub hangup_cause_code: Option<i32>,
    pub hangup_cause_text: Option<String>,
    pub asterisk_linkedid: Option<String>,
    #[schema(pattern = "^(caller|client|system)$")]
    pub hangup_by: Option<String>,
    pub sip_call_id: Option<String>,
}

/// Blanks around it do not count, as to the function.
const STATUS: Text = Text::anything().check(|text| match text.trim().is_empty() {
    true => Err("Must not be empty.".into()),
    false => Ok(()),
});
const INSTANT: Text = Text::name(1, 60).check(|text| match clock::parse_instant(text) {
    Some(_) => Ok(()),
    None => Err("Not a valid ISO 8601 time.".into()),
});

impl Input for LogCall {
    const UNKNOWN: Unknown = Unknown::Ignore;

    fn read(f: &mut Fields) -> Self {
        let instant = |text: String| clock::parse_instant(&text);
        let id = |f: &mut Fields, key| f.nullable_int(key, 1..=i64::MAX).flatten();
        LogCall {
            incoming_did_number: f.required_text("incomingDidNumber", &LOOSE),
            timestamp_start: instant(f.required_text("timestampStart", &INSTANT)).unwrap_or_default(),
            call_status: f.required_text("callStatus", &STATUS),
            asterisk_uniqueid: f.required_text("asteriskUniqueid", &UNIQUEID),
            user_id: id(f, "userId"),
            campaign_id: id(f, "campaignId"),
            did_id: id(f, "didId"),
            client_id: id(f, "clientId"),
            campaign_client_setting_id: id(f, "campaignClientSettingId"),
            caller_id_num: f.nullable_text("callerIdNum", &LOOSE).flatten(),
            caller_id_name: f.nullable_text("callerIdName", &LOOSE).flatten(),
            timestamp_answered: f
                .nullable_text("timestampAnswered", &INSTANT)
                .flatten()
                .and_then(instant),
            timestamp_end: f
                .nullable_text("timestampEnd", &INSTANT)
                .flatten()
                .and_then(instant),
            duration_seconds: f.nullable_small_int("durationSeconds", 0..=i32::MAX).flatten(),
            billsec_seconds: f.nullable_small_int("billsecSeconds", 0..=i32::MAX).flatten(),
            hangup_cause_code: f.nullable_small_int("hangupCauseCode", 0..=i32::MAX).flatten(),
            hangup_cause_text: f.nullable_text("hangupCauseText", &LOOSE).flatten(),
            asterisk_linkedid: f.nullable_text("asteriskLinkedid", &LOOSE).flatten(),
            hangup_by: f.nullable_text("hangupBy", &LOOSE).flatten(),
            sip_call_id: f.nullable_text("sipCallId", &LOOSE).flatten(),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Logged {
    #[schema(example = "success")]
    pub status: &'static str,
    pub message: &'static str,
    pub cdr_id: i64,
}

/// log_call's errors after the token check: plain JSON with a textual status.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "describes what Problem::render writes")]
pub struct LogCallError {
    #[schema(example = "error")]
    pub status: String,
    #[schema(example = "already_logged")]
    pub code: String,
    #[schema(example = "Duplicate Asterisk Unique ID: pbx1-1700000000.1")]
    pub message: String,
    #[schema(value_type = Object, required = false, nullable = false)]
    pub errors: Option<serde_json::Value>,
}
