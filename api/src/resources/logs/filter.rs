//! Which call records a request means: the filters of the contract, and a cursor that continues where a page ended.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use capconduit_core::text;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use utoipa::IntoParams;

use crate::error::{ApiError, ApiResult};
use crate::http::params::Params;
use crate::http::period::Period;

/// Where a page ended: the last record's start and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub start: Timestamp,
    pub id: i64,
}

impl Cursor {
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.start.as_microsecond(), self.id))
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (start, id) = text.split_once('.')?;
        Some(Cursor {
            start: Timestamp::from_microsecond(start.parse().ok()?).ok()?,
            id: id.parse().ok()?,
        })
    }
}

/// Described for the API beside `DaysParams`; read by `Filter::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that Filter::read reads")]
pub struct FilterParams {
    campaign_id: Option<i64>,
    did_id: Option<i64>,
    client_id: Option<i64>,
    link_id: Option<i64>,
    /// As recorded, in any case: ANSWERED, BUSY, REJECTED_DID_NOT_FOUND, LOST …
    call_status: Option<String>,
    /// The caller's number, exactly.
    caller: Option<String>,
    uniqueid: Option<String>,
    /// Talked for at least so long.
    #[param(minimum = 0)]
    min_talk_seconds: Option<i32>,
    /// caller, client or system.
    hangup_by: Option<String>,
    /// One Asterisk.
    node: Option<String>,
    sip_call_id: Option<String>,
    /// How the caller's number or name begins; needs start_date and end_date.
    q: Option<String>,
}

/// Described for the API; read by `after` and by `changes::Request`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes parameters that are read elsewhere")]
pub struct AfterParams {
    /// The cursor of the page before; empty: the first page.
    after: Option<String>,
    /// The cursor of the answer before; empty: from the beginning. Records in the order of their changes, for whoever copies
    /// them; beside it only per_page and user_id. `nextCursor` is always there; fewer records than per_page: no more for now.
    changed_after: Option<String>,
}

#[derive(Debug, Clone)]
pub struct Filter {
    pub period: Period,
    campaign_id: Option<i64>,
    did_id: Option<i64>,
    client_id: Option<i64>,
    link_id: Option<i64>,
    call_status: Option<String>,
    caller: Option<String>,
    uniqueid: Option<String>,
    user_id: Option<i64>,
    min_talk_seconds: Option<i32>,
    hangup_by: Option<String>,
    node: Option<String>,
    sip_call_id: Option<String>,
    start: Option<String>,
}

impl Filter {
    pub fn read(params: &Params) -> ApiResult<Self> {
        let period = Period::read(params)?;
        let start = params.text("q", 100)?;
        if start.is_some() && (period.from.is_none() || period.until.is_none()) {
            return Err(ApiError::field(&["q"], "Needs start_date and end_date."));
        }
        Ok(Filter {
            period,
            campaign_id: params.id("campaign_id")?,
            did_id: params.id("did_id")?,
            client_id: params.id("client_id")?,
            link_id: params.id("link_id")?,
            call_status: params
                .text("call_status", text::STATUS)?
                .map(|status| status.to_uppercase()),
            caller: params.text("caller", text::NUMBER)?,
            uniqueid: params.text("uniqueid", text::UNIQUEID)?,
            user_id: params.id("user_id")?,
            min_talk_seconds: params.seconds("min_talk_seconds")?,
            hangup_by: params.choice("hangup_by", &["caller", "client", "system"])?,
            node: params.text("node", text::NODE)?,
            sip_call_id: params.text("sip_call_id", text::SIP_CALL_ID)?,
            start,
        })
    }

    /// The first arguments of every statement over call records, in its order.
    pub fn args(&self) -> [&(dyn ToSql + Sync); 15] {
        [
            &self.period.from,
            &self.period.until,
            &self.campaign_id,
            &self.did_id,
            &self.client_id,
            &self.link_id,
            &self.call_status,
            &self.caller,
            &self.uniqueid,
            &self.user_id,
            &self.min_talk_seconds,
            &self.hangup_by,
            &self.node,
            &self.sip_call_id,
            &self.start,
        ]
    }

    /// An index gives the records of one seller or one campaign by start time. Over everybody's, only the order of
    /// recording is at hand.
    pub fn has_owner(&self) -> bool {
        self.user_id.is_some() || self.campaign_id.is_some()
    }
}

/// `after=<cursor>`: None when the page form is meant; empty means the first page.
pub fn after(params: &Params) -> ApiResult<Option<Option<Cursor>>> {
    match params.raw("after") {
        None => Ok(None),
        Some("") => Ok(Some(None)),
        Some(text) => match Cursor::decode(text) {
            Some(cursor) => Ok(Some(Some(cursor))),
            None => Err(ApiError::field(&["after"], "Not a cursor of this service.")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_wire() {
        let cursor = Cursor {
            start: "2026-03-01T10:00:00.123456Z".parse().unwrap(),
            id: 77,
        };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for bad in ["x", "!!!", "MTIz", ""] {
            assert_eq!(Cursor::decode(bad), None, "{bad}");
        }
    }
}
