//! A call record as a line of CSV (RFC 4180), for programs as it is recorded, for spreadsheets so that no cell is a formula.

use std::borrow::Cow;
use std::fmt::Write;

use capconduit_core::names;
use jiff::tz::TimeZone;

use super::record::CallRecord;
use crate::http::clock::Instant;

pub const HEADER: &str = "id,timestampStart,timestampAnswered,timestampEnd,incomingDidNumber,callerIdNum,callerIdName,\
    callStatus,durationSeconds,billsecSeconds,hangupCauseCode,hangupCauseText,hangupBy,campaignId,campaignName,didId,\
    didNumber,clientId,clientName,clientIdentifier,linkId,node,sipCallId,counted,asteriskUniqueid,asteriskLinkedid,\
    createdAt";

/// For whom the cells are: `plain` for programs, as they are recorded; `spreadsheet` for people, harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Spreadsheet,
}

/// Appends the record.
pub fn line(out: &mut String, r: &CallRecord, style: Style, zone: &TimeZone) {
    let mut line = Line {
        out,
        style,
        zone,
        first: true,
    };
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
    if let Some(user_id) = r.user_id {
        line.value(user_id);
    }
    out.push_str("\r\n");
}

struct Line<'a> {
    out: &'a mut String,
    style: Style,
    zone: &'a TimeZone,
    first: bool,
}

impl Line<'_> {
    fn separate(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
    }

    fn value(&mut self, value: Option<impl std::fmt::Display>) {
        self.separate();
        if let Some(value) = value {
            let _ = write!(self.out, "{value}");
        }
    }

    fn instant(&mut self, instant: Option<Instant>) {
        let zone = self.zone;
        self.value(instant.map(|instant| instant.0.display_with_offset(zone.to_offset(instant.0))));
    }

    fn text(&mut self, text: Option<&str>) {
        self.separate();
        if let Some(text) = text {
            match self.style {
                Style::Plain => cell(self.out, text),
                Style::Spreadsheet => cell(self.out, &harmless(text)),
            }
        }
    }
}

/// What a spreadsheet takes for the start of a formula: = + - @, full width or small as well, since some fold them.
const FORMULA: [char; 14] = [
    '=', '+', '-', '@', '＝', '＋', '－', '＠', '﹦', '﹢', '﹣', '﹫', '−', '|',
];

/// At which programs split cells or lines: semicolon, tab, and all that ends a line.
const BREAKS: [char; 9] = [
    ';', '\t', '\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}',
];

/// Makes a cell text that a spreadsheet would take for a formula: a caller chooses the own name. A spreadsheet looks at the first
/// character that it does not skip, and an apostrophe in front makes the cell text. Programs that split cells at semicolons,
/// tabs or line breaks, whatever the quotes, may find a formula at the start of each part.
fn harmless(text: &str) -> Cow<'_, str> {
    let skipped = |c: char| c.is_whitespace() || c.is_control() || names::is_invisible(c);
    let is_formula = |part: &str| part.trim_start_matches(skipped).starts_with(FORMULA);
    let start = text.len() - text.trim_start_matches(skipped).len();
    let (blank, rest) = text.split_at(start);
    let inner = rest
        .match_indices(BREAKS)
        .any(|(at, found)| is_formula(&rest[at + found.len()..]));
    let control = blank.contains(char::is_control);
    if !is_formula(rest) && !inner && !control {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    if is_formula(rest) || control {
        out.push('\'');
    }
    out.push_str(blank);
    let mut parts = rest.split_inclusive(BREAKS);
    out.extend(parts.next());
    for part in parts {
        if is_formula(part) {
            out.push('\'');
        }
        out.push_str(part);
    }
    Cow::Owned(out)
}

fn cell(out: &mut String, text: &str) {
    if text.contains([',', '"']) || text.contains(BREAKS) || text.starts_with(' ') {
        out.push('"');
        out.push_str(&text.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_harmless() {
        for (text, plain, expected) in [
            ("plain", "plain", "plain"),
            ("+18005550101", "+18005550101", "'+18005550101"),
            ("=1+1", "=1+1", "'=1+1"),
            ("-1", "-1", "'-1"),
            ("@x", "@x", "'@x"),
            ("＝1+1", "＝1+1", "'＝1+1"),
            ("＋1", "＋1", "'＋1"),
            ("－1", "－1", "'－1"),
            ("＠x", "＠x", "'＠x"),
            ("\u{200b}=1", "\u{200b}=1", "'\u{200b}=1"),
            ("\u{3000}＝1", "\u{3000}＝1", "'\u{3000}＝1"),
            (" =1", "\" =1\"", "' =1"),
            ("\tx", "\"\tx\"", "\"'\tx\""),
            ("\r=1", "\"\r=1\"", "\"'\r=1\""),
            ("\u{b}=1", "\"\u{b}=1\"", "\"'\u{b}=1\""),
            ("\u{c}x", "\"\u{c}x\"", "\"'\u{c}x\""),
            ("\u{1}\t=1", "\"\u{1}\t=1\"", "\"'\u{1}\t=1\""),
            ("\u{2800}=1", "\u{2800}=1", "'\u{2800}=1"),
            ("a\t=1", "\"a\t=1\"", "\"a\t'=1\""),
            ("a\u{b}+1\u{c}@x", "\"a\u{b}+1\u{c}@x\"", "\"a\u{b}'+1\u{c}'@x\""),
            ("a\u{2028}=1", "\"a\u{2028}=1\"", "\"a\u{2028}'=1\""),
            ("a;=1", "\"a;=1\"", "\"a;'=1\""),
            ("a\n@x", "\"a\n@x\"", "\"a\n'@x\""),
            ("a-b=c", "a-b=c", "a-b=c"),
            ("a; b", "\"a; b\"", "\"a; b\""),
            ("a,b", "\"a,b\"", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\"", "\"say \"\"hi\"\"\""),
            ("=a\nb", "\"=a\nb\"", "\"'=a\nb\""),
            ("", "", ""),
        ] {
            let written = |text: &str| {
                let mut out = String::new();
                cell(&mut out, text);
                out
            };
            assert_eq!(written(text), plain, "{text:?}");
            assert_eq!(written(&harmless(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn the_header_has_a_name_for_every_column() {
        let columns = HEADER.split(',').collect::<Vec<_>>();
        assert_eq!(columns.len(), 27);
        assert!(columns.iter().all(|name| !name.is_empty() && !name.contains(' ')));
    }
}
