//! A call record as the contract shows it, and the statements that read records. What it refers to and is gone shows as
//! null.

use serde::Serialize;
use tokio_postgres::Row;
use utoipa::ToSchema;

use super::filter::Cursor;
use crate::http::clock::Instant;

/// The arguments of `Filter::args`. Each is planned with its value, so that what is not given costs nothing.
macro_rules! filter {
    () => {
        "($1::timestamptz is null or g.timestamp_start >= $1) and ($2::timestamptz is null or g.timestamp_start < $2) \
         and ($3::bigint is null or g.campaign_id = $3) and ($4::bigint is null or g.did_id = $4) \
         and ($5::bigint is null or g.client_id = $5) and ($6::bigint is null or g.link_id = $6) \
         and ($7::text is null or g.call_status = $7) and ($8::text is null or g.caller_id_num = $8) \
         and ($9::text is null or g.asterisk_uniqueid = $9) and ($10::bigint is null or g.user_id = $10) \
         and ($11::integer is null or g.billsec_seconds >= $11) and ($12::text is null or g.hangup_by = $12) \
         and ($13::text is null or g.node = $13) and ($14::text is null or g.sip_call_id = $14) \
         and ($15::text is null or starts_with(g.caller_id_num, $15) \
              or starts_with(lower(g.caller_id_name), lower($15)))"
    };
}

/// The records first, by index and limited, then the names: at any depth a page reads a page.
macro_rules! records {
    ($continue:literal, $order:literal, $limit:literal) => {
        concat!(
            "select g.id, g.campaign_id, c.name, g.did_id, d.number, g.client_id, k.name, k.client_identifier, \
             g.incoming_did_number, g.caller_id_num, g.caller_id_name, g.timestamp_start, g.timestamp_answered, \
             g.timestamp_end, g.duration_seconds, g.billsec_seconds, g.call_status, g.hangup_cause_code, \
             g.hangup_cause_text, g.hangup_by, g.link_id, g.node, g.sip_call_id, g.counted, g.asterisk_uniqueid, \
             g.asterisk_linkedid, g.created_at, u.id \
             from (select * from call_logs g where ",
            filter!(),
            $continue,
            " order by ",
            $order,
            $limit,
            ") g \
             left join campaigns c on c.id = g.campaign_id \
             left join dids d on d.id = g.did_id \
             left join clients k on k.id = g.client_id \
             left join users u on u.id = g.user_id \
             order by ",
            $order
        )
    };
}

pub const BY_PAGE: &str = records!("", "g.timestamp_start desc, g.id desc", " limit $16 offset $17");
pub const BY_PAGE_AS_RECORDED: &str = records!("", "g.id desc", " limit $16 offset $17");
pub const BY_CURSOR: &str = records!(
    " and ($17::timestamptz is null or (g.timestamp_start, g.id) < ($17, $18))",
    "g.timestamp_start desc, g.id desc",
    " limit $16"
);
/// $17 is the same cursor's start; only its id counts in this order.
pub const BY_CURSOR_AS_RECORDED: &str = records!(
    " and ($17::timestamptz is null or g.id < $18)",
    "g.id desc",
    " limit $16"
);
pub const COUNT: &str = concat!("select count(*) from call_logs g where ", filter!());

/// One record, by the id in $1.
pub const ONE: &str = "\
    select g.id, g.campaign_id, c.name, g.did_id, d.number, g.client_id, k.name, k.client_identifier,
           g.incoming_did_number, g.caller_id_num, g.caller_id_name, g.timestamp_start, g.timestamp_answered,
           g.timestamp_end, g.duration_seconds, g.billsec_seconds, g.call_status, g.hangup_cause_code,
           g.hangup_cause_text, g.hangup_by, g.link_id, g.node, g.sip_call_id, g.counted, g.asterisk_uniqueid,
           g.asterisk_linkedid, g.created_at, u.id, g.decision, g.attempts
      from call_logs g
      left join campaigns c on c.id = g.campaign_id
      left join dids d on d.id = g.did_id
      left join clients k on k.id = g.client_id
      left join users u on u.id = g.user_id
     where g.id = $1";
pub const ATTEMPTS: &str = "\
    select a.attempt, a.link_id, a.client_id, k.name, k.client_identifier, a.dial_status, a.hangup_cause, a.started_at,
           a.ended_at
      from call_attempts a
      left join clients k on k.id = a.client_id
     where a.uniqueid = $1
     order by a.attempt";

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
        // A name is missing when what it belonged to is gone.
        let named = |id: usize, name: usize| {
            row.get::<_, Option<i64>>(id)
                .zip(row.get::<_, Option<String>>(name))
        };
        CallRecord {
            id: row.get(0),
            campaign: named(1, 2).map(|(id, name)| CampaignRef { id, name }),
            did: named(3, 4).map(|(id, number)| DidRef { id, number }),
            client: client(row, 5),
            incoming_did_number: row.get(8),
            caller_id_num: row.get(9),
            caller_id_name: row.get(10),
            timestamp_start: row.get(11),
            timestamp_answered: row.get(12),
            timestamp_end: row.get(13),
            duration_seconds: row.get(14),
            billsec_seconds: row.get(15),
            call_status: row.get(16),
            hangup_cause_code: row.get(17),
            hangup_cause_text: row.get(18),
            hangup_by: row.get(19),
            link_id: row.get(20),
            node: row.get(21),
            sip_call_id: row.get(22),
            counted: row.get(23),
            asterisk_uniqueid: row.get(24),
            asterisk_linkedid: row.get(25),
            created_at: row.get(26),
            user_id: with_owner.then(|| row.get(27)),
        }
    }

    pub fn cursor(&self) -> Cursor {
        Cursor {
            start: self.timestamp_start.0,
            id: self.id,
        }
    }
}

fn client(row: &Row, at: usize) -> Option<ClientRef> {
    let id = row.get::<_, Option<i64>>(at)?;
    Some(ClientRef {
        id,
        name: row.get::<_, Option<String>>(at + 1)?,
        client_identifier: row.get(at + 2),
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
            attempt: row.get(0),
            link_id: row.get(1),
            client: client(row, 2),
            dial_status: row.get(5),
            hangup_cause: row.get(6),
            started_at: row.get(7),
            ended_at: row.get(8),
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallDetail {
    #[serde(flatten)]
    pub record: CallRecord,
    pub attempts: Vec<Attempt>,
    /// Why each link was or was not taken when the call was routed: `3=concurrency_cap|5=taken`.
    pub decision: Option<String>,
}

impl CallDetail {
    /// `row` is a row of `ONE`, `failed` are those of `ATTEMPTS`.
    pub fn new(row: &Row, failed: &[Row], with_owner: bool) -> Self {
        let record = CallRecord::from_row(row, with_owner);
        let mut attempts: Vec<Attempt> = failed.iter().map(Attempt::from).collect();
        let dialled: i32 = row.get(29);
        let last = attempts.last();
        if record.link_id.is_some() && dialled > last.map_or(0, |attempt| attempt.attempt) {
            attempts.push(Attempt {
                attempt: dialled,
                link_id: record.link_id,
                client: client(row, 5),
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
            decision: row.get(28),
        }
    }
}
