//! What a spooled file may say: exactly one call of `log_call` with named arguments, each a literal. The dialplan wrote
//! the text for the database; here it is never executed. It is read into a record, whose values are sent as parameters.
//!
//! A text in it may hold bytes that are none: they are repaired, and the record is kept.
//!
//! A file that may still be growing is `Incomplete`: more bytes could make it whole. Nothing can mend an `Invalid` one.

use std::borrow::Cow;

/// The arguments of `log_call`, in the order of [`super::replay::LOG_CALL`].
pub const ARGUMENTS: [&str; 22] = [
    "uniqueid",
    "did",
    "call_status",
    "node",
    "linkedid",
    "caller_number",
    "caller_name",
    "started_at",
    "answered_at",
    "ended_at",
    "duration_seconds",
    "billsec_seconds",
    "hangup_cause_code",
    "hangup_cause_text",
    "hangup_by",
    "sip_call_id",
    "decision",
    "link_id",
    "campaign_id",
    "client_id",
    "did_id",
    "user_id",
];

/// Far above any record: the longest values that are kept make some 2 KB.
pub const MAX_BYTES: usize = 64 * 1024;

/// A value for each of [`ARGUMENTS`]. '' means NULL, as everywhere in the call functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record(pub Vec<Option<String>>);

impl Record {
    pub fn uniqueid(&self) -> &str {
        self.0[0].as_deref().unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It ends too early.
    Incomplete,
    /// What is wrong, for people.
    Invalid(String),
}

/// Reads a whole file. The same statement twice is one record: the dialplan may have appended it again when it could not
/// tell whether its first try was written.
pub fn parse(bytes: &[u8]) -> Result<Record, Refusal> {
    if bytes.len() > MAX_BYTES {
        return invalid(format!("it has more than {MAX_BYTES} bytes"));
    }
    let text = repaired(bytes);
    let text = text.as_ref();
    let mut reader = Reader { text, at: 0 };
    let record = reader.statement()?;
    while reader.at < text.len() {
        if reader.statement()? != record {
            return invalid("it holds two different records".into());
        }
    }
    Ok(record)
}

/// What a stranger wrote into SIP is no reason to lose a record: bytes that no text can hold become U+FFFD. All of them are
/// above those of quotes and names, so what is a value stays one.
fn repaired(bytes: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(bytes);
    if text.contains('\0') {
        Cow::Owned(text.replace('\0', "\u{fffd}"))
    } else {
        text
    }
}

fn invalid<T>(reason: String) -> Result<T, Refusal> {
    Err(Refusal::Invalid(reason))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// `SELECT * FROM log_call(name => value, …);` and a newline.
    fn statement(&mut self) -> Result<Record, Refusal> {
        for (n, word) in ["SELECT", "*", "FROM", "log_call"].into_iter().enumerate() {
            if n > 0 {
                self.blanks();
            }
            self.expect(word)?;
        }
        self.blanks();
        self.expect("(")?;
        let mut values = vec![None; ARGUMENTS.len()];
        let mut given = [false; ARGUMENTS.len()];
        loop {
            self.blanks();
            let index = self.name()?;
            if std::mem::replace(&mut given[index], true) {
                return invalid(format!("{} is given twice", ARGUMENTS[index]));
            }
            self.blanks();
            self.expect("=>")?;
            self.blanks();
            values[index] = self.value()?.filter(|value| !value.is_empty());
            self.blanks();
            match self.next()? {
                ',' => {}
                ')' => break,
                other => return self.unexpected(other, "a comma or the closing parenthesis"),
            }
        }
        self.expect(";")?;
        self.expect("\n")?;
        match given.iter().take(3).position(|given| !given) {
            Some(missing) => invalid(format!("{} is missing", ARGUMENTS[missing])),
            None => Ok(Record(values)),
        }
    }

    fn name(&mut self) -> Result<usize, Refusal> {
        let name = self.run(|c| c.is_ascii_lowercase() || c == '_');
        // A name that is cut may look like another one: `did` of `did_id`.
        self.peek()?;
        match ARGUMENTS.iter().position(|argument| *argument == name) {
            Some(index) => Ok(index),
            None => invalid(format!("{name:?} is no argument of log_call")),
        }
    }

    /// A quoted text, a whole number or NULL.
    fn value(&mut self) -> Result<Option<String>, Refusal> {
        match self.peek()? {
            '\'' => self.quoted().map(Some),
            'N' => self.expect("NULL").map(|()| None),
            c if c == '-' || c.is_ascii_digit() => self.number().map(Some),
            other => self.unexpected(other, "a quoted text, a whole number or NULL"),
        }
    }

    /// A quote inside is doubled; a backslash is a character like any other.
    fn quoted(&mut self) -> Result<String, Refusal> {
        self.expect("'")?;
        let mut value = String::new();
        loop {
            value.push_str(self.run(|c| c != '\''));
            self.expect("'")?;
            if self.peek()? != '\'' {
                return Ok(value);
            }
            self.expect("'")?;
            value.push('\'');
        }
    }

    fn number(&mut self) -> Result<String, Refusal> {
        let start = self.at;
        if self.peek()? == '-' {
            self.at += 1;
        }
        let digits = self.run(|c| c.is_ascii_digit());
        if digits.is_empty() {
            let other = self.peek()?;
            return self.unexpected(other, "a digit");
        }
        if digits.len() > 18 {
            return invalid(format!("a number at byte {start} has more than 18 digits"));
        }
        Ok(self.text[start..self.at].to_owned())
    }

    fn blanks(&mut self) {
        self.run(|c| c == ' ');
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = &self.text[self.at..];
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn expect(&mut self, token: &str) -> Result<(), Refusal> {
        let rest = &self.text[self.at..];
        if rest.starts_with(token) {
            self.at += token.len();
            Ok(())
        } else if token.starts_with(rest) {
            Err(Refusal::Incomplete)
        } else {
            invalid(format!("{token:?} is missing at byte {}", self.at))
        }
    }

    fn peek(&self) -> Result<char, Refusal> {
        self.text[self.at..].chars().next().ok_or(Refusal::Incomplete)
    }

    fn next(&mut self) -> Result<char, Refusal> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Ok(c)
    }

    fn unexpected<T>(&self, found: char, wanted: &str) -> Result<T, Refusal> {
        invalid(format!("{found:?} near byte {} where {wanted} belongs", self.at))
    }
}

#[cfg(test)]
mod tests;
