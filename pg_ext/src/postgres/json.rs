//! Values as PostgreSQL writes them in JSON.

use std::ffi::CStr;

use pgrx::pg_sys;

/// An instant, in PostgreSQL's microseconds, as `to_jsonb` writes it: ISO 8601 in the session's time zone.
pub fn instant(micros: i64) -> String {
    // SAFETY: gives a text that is allocated here, and freed here.
    unsafe {
        let text = pg_sys::JsonEncodeDateTime(
            std::ptr::null_mut(),
            pg_sys::Datum::from(micros),
            pg_sys::TIMESTAMPTZOID,
            std::ptr::null(),
        );
        let copy = CStr::from_ptr(text).to_string_lossy().into_owned();
        pg_sys::pfree(text.cast());
        copy
    }
}
