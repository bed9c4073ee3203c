//! The rule for one text of a request: what it is for, its length, and what it may hold.

use capconduit_core::{names, zone};
use unicode_normalization::UnicodeNormalization;

/// A rule beyond length: the error is the text for the caller.
pub type Check = fn(&str) -> Result<(), String>;

/// What a text is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A machine's name or value: blanks around it do not count.
    Name,
    /// A name that people give: it can be seen, turns nothing around, and is stored composed.
    Title,
    /// Prose for people: as a title, with line breaks and tabs.
    Prose,
    /// Kept byte for byte: passwords.
    Exact,
    /// As it came. Only NUL is left out, which the database cannot hold.
    Anything,
}

/// The rule for one text.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    kind: Kind,
    min: usize,
    max: usize,
    check: Option<Check>,
}

/// Whose days and hours are counted.
pub const TIME_ZONE: Text = Text::name(1, 64).check(time_zone);

fn time_zone(text: &str) -> Result<(), String> {
    match zone::parse(text) {
        Some(_) => Ok(()),
        None => Err(format!("'{text}' is not accepted: {}.", zone::EXPECTED)),
    }
}

impl Text {
    const fn of(kind: Kind, min: usize, max: usize) -> Self {
        Text {
            kind,
            min,
            max,
            check: None,
        }
    }

    pub const fn name(min: usize, max: usize) -> Self {
        Self::of(Kind::Name, min, max)
    }

    pub const fn title(min: usize, max: usize) -> Self {
        Self::of(Kind::Title, min, max)
    }

    pub const fn exact(min: usize, max: usize) -> Self {
        Self::of(Kind::Exact, min, max)
    }

    pub const fn prose(max: usize) -> Self {
        Self::of(Kind::Prose, 0, max)
    }

    /// For what a switch tells: the database's functions judge it, and cut it to its column.
    pub const fn anything() -> Self {
        Self::of(Kind::Anything, 0, usize::MAX)
    }

    /// The same with a minimum and a maximum length.
    pub const fn of_length(mut self, min: usize, max: usize) -> Self {
        self.min = min;
        self.max = max;
        self
    }

    pub const fn check(mut self, check: Check) -> Self {
        self.check = Some(check);
        self
    }

    /// The text as it is stored, or what is wrong with it.
    pub fn apply(&self, text: &str) -> Result<String, String> {
        let text = match self.kind {
            Kind::Name => text.trim().to_owned(),
            Kind::Title | Kind::Prose => composed(text.trim()),
            Kind::Exact | Kind::Anything => text.to_owned(),
        };
        match self.kind {
            Kind::Title | Kind::Prose => names::check(&text, self.kind == Kind::Prose)?,
            Kind::Name | Kind::Exact if text.chars().any(char::is_control) => {
                return Err("Control characters are not allowed.".into());
            }
            _ => {}
        }
        let length = text.chars().count();
        if length > self.max {
            return Err(format!("At most {} characters.", self.max));
        }
        if length < self.min {
            return Err(match self.min {
                1 => "Must not be empty.".into(),
                min => format!("At least {min} characters."),
            });
        }
        if let Some(check) = self.check {
            check(&text)?;
        }
        Ok(match self.kind {
            Kind::Anything => text.replace('\0', ""),
            _ => text,
        })
    }
}

/// Unicode's composed form (NFC): one name is not two because its letters were written with separate accents.
pub fn composed(text: &str) -> String {
    text.nfc().collect()
}
