//! A call record as the contract shows it. What it refers to and is gone shows as null.

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::filter::Cursor;
use crate::http::clock::Instant;

#[derive(Debug, Serialize, ToSchema)]
pub struct CampaignRef {
    pub id: i64,
    #[schema(example = "Alice Priority Tech Leads")]
    pub name: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DidRef {
    pub id: i64,
    #[schema(example = "+18005550101")]
    pub number: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientRef {
    pub id: i64,
    #[schema(example = "Alpha Corp")]
    pub name: String,
    #[schema(example = "client_alpha_sales")]
    pub client_identifier: String,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    pub id: i64,
    pub campaign: Option<CampaignRef>,
    pub did: Option<DidRef>,
    pub client: Option<ClientRef>,
    #[schema(example = "+18005550101")]
    pub incoming_did_number: String,
    pub caller_id_num: Option<String>,
    pub caller_id_name: Option<String>,
    pub timestamp_start: Instant,
    pub timestamp_answered: Option<Instant>,
    pub timestamp_end: Option<Instant>,
    pub duration_seconds: i32,
    pub billsec_seconds: i32,
    #[schema(example = "ANSWERED")]
    pub call_status: String,
    pub hangup_cause_code: Option<i32>,
    pub hangup_cause_text: Option<String>,
    #[schema(pattern = "^(caller|client|system)$")]
    pub hangup_by: Option<String>,
    pub link_id: Option<i64>,
    pub node: Option<String>,
    pub sip_call_id: Option<String>,
    pub counted: bool,
    /// A good call: counted, and talked so long.
    pub qualified: bool,
    /// When the slot was reserved that the call held until its end: it is in the windows of that instant. Null: it held none.
    pub reserved_at: Option<Instant>,
    /// Why it went beyond those whom its campaign asks first. Null: it did not.
    #[schema(pattern = "^(all_closed|all_capped|no_more_targets)$", example = json!(null))]
    pub overflow_exit: Option<String>,
    /// The campaign that it left for `campaign`; it counts in both.
    #[schema(example = json!(null))]
    pub overflowed_from: Option<i64>,
    pub asterisk_uniqueid: String,
    pub asterisk_linkedid: Option<String>,
    pub created_at: Instant,
    /// The seller, null when gone; only in answers to admins and staff.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub user_id: Option<Option<i64>>,
}

impl CallRecord {
    pub fn from_row(row: &Row, with_owner: bool) -> Self {
        let named = |id: &str, name: &str| {
            row.get::<_, Option<i64>>(id)
                .zip(row.get::<_, Option<String>>(name))
        };
        CallRecord {
            id: row.get("id"),
            campaign: named("campaign_id", "campaign_name").map(|(id, name)| CampaignRef { id, name }),
            did: named("did_id", "did_number").map(|(id, number)| DidRef { id, number }),
            client: client(row),
            incoming_did_number: row.get("incoming_did_number"),
            caller_id_num: row.get("caller_id_num"),
            caller_id_name: row.get("caller_id_name"),
            timestamp_start: row.get("timestamp_start"),
            timestamp_answered: row.get("timestamp_answered"),
            timestamp_end: row.get("timestamp_end"),
            duration_seconds: row.get("duration_seconds"),
            billsec_seconds: row.get("billsec_seconds"),
            call_status: row.get("call_status"),
            hangup_cause_code: row.get("hangup_cause_code"),
            hangup_cause_text: row.get("hangup_cause_text"),
            hangup_by: row.get("hangup_by"),
            link_id: row.get("link_id"),
            node: row.get("node"),
            sip_call_id: row.get("sip_call_id"),
            counted: row.get("counted"),
            qualified: row.get("qualified"),
            reserved_at: row.get("reserved_at"),
            overflow_exit: row.get("overflow_exit"),
            overflowed_from: row.get("overflowed_from"),
            asterisk_uniqueid: row.get("asterisk_uniqueid"),
            asterisk_linkedid: row.get("asterisk_linkedid"),
            created_at: row.get("created_at"),
            user_id: with_owner.then(|| row.get("owner_id")),
        }
    }

    pub fn cursor(&self) -> Cursor {
        Cursor {
            start: self.timestamp_start.0,
            id: self.id,
        }
    }
}

fn client(row: &Row) -> Option<ClientRef> {
    let id = row.get::<_, Option<i64>>("client_id")?;
    Some(ClientRef {
        id,
        name: row.get::<_, Option<String>>("client_name")?,
        client_identifier: row.get("client_identifier"),
    })
}

/// A dialled target of a call: the failed ones as they were recorded, the last one from the call's own record.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attempt {
    pub attempt: i32,
    pub link_id: Option<i64>,
    pub client: Option<ClientRef>,
    #[schema(example = "BUSY")]
    pub dial_status: String,
    pub hangup_cause: Option<i32>,
    pub started_at: Instant,
    pub ended_at: Option<Instant>,
}

impl From<&Row> for Attempt {
    fn from(row: &Row) -> Self {
        Attempt {
            attempt: row.get("attempt"),
            link_id: row.get("link_id"),
            client: client(row),
            dial_status: row.get("dial_status"),
            hangup_cause: row.get("hangup_cause"),
            started_at: row.get("started_at"),
            ended_at: row.get("ended_at"),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDetail {
    #[serde(flatten)]
    pub record: CallRecord,
    pub attempts: Vec<Attempt>,
    /// Why each link was or was not taken when the call was routed: `3=concurrency_cap|5=selected`.
    pub decision: Option<String>,
}

impl CallDetail {
    /// `row` is a row of `statements::ONE`, `failed` are those of `ATTEMPTS`.
    pub fn new(row: &Row, failed: &[Row], with_owner: bool) -> Self {
        let record = CallRecord::from_row(row, with_owner);
        let mut attempts: Vec<Attempt> = failed.iter().map(Attempt::from).collect();
        let dialled: i32 = row.get("attempts");
        let last = attempts.last();
        if record.link_id.is_some() && dialled > last.map_or(0, |attempt| attempt.attempt) {
            attempts.push(Attempt {
                attempt: dialled,
                link_id: record.link_id,
                client: client(row),
                dial_status: record.call_status.clone(),
                hangup_cause: record.hangup_cause_code,
                started_at: last
                    .and_then(|attempt| attempt.ended_at)
                    .unwrap_or(record.timestamp_start),
                ended_at: record.timestamp_end,
            });
        }
        CallDetail {
            record,
            attempts,
            decision: row.get("decision"),
        }
    }
}

/// `page`, `total` and `pages` are there in the page form only.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogPage {
    pub items: Vec<CallRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub page: Option<i64>,
    pub per_page: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub total: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub pages: Option<i64>,
    /// What `after` takes to go on, null at the end; or `changed_after`, never null.
    pub next_cursor: Option<String>,
}
