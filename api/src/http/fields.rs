//! How a JSON object becomes checked values: types, lengths, ranges, null, unknown keys. Every fault is collected, so
//! that the caller sees all of them at once. A faulty field yields a placeholder that `Fields::finish` never lets out.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::text::Text;
use crate::error::{ApiError, ApiResult};

/// What a request does with keys it does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    Refuse,
    Ignore,
}

/// A request body that can be read from a JSON object.
pub trait Input: Sized {
    const UNKNOWN: Unknown;
    fn read(fields: &mut Fields) -> Self;
}

#[derive(Debug)]
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    unknown: Unknown,
    known: Vec<&'static str>,
    found: usize,
    errors: Map<String, Value>,
}

impl<'a> Fields<'a> {
    /// Reads a whole body. For a partial update, something usable must have been among the keys.
    pub fn parse<T: Input>(map: &'a Map<String, Value>, unknown: Unknown) -> ApiResult<T> {
        let mut fields = Fields::new(map, unknown);
        let value = T::read(&mut fields);
        let found = fields.found;
        let errors = fields.finish();
        if !errors.is_empty() {
            return Err(ApiError::fields(errors));
        }
        if found == 0 {
            return Err(ApiError::bad_request(
                "nothing_to_update",
                "The body holds no field that can be changed here.",
            ));
        }
        Ok(value)
    }

    /// One of many objects in a body: its faults by key.
    pub fn one_of_many<T: Input>(map: &'a Map<String, Value>) -> Result<T, Map<String, Value>> {
        let mut fields = Fields::new(map, T::UNKNOWN);
        let value = T::read(&mut fields);
        let errors = fields.finish();
        if errors.is_empty() { Ok(value) } else { Err(errors) }
    }

    fn new(map: &'a Map<String, Value>, unknown: Unknown) -> Self {
        Fields {
            map,
            unknown,
            known: Vec::new(),
            found: 0,
            errors: Map::new(),
        }
    }

    fn finish(mut self) -> Map<String, Value> {
        if self.unknown == Unknown::Refuse {
            for key in self.map.keys() {
                if !self.known.contains(&key.as_str()) {
                    self.errors.insert(key.clone(), json!(["Unknown field."]));
                }
            }
        }
        self.errors
    }

    pub fn error(&mut self, key: &str, text: impl Into<String>) {
        let entry = self.errors.entry(key).or_insert_with(|| json!([]));
        if let Value::Array(list) = entry {
            list.push(Value::String(text.into()));
        }
    }

    pub fn has(&self, key: &str) -> bool {
        self.map.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        let value = self.map.get(key);
        self.found += usize::from(value.is_some());
        value
    }

    fn absent_is_error<T: Default>(&mut self, key: &'static str, value: Option<T>) -> T {
        value.unwrap_or_else(|| {
            if !self.map.contains_key(key) {
                self.error(key, "This field is required.");
            }
            T::default()
        })
    }

    /// A present value through `read`; its fault becomes the field's error.
    fn value<T: Default>(
        &mut self,
        key: &'static str,
        value: &Value,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Option<T> {
        match read(value) {
            Ok(value) => Some(value),
            Err(text) => {
                self.error(key, text);
                Some(T::default())
            }
        }
    }

    pub fn text(&mut self, key: &'static str, rule: &Text) -> Option<String> {
        let value = self.take(key)?;
        self.value(key, value, |value| read_text(value, rule))
    }

    pub fn required_text(&mut self, key: &'static str, rule: &Text) -> String {
        let value = self.text(key, rule);
        self.absent_is_error(key, value)
    }

    pub fn nullable_text(&mut self, key: &'static str, rule: &Text) -> Option<Option<String>> {
        let value = self.take(key)?;
        if value.is_null() {
            return Some(None);
        }
        self.value(key, value, |value| read_text(value, rule).map(Some))
    }

    pub fn int(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<i64> {
        let value = self.take(key)?;
        self.value(key, value, |value| read_int(value, &range))
    }

    pub fn required_int(&mut self, key: &'static str, range: RangeInclusive<i64>) -> i64 {
        let value = self.int(key, range);
        self.absent_is_error(key, value)
    }

    pub fn nullable_int(&mut self, key: &'static str, range: RangeInclusive<i64>) -> Option<Option<i64>> {
        let value = self.take(key)?;
        if value.is_null() {
            return Some(None);
        }
        self.value(key, value, |value| read_int(value, &range).map(Some))
    }

    pub fn nullable_id(&mut self, key: &'static str) -> Option<Option<i64>> {
        self.nullable_int(key, 1..=i64::MAX)
    }

    /// Columns of type integer: the range must fit i32.
    pub fn small_int(&mut self, key: &'static str, range: RangeInclusive<i32>) -> Option<i32> {
        self.int(key, i64::from(*range.start())..=i64::from(*range.end()))
            .map(narrow)
    }

    pub fn required_small_int(&mut self, key: &'static str, range: RangeInclusive<i32>) -> i32 {
        let value = self.small_int(key, range);
        self.absent_is_error(key, value)
    }

    pub fn nullable_small_int(
        &mut self,
        key: &'static str,
        range: RangeInclusive<i32>,
    ) -> Option<Option<i32>> {
        self.nullable_int(key, i64::from(*range.start())..=i64::from(*range.end()))
            .map(|value| value.map(narrow))
    }

    /// true or false; forms send them as texts.
    pub fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.take(key)?;
        self.value(key, value, |value| match value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if text == "true" => Ok(true),
            Value::String(text) if text == "false" => Ok(false),
            _ => Err("Must be true or false.".to_owned()),
        })
    }

