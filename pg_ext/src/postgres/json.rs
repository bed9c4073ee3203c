//! JSON as PostgreSQL keeps it, put together at once: a text of it would be written only to be read again, which takes about three times as long.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::null_mut;

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::{JsonbIteratorToken as Token, jbvType};

use crate::postgres::result_row::IntoColumn;
use crate::postgres::server::server;

pub enum Json<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Text(Cow<'a, str>),
    /// In PostgreSQL's microseconds; as `to_jsonb` writes it, ISO 8601 in the session's time zone.
    Instant(i64),
    List(Vec<Json<'a>>),
    Object(Object<'a>),
}

/// Of two values with the same name the later one counts.
pub type Object<'a> = Vec<(&'static str, Json<'a>)>;

/// A value of the type `jsonb`, in the memory of the call that made it.
pub struct Jsonb(pg_sys::Datum);

impl IntoColumn for Jsonb {
    fn into_column(self) -> Option<pg_sys::Datum> {
        Some(self.0)
    }
}

server! {
    fn pushJsonbValue(state: *mut *mut pg_sys::JsonbParseState, token: Token::Type, value: *mut pg_sys::JsonbValue) -> *mut pg_sys::JsonbValue;
    fn JsonbValueToJsonb(value: *mut pg_sys::JsonbValue) -> *mut pg_sys::Jsonb;
    fn JsonEncodeDateTime(buffer: *mut c_char, value: pg_sys::Datum, of: pg_sys::Oid, zone: *const c_int) -> *mut c_char;
    fn int64_to_numeric(value: i64) -> pg_sys::Numeric;
}

impl From<Object<'_>> for Jsonb {
    fn from(object: Object<'_>) -> Self {
        let mut state = null_mut();
        // SAFETY: what the server allocates for it lives as long as the call that asks. What it raises drops nothing of Rust's.
        let made =
            unsafe { pg_guard_ffi_boundary(|| JsonbValueToJsonb(push_object(&raw mut state, &object))) };
        Jsonb(pg_sys::Datum::from(made))
    }
}

type State = *mut *mut pg_sys::JsonbParseState;

/// SAFETY: these are called behind one guard, with one state.
unsafe fn push_object(state: State, object: &Object<'_>) -> *mut pg_sys::JsonbValue {
    unsafe {
        pushJsonbValue(state, Token::WJB_BEGIN_OBJECT, null_mut());
        for (name, value) in object {
            pushJsonbValue(state, Token::WJB_KEY, &mut text(name));
            push(state, Token::WJB_VALUE, value);
        }
        pushJsonbValue(state, Token::WJB_END_OBJECT, null_mut())
    }
}

unsafe fn push(state: State, token: Token::Type, value: &Json<'_>) {
    let mut scalar = pg_sys::JsonbValue::default();
    unsafe {
        match value {
            Json::Object(object) => {
                push_object(state, object);
                return;
            }
            Json::List(values) => {
                pushJsonbValue(state, Token::WJB_BEGIN_ARRAY, null_mut());
                for value in values {
                    push(state, Token::WJB_ELEM, value);
                }
                pushJsonbValue(state, Token::WJB_END_ARRAY, null_mut());
                return;
            }
            Json::Null => scalar.type_ = jbvType::jbvNull,
            Json::Bool(value) => {
                scalar.type_ = jbvType::jbvBool;
                scalar.val.boolean = *value;
            }
            Json::Integer(value) => {
                scalar.type_ = jbvType::jbvNumeric;
                scalar.val.numeric = int64_to_numeric(*value);
            }
            Json::Text(value) => scalar = text(value),
            Json::Instant(micros) => {
                let written = JsonEncodeDateTime(
                    null_mut(),
                    pg_sys::Datum::from(*micros),
                    pg_sys::TIMESTAMPTZOID,
                    std::ptr::null(),
                );
                scalar = bytes(CStr::from_ptr(written).to_bytes());
            }
        }
        pushJsonbValue(state, token, &raw mut scalar);
    }
}

fn text(value: &str) -> pg_sys::JsonbValue {
    bytes(value.as_bytes())
}

/// Only pointed at: it is copied when all is put together.
fn bytes(value: &[u8]) -> pg_sys::JsonbValue {
    let mut scalar = pg_sys::JsonbValue {
        type_: jbvType::jbvString,
        ..pg_sys::JsonbValue::default()
    };
    scalar.val.string = pg_sys::JsonbValue__bindgen_ty_1__bindgen_ty_1 {
        // No text of the server is longer than a gigabyte; what is longer than JSON allows is refused by the server.
        len: value.len() as c_int,
        val: value.as_ptr().cast_mut().cast(),
    };
    scalar
}

impl From<bool> for Json<'_> {
    fn from(value: bool) -> Self {
        Json::Bool(value)
    }
}

impl From<i64> for Json<'_> {
    fn from(value: i64) -> Self {
        Json::Integer(value)
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(value: &'a str) -> Self {
        Json::Text(value.into())
    }
}

impl From<String> for Json<'_> {
    fn from(value: String) -> Self {
        Json::Text(value.into())
    }
}

impl<'a, T: Into<Json<'a>>> From<Option<T>> for Json<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, T::into)
    }
}
