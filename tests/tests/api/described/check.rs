//! A value against its schema, as far as the description uses schemas.

use serde_json::{Map, Value, json};

/// Faults of a value against a schema.
pub struct Check<'a> {
    pub document: &'a Value,
    pub faults: Vec<String>,
}

impl Check<'_> {
    pub fn against(&mut self, schema: &Value, value: &Value, at: &str) {
        if let Some(reference) = schema["$ref"].as_str() {
            let found = self.document.pointer(reference.trim_start_matches('#'));
            let found = found
                .unwrap_or_else(|| panic!("{reference} is not there"))
                .clone();
            return self.against(&found, value, at);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let merged = self.merged(parts);
            return self.against(&merged, value, at);
        }
        if let Some(choices) = schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            let fits = |choice: &Value| {
                let mut check = Check {
                    document: self.document,
                    faults: Vec::new(),
                };
                check.against(choice, value, at);
                check.faults.is_empty()
            };
            if !choices.iter().any(fits) {
                self.faults.push(format!("{at}: {value} is none of {choices:?}"));
            }
            return;
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let fits =
            types.is_empty() || types.contains(&kind) || (kind == "integer" && types.contains(&"number"));
        if !fits {
            self.faults.push(format!("{at}: {value} is no {types:?}"));
            return;
        }
        if let Some(choices) = schema["enum"].as_array()
            && !choices.contains(value)
        {
            self.faults.push(format!("{at}: {value} is none of {choices:?}"));
        }
        if let (Some(least), Some(number)) = (schema["minimum"].as_f64(), value.as_f64())
            && number < least
        {
            self.faults.push(format!("{at}: {number} is less than {least}"));
        }
        if let (Some(most), Some(text)) = (schema["maxLength"].as_u64(), value.as_str())
            && text.chars().count() as u64 > most
        {
            self.faults.push(format!("{at}: {text} is longer than {most}"));
        }
        match value {
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    self.against(&schema["items"], item, &format!("{at}.{number}"));
                }
            }
            Value::Object(object) => self.object(schema, object, at),
            _ => {}
        }
    }

    fn object(&mut self, schema: &Value, object: &Map<String, Value>, at: &str) {
        for name in schema["required"].as_array().into_iter().flatten() {
            if !object.contains_key(name.as_str().unwrap_or_default()) {
                self.faults.push(format!("{at}: {name} is missing"));
            }
        }
        let Some(properties) = schema["properties"].as_object() else {
            return;
        };
        for (name, value) in object {
            match properties.get(name) {
                Some(schema) => self.against(schema, value, &format!("{at}.{name}")),
                None if schema["additionalProperties"].is_object() => {}
                None => self.faults.push(format!("{at}: {name} is not described")),
            }
        }
    }

    fn merged(&self, parts: &[Value]) -> Value {
        let mut merged = json!({"type": "object", "required": [], "properties": {}});
        for part in parts {
            let part = match part["$ref"].as_str() {
                Some(reference) => self
                    .document
                    .pointer(reference.trim_start_matches('#'))
                    .expect("a schema"),
                None => part,
            };
            let part = match part["allOf"].as_array() {
                Some(inner) => self.merged(inner),
                None => part.clone(),
            };
            let required = part["required"].as_array().cloned().unwrap_or_default();
            merged["required"]
                .as_array_mut()
                .expect("a list")
                .extend(required);
            for (name, schema) in part["properties"].as_object().into_iter().flatten() {
                merged["properties"][name] = schema.clone();
            }
        }
        merged
    }
}
