//! JSON as PostgreSQL keeps it, put together at once: a text of it would be written only to be read again, which takes about three times as long.

use std::borrow::Cow;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;

use pgrx::pg_sys;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pg_sys::jbvType;

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

/// No two values have the same name.
pub type Object<'a> = Vec<(&'static str, Json<'a>)>;

/// A value of the type `jsonb`, in the memory of the call that made it.
pub struct Jsonb(pg_sys::Datum);

impl IntoColumn for Jsonb {
    fn into_column(self) -> Option<pg_sys::Datum> {
        Some(self.0)
    }
}

server! {
    fn palloc(size: usize) -> *mut c_void;
    fn JsonbValueToJsonb(value: *mut pg_sys::JsonbValue) -> *mut pg_sys::Jsonb;
    fn JsonEncodeDateTime(buffer: *mut c_char, value: pg_sys::Datum, of: pg_sys::Oid, zone: *const c_int) -> *mut c_char;
    fn int64_to_numeric(value: i64) -> pg_sys::Numeric;
}

impl From<Object<'_>> for Jsonb {
    fn from(object: Object<'_>) -> Self {
        // SAFETY: what the server allocates for it lives as long as the call that asks. What it raises drops nothing of Rust's.
        let made = unsafe { pg_guard_ffi_boundary(|| JsonbValueToJsonb(&mut of_object(&object))) };
        Jsonb(pg_sys::Datum::from(made))
    }
}

/// In the server's order of names, each once. The server's own way there, one value after the other, takes three times as long.
///
/// SAFETY: these are called behind one guard.
unsafe fn of_object(object: &Object<'_>) -> pg_sys::JsonbValue {
    let pair = |(name, value): &(&str, Json<'_>)| pg_sys::JsonbPair {
        key: text(name),
        value: unsafe { of(value) },
        order: 0,
    };
    let pairs = unsafe { array(object, pair) };
    let name = |pair: &pg_sys::JsonbPair| unsafe {
        let name = pair.key.val.string;
        (
            name.len,
            std::slice::from_raw_parts(name.val.cast::<u8>(), name.len as usize),
        )
    };
    // Few, and most of them written down in their order.
    for sorted in 1..pairs.len() {
        let mut place = sorted;
        while place > 0 && name(&pairs[place]) < name(&pairs[place - 1]) {
            pairs.swap(place, place - 1);
            place -= 1;
        }
    }
    let mut value = pg_sys::JsonbValue {
        type_: jbvType::jbvObject,
        ..pg_sys::JsonbValue::default()
    };
    value.val.object = pg_sys::JsonbValue__bindgen_ty_1__bindgen_ty_3 {
        nPairs: pairs.len() as c_int,
        pairs: pairs.as_mut_ptr(),
    };
    value
}

unsafe fn of_list(values: &[Json<'_>]) -> pg_sys::JsonbValue {
    let elems = unsafe { array(values, |value| of(value)) };
    let mut value = pg_sys::JsonbValue {
        type_: jbvType::jbvArray,
        ..pg_sys::JsonbValue::default()
    };
    value.val.array = pg_sys::JsonbValue__bindgen_ty_1__bindgen_ty_2 {
        nElems: elems.len() as c_int,
        elems: elems.as_mut_ptr(),
        rawScalar: false,
    };
    value
}

/// In the server's memory: what it raises leaves nothing to drop.
unsafe fn array<'a, F, T>(from: &[F], make: impl Fn(&F) -> T) -> &'a mut [T] {
    unsafe {
        let first = palloc(from.len() * size_of::<T>()).cast::<T>();
        for (place, from) in from.iter().enumerate() {
            first.add(place).write(make(from));
        }
        std::slice::from_raw_parts_mut(first, from.len())
    }
}

unsafe fn of(value: &Json<'_>) -> pg_sys::JsonbValue {
    let mut scalar = pg_sys::JsonbValue::default();
    unsafe {
        match value {
            Json::Object(object) => return of_object(object),
            Json::List(values) => return of_list(values),
            Json::Text(value) => return text(value),
            Json::Null => scalar.type_ = jbvType::jbvNull,
            Json::Bool(value) => {
                scalar.type_ = jbvType::jbvBool;
                scalar.val.boolean = *value;
            }
            Json::Integer(value) => {
                scalar.type_ = jbvType::jbvNumeric;
                scalar.val.numeric = int64_to_numeric(*value);
            }
            Json::Instant(micros) => {
                let written = JsonEncodeDateTime(
                    null_mut(),
                    pg_sys::Datum::from(*micros),
                    pg_sys::TIMESTAMPTZOID,
                    std::ptr::null(),
                );
                return bytes(CStr::from_ptr(written).to_bytes());
            }
        }
    }
    scalar
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
