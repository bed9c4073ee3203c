//! Schemas as their readers want them, where utoipa says it otherwise.

use serde_json::{Map, Value, json};

pub fn tidy(document: &mut Value) {
    each_object(document, &mut words_are_an_enum);
    each_object(document, &mut a_parameter_is_not_null);
    items_by_reference(document);
}

fn each_object(value: &mut Value, work: &mut impl FnMut(&mut Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            work(object);
            object.values_mut().for_each(|value| each_object(value, work));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| each_object(value, work)),
        _ => {}
    }
}

fn may_be_null(schema: &Map<String, Value>) -> bool {
    schema["type"]
        .as_array()
        .is_some_and(|types| types.contains(&json!("null")))
}

/// Fields are declared with a pattern: `^(active|inactive)$`.
fn words_are_an_enum(schema: &mut Map<String, Value>) {
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let words = pattern.and_then(|pattern| pattern.strip_prefix("^(")?.strip_suffix(")$"));
    let is_word = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let Some(words) = words.filter(|words| words.split('|').all(is_word)) else {
        return;
    };
    let mut choices: Vec<Value> = words.split('|').map(Value::from).collect();
    if may_be_null(schema) {
        choices.push(Value::Null);
    }
    schema.remove("pattern");
    schema.insert("enum".to_owned(), Value::Array(choices));
}

/// It is there or not.
fn a_parameter_is_not_null(parameter: &mut Map<String, Value>) {
    if !matches!(
        parameter.get("in").and_then(Value::as_str),
        Some("query" | "header")
    ) {
        return;
    }
    let Some(Value::Object(schema)) = parameter.get_mut("schema") else {
        return;
    };
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|kind| kind != "null");
        let kind = types.pop();
        schema.insert("type".to_owned(), kind.unwrap_or_default());
    }
}

/// A page holds a copy of what its items are.
fn items_by_reference(document: &mut Value) {
    let Some(schemas) = document
        .pointer_mut("/components/schemas")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let pages: Vec<String> = schemas
        .keys()
        .filter(|name| name.starts_with("Page_"))
        .cloned()
        .collect();
    for page in pages {
        let item = page.trim_start_matches("Page_");
        if !schemas.contains_key(item) {
            let copy = schemas[&page]["properties"]["items"]["items"].clone();
            schemas.insert(item.to_owned(), copy);
        }
        let reference = json!({"$ref": format!("#/components/schemas/{item}")});
        schemas[&page]["properties"]["items"]["items"] = reference;
    }
}
