//! Tests of how a body is read, and that every fault is told under its key.

use super::*;

#[derive(Debug)]
struct Sample {
    name: String,
    note: Option<Option<String>>,
    count: Option<i32>,
}

impl Input for Sample {
    const UNKNOWN: Unknown = Unknown::Refuse;
    fn read(f: &mut Fields) -> Self {
        Sample {
            name: f.required_text("name", &Text::name(1, 5)),
            note: f.nullable_text("note", &Text::prose(10)),
            count: f.small_int("count", 1..=10),
        }
    }
}

fn parse(value: Value) -> Result<Sample, Value> {
    match value {
        Value::Object(map) => Fields::parse(&map, Sample::UNKNOWN).map_err(|e| json!(e.0.errors)),
        _ => panic!("the test gives an object"),
    }
}

#[test]
fn absent_null_and_value_differ() {
    assert_eq!(parse(json!({"name": "a"})).unwrap().note, None);
    assert_eq!(
        parse(json!({"name": "a", "note": null})).unwrap().note,
        Some(None)
    );
    assert_eq!(
        parse(json!({"name": " a ", "note": "x\ny"})).unwrap().note,
        Some(Some("x\ny".into()))
    );
    assert_eq!(
        parse(json!({"name": " a ", "count": "7"})).unwrap().count,
        Some(7)
    );
    assert_eq!(parse(json!({"name": " a "})).unwrap().name, "a");
}

#[test]
fn every_fault_is_reported_under_its_key() {
    let errors = parse(json!({"name": "abcdef", "note": 5, "count": 1.5, "extra": 1})).unwrap_err();
    for key in ["name", "note", "count", "extra"] {
        assert!(errors[key].is_array(), "{key}: {errors}");
    }
    let errors = parse(json!({"name": "a\u{0}", "count": true, "note": "\u{7}"})).unwrap_err();
    for key in ["name", "note", "count"] {
        assert!(errors[key].is_array(), "{key}: {errors}");
    }
    for count in [
        json!(0),
        json!(11),
        json!(u64::MAX),
        json!("x"),
        json!(null),
        json!([]),
    ] {
        assert!(parse(json!({"name": "a", "count": count})).is_err(), "{count}");
    }
}
