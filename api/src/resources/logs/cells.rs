//! A call record as a line of CSV.

use jiff::tz::TimeZone;

use super::record::CallRecord;
use crate::http::csv::{Line, Style};

pub const HEADER: &str = "id,timestampStart,timestampAnswered,timestampEnd,incomingDidNumber,callerIdNum,callerIdName,\
    callStatus,durationSeconds,billsecSeconds,hangupCauseCode,hangupCauseText,hangupBy,campaignId,campaignName,didId,\
    didNumber,clientId,clientName,clientIdentifier,linkId,node,sipCallId,counted,asteriskUniqueid,asteriskLinkedid,\
    createdAt,qualified,reservedAt,overflowExit,overflowedFrom";

/// Appends the record.
pub fn line(out: &mut String, r: &CallRecord, style: Style, zone: &TimeZone) {
    let mut line = Line::begin(out, style, zone);
    line.value(Some(r.id));
    line.instant(Some(r.timestamp_start));
    line.instant(r.timestamp_answered);
    line.instant(r.timestamp_end);
    line.text(Some(&r.incoming_did_number));
    line.text(r.caller_id_num.as_deref());
    line.text(r.caller_id_name.as_deref());
    line.text(Some(&r.call_status));
    line.value(Some(r.duration_seconds));
    line.value(Some(r.billsec_seconds));
    line.value(r.hangup_cause_code);
    line.text(r.hangup_cause_text.as_deref());
    line.text(r.hangup_by.as_deref());
    line.value(r.campaign.as_ref().map(|campaign| campaign.id));
    line.text(r.campaign.as_ref().map(|campaign| campaign.name.as_str()));
    line.value(r.did.as_ref().map(|did| did.id));
    line.text(r.did.as_ref().map(|did| did.number.as_str()));
    line.value(r.client.as_ref().map(|client| client.id));
    line.text(r.client.as_ref().map(|client| client.name.as_str()));
    line.text(r.client.as_ref().map(|client| client.client_identifier.as_str()));
    line.value(r.link_id);
    line.text(r.node.as_deref());
    line.text(r.sip_call_id.as_deref());
    line.value(Some(r.counted));
    line.text(Some(&r.asterisk_uniqueid));
    line.text(r.asterisk_linkedid.as_deref());
    line.instant(Some(r.created_at));
    line.value(Some(r.qualified));
    line.instant(r.reserved_at);
    line.text(r.overflow_exit.as_deref());
    line.value(r.overflowed_from);
    if let Some(user_id) = r.user_id {
        line.value(user_id);
    }
    line.end();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_has_a_name_for_every_column() {
        let columns = HEADER.split(',').collect::<Vec<_>>();
        assert_eq!(columns.len(), 31);
        assert!(columns.iter().all(|name| !name.is_empty() && !name.contains(' ')));
    }
}
