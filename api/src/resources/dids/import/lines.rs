//! A line of an import, and lines as people paste them.

use utoipa::ToSchema;

use crate::http::fields::{Fields, Input, Unknown};
use crate::http::import::{self, Importable};
use crate::resources::campaigns::objects::NAME;
use crate::resources::dids::objects::{DESCRIPTION, NUMBER};

pub type Line = import::Line<NewLine>;

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

impl Importable for NewLine {
    const COLUMNS: &'static [&'static str] = &["number", "description", "campaign"];
    const EXPECTED: &'static str = "The first line must name the columns: number, and description and campaign if wanted, with commas between.";
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
