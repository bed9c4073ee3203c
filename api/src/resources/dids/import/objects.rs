//! What an import answers.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    pub dry_run: bool,
    /// How many numbers are stored now, or would be.
    #[schema(example = 9900)]
    pub created: usize,
    #[schema(example = 100)]
    pub faulty: usize,
    pub lines: Vec<ImportedLine>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportedLine {
    /// JSON: the place in `lines`, from 1. CSV: the line of the text in which it begins.
    #[schema(example = 17)]
    pub line: u64,
    #[schema(pattern = "^(created|valid|faulty)$", example = "created")]
    pub status: &'static str,
    pub number: Option<String>,
    pub id: Option<i64>,
    /// By field, for a faulty line.
    #[schema(value_type = Option<Object>)]
    pub errors: Option<Map<String, Value>>,
}

impl Imported {
    pub fn faults(self) -> impl Iterator<Item = (u64, Map<String, Value>)> {
        let lines = self.lines.into_iter();
        lines.filter_map(|line| Some((line.line, line.errors?)))
    }
}
