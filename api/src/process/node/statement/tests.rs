//! Tests of what is read from a spooled file, and what is refused.

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
