//! `capconduit openapi`: the API description (OpenAPI 3.1), generated from the handlers. api/openapi.json is its checked-in
//! copy: `capconduit openapi > api/openapi.json` writes it anew.

use std::process::ExitCode;

use anyhow::{Context, Result};

use crate::resources::{self, description};

/// The whole description, the internal API included.
fn document() -> Result<String> {
    let document = description::finished(resources::router(true).into_openapi())?;
    let mut text =
        serde_json::to_string_pretty(&document).context("the API description cannot be written")?;
    text.push('\n');
    Ok(text)
}

pub fn run() -> Result<ExitCode> {
    print!("{}", document()?);
    Ok(ExitCode::SUCCESS)
}
