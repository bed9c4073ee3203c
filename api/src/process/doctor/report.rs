//! What the checks found, and how it is told.

/// What a check found: fine, worth a look, or wrong; each with a text.
pub enum Finding {
    Fine(String),
    Warning(String),
    Wrong(String),
}

pub use Finding::{Fine, Warning, Wrong};

#[derive(Debug, Default)]
pub struct Report {
    pub warnings: u32,
    pub wrong: u32,
}

impl Report {
    pub fn add(&mut self, name: &str, finding: Finding) {
        let (mark, text) = match finding {
            Fine(text) => ("ok  ", text),
            Warning(text) => {
                self.warnings += 1;
                ("warn", text)
            }
            Wrong(text) => {
                self.wrong += 1;
                ("FAIL", text)
            }
        };
        println!("{mark}  {name:<14} {text}");
    }

    /// A check that could not be made is wrong, too.
    pub fn add_result(&mut self, name: &str, result: Result<Finding, tokio_postgres::Error>) {
        let finding = result.unwrap_or_else(|error| {
            let text = error
                .as_db_error()
                .map_or_else(|| error.to_string(), |db| db.message().to_owned());
            Wrong(format!("cannot be checked: {text}"))
        });
        self.add(name, finding);
    }
}
