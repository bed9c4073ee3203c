//! CSV (RFC 4180): cells for programs as they are recorded, for spreadsheets so that no cell is a formula; and exports, streamed in
//! short batches. Each batch is its own transaction, so that an export of any size holds neither memory nor a snapshot. An error in
//! the middle breaks the connection off, so that nobody takes a part for the whole.

use std::borrow::Cow;
use std::fmt::Write;

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use capconduit_core::names;
use futures_util::stream::{self, StreamExt};
use jiff::tz::TimeZone;
use utoipa::IntoParams;

use super::clock::Instant;
use super::params::Params;
use crate::error::{ApiError, ApiResult};

/// What an export is made of.
pub trait Batches: Send + 'static {
    /// Appends the next batch; says whether there may be more.
    fn batch(&mut self, text: &mut String) -> impl Future<Output = ApiResult<bool>> + Send;
}

/// The first batch comes before the answer's head: what is wrong from the start gets its status.
pub async fn export(mut batches: impl Batches, mut text: String, file: &str) -> ApiResult<Response> {
    text.push_str("\r\n");
    let more = batches.batch(&mut text).await?;
    let first = stream::once(async move { Ok::<_, std::io::Error>(Bytes::from(text)) });
    let rest = stream::try_unfold((batches, more), |(mut batches, more)| async move {
        if !more {
            return Ok(None);
        }
        let mut text = String::new();
        let more = batches.batch(&mut text).await.map_err(broken_off)?;
        Ok(Some((Bytes::from(text), (batches, more))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{file}\""),
        ),
    ];
    Ok((headers, Body::from_stream(first.chain(rest))).into_response())
}

fn broken_off(error: ApiError) -> std::io::Error {
    let cause = error.0.cause.unwrap_or(error.0.message);
    tracing::error!(cause, "an export was broken off");
    std::io::Error::other("the export was broken off")
}

/// For whom the cells are: `plain` for programs, as they are recorded; `spreadsheet` for people, harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    Plain,
    Spreadsheet,
}

/// Described for the API; read by `Style::read`.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the parameter that Style::read reads")]
pub struct StyleParams {
    /// spreadsheet (the default): an apostrophe stands before what a spreadsheet would take for a formula, numbers with a plus
    /// included. plain: every cell as it is recorded.
    #[param(example = "plain")]
    style: Option<String>,
}

impl Style {
    pub fn read(params: &Params) -> ApiResult<Self> {
        let style = params.choice("style", &["plain", "spreadsheet"])?;
        Ok(match style.as_deref() {
            Some("plain") => Style::Plain,
            _ => Style::Spreadsheet,
        })
    }
}

/// One line that is being written.
pub struct Line<'a> {
    out: &'a mut String,
    style: Style,
    zone: &'a TimeZone,
    first: bool,
}

impl<'a> Line<'a> {
    pub fn begin(out: &'a mut String, style: Style, zone: &'a TimeZone) -> Self {
        Line {
            out,
            style,
            zone,
            first: true,
        }
    }

    pub fn end(self) {
        self.out.push_str("\r\n");
    }

    fn separate(&mut self) {
        if !std::mem::replace(&mut self.first, false) {
            self.out.push(',');
        }
    }

    pub fn value(&mut self, value: Option<impl std::fmt::Display>) {
        self.separate();
        if let Some(value) = value {
            let _ = write!(self.out, "{value}");
        }
    }

    pub fn instant(&mut self, instant: Option<Instant>) {
        let zone = self.zone;
        self.value(instant.map(|instant| instant.0.display_with_offset(zone.to_offset(instant.0))));
    }

    pub fn text(&mut self, text: Option<&str>) {
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
}
