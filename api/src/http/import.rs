//! Imports: many lines at once, as JSON or CSV, each with its own answer. A line that cannot be read is a faulty line, and the others go
//! on. All of it is one transaction: a connection that breaks off leaves nothing.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use utoipa::IntoParams;

use super::body;
use super::fields::{Fields, Input};
use super::once::Once;
use super::params::Params;
use crate::error::{ApiError, ApiResult};

pub const MAX_LINES: usize = 10_000;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// How many imports are worked on at once. Too many: their lines fill the memory, and they take the pool's connections. Too few: people wait for one another.
static WORKING: Semaphore = Semaphore::const_new(2);
const WAIT: Duration = Duration::from_secs(5);

const MODES: [&str; 2] = ["all", "valid"];

/// What a line can be read as.
pub trait Importable: Input {
    /// Of CSV; the first must be there.
    const COLUMNS: &'static [&'static str];
    /// What an export has beside them: they are passed over.
    const PASSED_OVER: &'static [&'static str] = &[];
    const EXPECTED: &'static str;
}

#[derive(Debug)]
pub struct Line<T> {
    pub line: u64,
    pub read: Result<T, Map<String, Value>>,
}

impl<T> Line<T> {
    /// What is wrong with one of its fields.
    pub fn fault(&mut self, key: &str, text: String) {
        self.read = Err(Map::from_iter([(key.to_owned(), json!([text]))]));
    }
}

/// What the address says of an import.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes what `Import` reads")]
pub struct ImportParams {
    /// `all`: a faulty line lets the whole import fail. `valid`: faulty lines are left out.
    #[param(pattern = "^(all|valid)$", default = "all", required = false)]
    mode: Option<String>,
    /// `true`: every line is answered as with `mode=valid`, and nothing is stored.
    #[param(default = false, required = false)]
    dry_run: Option<bool>,
}

pub struct Import<T> {
    pub all: bool,
    pub dry_run: bool,
    pub lines: Vec<Line<T>>,
    pub once: Once,
    pub working: SemaphorePermit<'static>,
}

impl<T: Importable, S: Send + Sync> FromRequest<S> for Import<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let is_csv = body::kind(&parts.headers) == "text/csv";
        if !is_csv && !body::is_json(&parts.headers) {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media_type",
                "Send the lines as application/json or as text/csv.",
            ));
        }
        // First, so that whoever sends slowly keeps nobody else waiting.
        let bytes = body::read_up_to(body, MAX_BYTES).await?;
        let working = tokio::time::timeout(WAIT, WORKING.acquire()).await;
        let Ok(Ok(working)) = working else {
            let text = "Other imports are being worked on. Repeat the request in a moment.";
            return Err(ApiError::unavailable(
                "busy",
                text,
                "imports wait for one another",
            ));
        };
        let params = Params::parse(parts.uri.query().unwrap_or(""));
        let lines = read(&bytes, is_csv)?;
        Ok(Import {
            all: params.choice("mode", &MODES)?.is_none_or(|mode| mode == "all"),
            dry_run: params.flag("dry_run")?.unwrap_or(false),
            lines,
            once: Once::of(&parts, &bytes)?,
            working,
        })
    }
}

/// The faults by line.
pub fn refused(faults: impl Iterator<Item = (u64, Map<String, Value>)>) -> ApiError {
    let faults: Map<String, Value> = faults
        .map(|(line, errors)| (line.to_string(), Value::Object(errors)))
        .collect();
    let faulty = faults.len();
    let mut error = ApiError::fields(Map::from_iter([("lines".to_owned(), Value::Object(faults))]));
    let are = if faulty == 1 { "line is" } else { "lines are" };
    error.0.message = format!("{faulty} {are} faulty; nothing was stored. `mode=valid` leaves them out.");
    error
}

/// Each line by itself, so that a body of four megabytes does not become many times that.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines<'a> {
    #[serde(borrow)]
    lines: Vec<&'a RawValue>,
}

fn read<T: Importable>(bytes: &[u8], is_csv: bool) -> ApiResult<Vec<Line<T>>> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(ApiError::bad_request(
            "empty_body",
            "The body is empty: send lines.",
        ));
    }
    let lines = if is_csv { of_csv(bytes)? } else { of_json(bytes)? };
    match lines.len() {
        0 => Err(ApiError::field(&["lines"], "There is no line.")),
        _ => Ok(lines),
    }
}

fn too_many() -> ApiError {
    ApiError::field(
        &["lines"],
        format!("More than {MAX_LINES} lines: send them in parts."),
    )
}

fn fault(text: &str) -> Map<String, Value> {
    Map::from_iter([("line".to_owned(), json!([text]))])
}

fn of_json<T: Importable>(bytes: &[u8]) -> ApiResult<Vec<Line<T>>> {
    let body: Lines = serde_json::from_slice(bytes).map_err(|error| {
        if error.is_data() {
            return ApiError::field(
                &["lines"],
                "An object with one key is expected: `lines`, a list of objects.",
            );
        }
        let place = format!("line {}, column {}", error.line(), error.column());
        ApiError::bad_request("malformed_json", format!("The body is not valid JSON ({place})."))
    })?;
    if body.lines.len() > MAX_LINES {
        return Err(too_many());
    }
    let lines = (1..).zip(body.lines).map(|(line, raw)| Line {
        line,
        read: match serde_json::from_str::<Map<String, Value>>(raw.get()) {
            Ok(map) => Fields::one_of_many(&map),
            Err(_) => Err(fault("Must be an object.")),
        },
    });
    Ok(lines.collect())
}

/// The first line names the columns.
pub fn of_csv<T: Importable>(bytes: &[u8]) -> ApiResult<Vec<Line<T>>> {
    // As spreadsheets write it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::Headers)
        .from_reader(bytes);
    let header = reader.headers().cloned().unwrap_or_default();
    let known = |name: &str| T::COLUMNS.contains(&name) || T::PASSED_OVER.contains(&name);
    let twice = |name: &&str| header.iter().filter(|given| given == name).count() > 1;
    let needed = T::COLUMNS.first();
    if !header.iter().all(known)
        || T::COLUMNS.iter().any(twice)
        || !header.iter().any(|name| Some(&name) == needed)
    {
        return Err(ApiError::field(&["lines"], T::EXPECTED));
    }
    let mut lines = Vec::new();
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        if lines.len() == MAX_LINES {
            return Err(too_many());
        }
        // As spreadsheets leave them behind the last one.
        if record.iter().all(<[u8]>::is_empty) {
            continue;
        }
        let line = record.position().map_or(0, |position| line_of(bytes, position));
        let read = match StringRecord::from_byte_record(record.clone()) {
            Err(_) => Err(fault("Not UTF-8.")),
            Ok(cells) if cells.len() != header.len() => Err(fault(&format!(
                "{} cells, where the first line has {}.",
                cells.len(),
                header.len()
            ))),
            Ok(cells) => {
                let filled = header
                    .iter()
                    .zip(cells.iter())
                    .filter(|(name, cell)| !cell.is_empty() && T::COLUMNS.contains(name));
                let map = filled
                    .map(|(name, cell)| (name.to_owned(), cell.into()))
                    .collect();
                Fields::one_of_many(&map)
            }
        };
        lines.push(Line { line, read });
    }
    Ok(lines)
}

/// The reader's position is before the line ends that it passes over: of CRLF, and of empty lines.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or_default();
    let rest = bytes.get(start..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let passed = ends.filter(|byte| **byte == b'\n').count();
    position.line() + u64::try_from(passed).unwrap_or_default()
}
