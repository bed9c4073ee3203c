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
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str =
        "SELECT * FROM log_call(uniqueid => 'pbx1-1.1', did => '+18005550101', call_status => 'BUSY');\n";

    fn refused(text: &str) -> String {
        match parse(text.as_bytes()) {
            Err(Refusal::Invalid(reason)) => reason,
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn a_record_is_read() {
        let text = "SELECT * FROM log_call(uniqueid => 'pbx1-1.1', did => '', call_status => 'ANSWERED', \
                    caller_name=>'O''Neil \\'' ); DROP TABLE x; --', duration_seconds => 12 , link_id=> NULL, \
                    hangup_cause_code => -1);\n";
        let record = parse(text.as_bytes()).unwrap();
        let value = |name: &str| record.0[ARGUMENTS.iter().position(|n| *n == name).unwrap()].as_deref();
        assert_eq!(record.uniqueid(), "pbx1-1.1");
        assert_eq!(value("did"), None);
        assert_eq!(value("caller_name"), Some("O'Neil \\' ); DROP TABLE x; --"));
        assert_eq!(value("duration_seconds"), Some("12"));
        assert_eq!(value("hangup_cause_code"), Some("-1"));
        assert_eq!(value("link_id"), None);
    }

    #[test]
    fn bytes_that_are_no_text_are_repaired() {
        let [before, after] = [
            "SELECT * FROM log_call(uniqueid => 'pbx1-1.1', did => 'x', call_status => 'BUSY', caller_name => '",
            "');\n",
        ];
        for (value, expected) in [
            (&b"J\xf6rg"[..], "J\u{fffd}rg"),
            (b"\xff''\xfe", "\u{fffd}'\u{fffd}"),
            (b"a\0b", "a\u{fffd}b"),
            // Cut within a character, overlong, a surrogate, beyond the last one.
            (b"Zo\xc3", "Zo\u{fffd}"),
            (b"\xc0\xa7", "\u{fffd}\u{fffd}"),
            (b"\xed\xa0\x80", "\u{fffd}\u{fffd}\u{fffd}"),
            (b"\xf4\x90\x80\x80", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
            ("\u{1}\u{7f}\\".as_bytes(), "\u{1}\u{7f}\\"),
        ] {
            let bytes = [before.as_bytes(), value, after.as_bytes()].concat();
            let record = parse(&bytes).unwrap();
            assert_eq!(record.0[6].as_deref(), Some(expected));
            // And while it grows it waits for its end.
            for end in 0..bytes.len() {
                assert_eq!(parse(&bytes[..end]), Err(Refusal::Incomplete), "cut at {end}");
            }
        }
    }

    #[test]
    fn the_same_record_twice_is_one_and_two_records_are_none() {
        assert_eq!(parse(GOOD.repeat(2).as_bytes()), parse(GOOD.as_bytes()));
        let other = GOOD.replace("BUSY", "CANCEL");
        assert!(refused(&format!("{GOOD}{other}")).contains("two different"));
    }

    #[test]
    fn nothing_else_is_a_record() {
        let with = |value: &str| GOOD.replace("'BUSY'", value);
        for text in [
            with("'BUSY'); DROP TABLE call_logs"),
            format!("{GOOD}SELECT 1;\n"),
            format!("{GOOD}\n"),
            with("pg_sleep(10)"),
            with("(select 'x')"),
            with("E'\\x41'"),
            with("B'1'"),
            with("U&'x'"),
            with("$$BUSY$$"),
            with("'BUSY' 'IDLE'"),
            with("'BUSY'||'x'"),
            with("'BUSY'::text"),
            with("-- comment\n'BUSY'"),
            with("/* comment */'BUSY'"),
            with("'BUSY' -- comment"),
            with("1.5"),
            with("1e5"),
            with("--5"),
            with("\"BUSY\""),
            with("NULLIF('a','b')"),
            with("null"),
            with("9999999999999999999"),
            GOOD.replace("log_call", "release_call"),
            GOOD.replace("log_call", "public.log_call"),
            GOOD.replace("SELECT", "select"),
            GOOD.replace("SELECT", "EXPLAIN ANALYZE SELECT"),
            GOOD.replace("call_status =>", "call_status :="),
            GOOD.replace("did =>", "dids =>"),
            GOOD.replace("did => '+18005550101'", "uniqueid => '2'"),
            GOOD.replace("did => '+18005550101', ", ""),
            GOOD.replace("uniqueid => ", ""),
            GOOD.replace(");\n", ",);\n"),
            GOOD.replace(";\n", "\n"),
            GOOD.replace(";\n", ";\r\n"),
            "SELECT * FROM log_call();\n".into(),
            "\u{feff}".to_owned() + GOOD,
            " ".to_owned() + GOOD,
            "\\! touch /tmp/x\n".into(),
            "\0".into(),
        ] {
            refused(&text);
        }
        assert!(matches!(parse(b"SELECT \xff"), Err(Refusal::Invalid(_))));
        assert!(matches!(
            parse(b"SELECT \0* FROM log_call("),
            Err(Refusal::Invalid(_))
        ));
        assert!(refused(&with(&format!("'{}'", "x".repeat(MAX_BYTES)))).contains("more than"));
    }

    fn literal() -> impl Strategy<Value = (String, Option<String>)> {
        prop_oneof![
            Just(("NULL".to_owned(), None)),
            (-999_999i64..999_999).prop_map(|n| (n.to_string(), Some(n.to_string()))),
            any::<String>().prop_map(|text| {
                let text = text.replace('\0', "");
                let value = Some(text.clone()).filter(|text| !text.is_empty());
                (format!("'{}'", text.replace('\'', "''")), value)
            }),
            "['\\\\;\n)(,=>a]{0,12}".prop_map(|text| {
                let value = Some(text.clone()).filter(|text| !text.is_empty());
                (format!("'{}'", text.replace('\'', "''")), value)
            }),
        ]
    }

    prop_compose! {
        fn statement()(
            literals in prop::collection::vec(literal(), ARGUMENTS.len()),
            left_out in prop::collection::vec(any::<bool>(), ARGUMENTS.len()),
        ) -> (String, Record) {
            let mut record = Record(vec![None; ARGUMENTS.len()]);
            let mut arguments = Vec::new();
            for (n, (text, value)) in literals.into_iter().enumerate() {
                if n < 3 || !left_out[n] {
                    arguments.push(format!("{} => {text}", ARGUMENTS[n]));
                    record.0[n] = value;
                }
            }
            (format!("SELECT * FROM log_call({});\n", arguments.join(", ")), record)
        }
    }

    proptest! {
        // No folder of seeds: a failure prints its input.
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_was_written_is_what_is_read((text, record) in statement()) {
            prop_assert_eq!(parse(text.as_bytes()), Ok(record));
        }

        #[test]
        fn every_beginning_waits_for_its_end((text, _) in statement()) {
            for end in 0..text.len() {
                prop_assert_eq!(parse(&text.as_bytes()[..end]), Err(Refusal::Incomplete), "cut at {}", end);
            }
        }

        #[test]
        fn no_input_is_too_much(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&bytes);
        }

        /// One byte changed: a record still, or refused; never more than one statement.
        #[test]
        fn a_changed_byte_never_adds_an_argument((text, _) in statement(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(record) = parse(&bytes) {
                let again = bytes.repeat(2);
                prop_assert_eq!(parse(&again), Ok(record));
            }
        }
    }
}
