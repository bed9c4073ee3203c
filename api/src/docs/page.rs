//! What /docs shows of the description: operations by tag, each with what it does, what it takes, within which limits, what it answers.

use askama::Template;
use serde_json::Value;

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    about: String,
    version: String,
    tags: Vec<Tag>,
}

struct Tag {
    name: String,
    description: String,
    operations: Vec<Operation>,
}

struct Operation {
    id: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    /// What its requests are let in by: `session`, `switch`, or nothing.
    credential: &'static str,
    parameters: Vec<Field>,
    fields: Vec<Field>,
    /// The kind of its body, and an example.
    media: String,
    sent: String,
    answers: Vec<Answer>,
}

struct Field {
    name: String,
    place: String,
    is_required: bool,
    takes: String,
    text: String,
}

struct Answer {
    status: String,
    description: String,
    example: String,
}

/// How deep objects in objects are told.
const DEPTH: usize = 4;

pub fn render(description: &Value) -> String {
    let reader = Reader(description);
    let tags = description["tags"].as_array().into_iter().flatten();
    let docs = Docs {
        about: text(&description["info"]["description"]),
        version: text(&description["info"]["version"]),
        tags: tags.map(|tag| reader.tag(tag)).collect(),
    };
    docs.render().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// As it is sent: text as it is, all else as JSON.
fn shown(example: &Value) -> String {
    match example {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    }
}

struct Reader<'a>(&'a Value);

impl<'a> Reader<'a> {
    fn tag(&self, tag: &Value) -> Tag {
        let paths = self.0["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods
                .filter(|(_, operation)| operation["tags"][0] == tag["name"])
                .map(move |(method, operation)| self.operation(method, path, operation))
        });
        Tag {
            name: text(&tag["name"]),
            description: text(&tag["description"]),
            operations: operations.collect(),
        }
    }

    fn operation(&self, method: &str, path: &str, operation: &'a Value) -> Operation {
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let content = operation["requestBody"]["content"].as_object();
        let body = content.and_then(|content| {
            content
                .get_key_value("application/json")
                .or(content.iter().next())
        });
        let mut fields = Vec::new();
        if let Some((_, content)) = body {
            self.fields(&content["schema"], "", DEPTH, &mut fields);
        }
        let answers = operation["responses"].as_object().into_iter().flatten();
        let security = operation["security"].to_string();
        Operation {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            credential: match security.as_str() {
                "null" => "session",
                named if named.contains("switch") => "switch",
                named if named.contains("session") => "session",
                _ => "",
            },
            parameters: parameters.map(|parameter| self.parameter(parameter)).collect(),
            fields,
            media: body.map(|(kind, _)| kind.clone()).unwrap_or_default(),
            sent: body
                .map(|(_, content)| shown(&content["example"]))
                .unwrap_or_default(),
            answers: answers
                .map(|(status, answer)| self.answer(status, answer))
                .collect(),
        }
    }

    fn answer(&self, status: &str, answer: &Value) -> Answer {
        let content = answer["content"]
            .as_object()
            .and_then(|content| content.values().next());
        Answer {
            status: status.to_owned(),
            description: text(&answer["description"]),
            example: content
                .map(|content| shown(&content["example"]))
                .unwrap_or_default(),
        }
    }

    fn parameter(&self, parameter: &Value) -> Field {
        Field {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            is_required: parameter["required"] == true,
            takes: self.takes(&parameter["schema"]),
            text: text(&parameter["description"]),
        }
    }

    fn fields(&self, schema: &Value, prefix: &str, depth: usize, fields: &mut Vec<Field>) {
        let schema = self.found(schema);
        let required = schema["required"].as_array();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let full = format!("{prefix}{name}");
            fields.push(Field {
                name: full.clone(),
                place: "body".to_owned(),
                is_required: required.is_some_and(|required| required.contains(&Value::from(name.as_str()))),
                takes: self.takes(property),
                text: text(&property["description"]),
            });
            let (inner, joint) = match &self.found(property)["items"] {
                Value::Null => (property, "."),
                items => (items, "[]."),
            };
            if depth > 0 {
                self.fields(inner, &format!("{full}{joint}"), depth - 1, fields);
            }
        }
    }

    /// What a reference, or a choice of something and null, stands for.
    fn found<'s>(&'s self, schema: &'s Value) -> &'s Value {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.0.pointer(reference.trim_start_matches('#'));
            return target.map_or(&Value::Null, |target| self.found(target));
        }
        let choices = schema["oneOf"].as_array();
        let real = choices.and_then(|choices| choices.iter().find(|choice| choice["type"] != "null"));
        real.map_or(schema, |real| self.found(real))
    }

    /// Its type and limits in words.
    fn takes(&self, schema: &Value) -> String {
        let found = self.found(schema);
        let is_null = |kind: &Value| kind == "null";
        let (mut words, mut may_be_null) = (String::new(), false);
        match &found["type"] {
            Value::String(kind) => words.push_str(kind),
            Value::Array(kinds) => {
                may_be_null = kinds.iter().any(is_null);
                let real = kinds.iter().find(|kind| !is_null(kind));
                words.push_str(real.and_then(Value::as_str).unwrap_or_default());
            }
            _ => words.push_str("any"),
        }
        may_be_null |= schema["oneOf"]
            .as_array()
            .is_some_and(|choices| choices.iter().any(|c| c["type"] == "null"));
        if let Some(choices) = found["enum"].as_array() {
            let choices: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
            words = format!("one of {}", choices.join(", "));
        }
        if found["items"].is_object() {
            words = format!("list of {}", self.takes(&found["items"]));
        }
        for (least, most, unit) in [
            ("minimum", "maximum", ""),
            ("minLength", "maxLength", " characters"),
            ("minItems", "maxItems", " items"),
        ] {
            let limits = match (&found[least], &found[most]) {
                (Value::Null, Value::Null) => continue,
                (least, Value::Null) => format!(", at least {least}{unit}"),
                (Value::Null, most) => format!(", at most {most}{unit}"),
                (least, most) => format!(", {least} to {most}{unit}"),
            };
            words.push_str(&limits);
        }
        if may_be_null {
            words.push_str(", or null");
        }
        if !found["default"].is_null() {
            words.push_str(&format!("; default {}", shown(&found["default"])));
        }
        words
    }
}