    pub fn choice(&mut self, key: &'static str, choices: &[&str]) -> Option<String> {
        let value = self.take(key)?;
        self.value(key, value, |value| {
            match read_text(value, &Text::exact(0, 100))? {
                text if choices.contains(&text.as_str()) => Ok(text),
                _ => Err(format!("Must be one of: {}.", choices.join(", "))),
            }
        })
    }

    pub fn required_choice(&mut self, key: &'static str, choices: &[&str]) -> String {
        let value = self.choice(key, choices);
        self.absent_is_error(key, value)
    }

    /// A list, as it was sent: a rule of its own reads it.
    pub fn list(&mut self, key: &'static str) -> Option<Value> {
        let value = self.take(key)?;
        self.value(key, value, |value| match value {
            Value::Array(_) => Ok(value.clone()),
            _ => Err("Must be a list.".to_owned()),
        })
    }

    /// A list of positive ids, duplicates folded; a fault is reported by its index.
    pub fn required_ids(&mut self, key: &'static str) -> Vec<i64> {
        let ids = match self.take(key) {
            None => None,
            Some(Value::Array(items)) => {
                let mut ids = Vec::new();
                let mut faults = Map::new();
                for (index, item) in items.iter().enumerate() {
                    match read_int(item, &(1..=i64::MAX)) {
                        Ok(id) => ids.push(id),
                        Err(text) => {
                            faults.insert(index.to_string(), json!([text]));
                        }
                    }
                }
                if !faults.is_empty() {
                    self.errors.insert(key.into(), Value::Object(faults));
                }
                ids.sort_unstable();
                ids.dedup();
                Some(ids)
            }
            Some(_) => {
                self.error(key, "Must be a list of ids.");
                Some(Vec::new())
            }
        };
        self.absent_is_error(key, ids)
    }

    /// A nested object: its errors stand below its key.
    pub fn object<T: Default>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> Option<T> {
        match self.take(key)? {
            Value::Object(map) => {
                let mut inner = Fields::new(map, self.unknown);
                let value = read(&mut inner);
                let errors = inner.finish();
                if !errors.is_empty() {
                    self.errors.insert(key.into(), Value::Object(errors));
                }
                Some(value)
            }
            Value::Null => {
                self.error(key, "Must not be null.");
                Some(T::default())
            }
            _ => {
                self.error(key, "Must be an object.");
                Some(T::default())
            }
        }
    }

    pub fn required_object<T: Default>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> T {
        let value = self.object(key, read);
        self.absent_is_error(key, value)
    }

    pub fn nullable_object<T: Default>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Fields) -> T,
    ) -> Option<Option<T>> {
        if self.map.get(key).is_some_and(Value::is_null) {
            self.take(key);
            return Some(None);
        }
        self.object(key, read).map(Some)
    }
}

/// The range has been checked as i64 against bounds that are i32.
fn narrow(value: i64) -> i32 {
    i32::try_from(value).unwrap_or_default()
}

fn read_text(value: &Value, rule: &Text) -> Result<String, String> {
    match value {
        Value::String(text) => rule.apply(text),
        Value::Null => Err("Must not be null.".into()),
        _ => Err("Must be a string.".into()),
    }
}

fn read_int(value: &Value, range: &RangeInclusive<i64>) -> Result<i64, String> {
    let number = match value {
        Value::Number(number) => number.as_i64(),
        // Old clients send numbers as text.
        Value::String(text) => text.trim().parse().ok(),
        Value::Null => return Err("Must not be null.".into()),
        _ => None,
    };
    match number {
        Some(number) if range.contains(&number) => Ok(number),
        Some(_) if *range.end() < i64::from(i32::MAX) => {
            Err(format!("Must be between {} and {}.", range.start(), range.end()))
        }
        Some(number) if number < *range.start() => Err(format!("Must be at least {}.", range.start())),
        Some(_) => Err("The number is too large.".into()),
        None => Err("Must be an integer.".into()),
    }
}

#[cfg(test)]
mod tests;
