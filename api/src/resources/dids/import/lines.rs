//! The lines of an import, out of JSON or CSV. A line that cannot be read is a faulty line, and the others go on.

use csv::{ReaderBuilder, StringRecord, Trim};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};
use crate::http::fields::{Fields, Input, Unknown};
use crate::resources::campaigns::objects::NAME;
use crate::resources::dids::objects::{DESCRIPTION, NUMBER};

pub const MAX_LINES: usize = 10_000;
const COLUMNS: [&str; 3] = ["number", "description", "campaign"];

#[derive(Debug, ToSchema)]
pub struct NewLine {
    #[schema(pattern = r"^\+[1-9][0-9]{1,14}$", example = "+18005550199")]
    pub number: String,
    #[schema(max_length = 255)]
    pub description: Option<String>,
    /// The name of an own campaign that takes the number.
    #[schema(max_length = 100)]
    pub campaign: Option<String>,
}

impl Input for NewLine {
    const UNKNOWN: Unknown = Unknown::Refuse;

    fn read(f: &mut Fields) -> Self {
        NewLine {
            number: f.required_text("number", &NUMBER),
            description: f.nullable_text("description", &DESCRIPTION).flatten(),
            campaign: f.nullable_text("campaign", &NAME).flatten(),
        }
    }
}

#[derive(Debug)]
pub struct Line {
    pub line: u64,
    pub read: Result<NewLine, Map<String, Value>>,
}

/// Each line by itself, so that a body of four megabytes does not become many times that.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lines<'a> {
    #[serde(borrow)]
    lines: Vec<&'a RawValue>,
}

pub fn read(bytes: &[u8], is_csv: bool) -> ApiResult<Vec<Line>> {
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

fn of_json(bytes: &[u8]) -> ApiResult<Vec<Line>> {
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

fn of_csv(bytes: &[u8]) -> ApiResult<Vec<Line>> {
    // As spreadsheets write it.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = ReaderBuilder::new()
        .flexible(true)
        .trim(Trim::Headers)
        .from_reader(bytes);
    let header = reader.headers().cloned().unwrap_or_default();
    let known = header.iter().all(|name| COLUMNS.contains(&name));
    let twice = COLUMNS
        .iter()
        .any(|name| header.iter().filter(|given| given == name).count() > 1);
    if !known || twice || !header.iter().any(|name| name == "number") {
        return Err(ApiError::field(
            &["lines"],
            "The first line must name the columns: number, and description and campaign if wanted, with commas between.",
        ));
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
                    .filter(|(_, cell)| !cell.is_empty());
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

/// As people paste them: a number, and behind a comma, a semicolon or a tab what it is for.
pub fn of_text(text: &str) -> Vec<Line> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, text)| !text.is_empty()).map(|(line, text)| {
        let (number, description) = text.split_once([',', ';', '\t']).unwrap_or((text, ""));
        let cells = [("number", number.trim()), ("description", description.trim())];
        let filled = cells.into_iter().filter(|(_, cell)| !cell.is_empty());
        let map = filled
            .map(|(name, cell)| (name.to_owned(), cell.into()))
            .collect();
        Line {
            line,
            read: Fields::one_of_many(&map),
        }
    });
    lines.collect()
}

/// The reader's position is before the line ends that it passes over: of CRLF, and of empty lines.
fn line_of(bytes: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or_default();
    let rest = bytes.get(start..).unwrap_or_default();
    let ends = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    let passed = ends.filter(|byte| **byte == b'\n').count();
    position.line() + u64::try_from(passed).unwrap_or_default()
}
