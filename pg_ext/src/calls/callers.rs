//! What is marked of a caller. It is looked up only where a row says that its scope has marks, so that others' calls cost what they cost.

use capconduit_core::callers::{Marked, Scope, canonical};
use pgrx::pg_sys::{INT8OID, TEXTOID, TIMESTAMPTZOID};

use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::spi::Change;
use crate::postgres::tables::caller_marks;

static MARKS: Lookup<caller_marks::Of> =
    lookup!(caller_marks by caller_marks_key_kind_key (Text): kind, until, at);

/// Of the caller as the switch gave it.
pub fn read_marked(at: At, scope: Scope, caller: Option<&str>) -> Marked {
    let mut marked = Marked::default();
    let Some(caller) = canonical(caller) else {
        return marked;
    };
    let mut marks = MARKS.open(at);
    marks.seek(arg(scope.key(&caller)));
    while let Some(mark) = marks.next() {
        let until = Some(mark.get(caller_marks::until).unwrap_or(i64::MAX));
        match mark.need(caller_marks::kind) {
            "allowed" => marked.allowed_until = until,
            "blocked" => marked.blocked_until = until,
            _ => marked.seen_at = mark.get(caller_marks::at),
        }
    }
    marked
}

static SEE: Change = Change::new(
    "insert into capconduit.caller_marks as old (campaign_id, caller, kind, until, source, created_by, at)
     values ($1, $2, 'seen', $3, 'call', null, $4)
     on conflict (key, kind) do update set until = greatest(old.until, excluded.until), at = excluded.at",
    &[INT8OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID],
);

/// The caller, as marks have it, has called the campaign: a fact until then.
pub fn see(armed: Armed, campaign_id: i64, caller: &str, at: i64, seconds: i32) {
    let until = at + i64::from(seconds) * 1_000_000;
    SEE.run(
        armed,
        &[arg(campaign_id), arg(caller), instant(until), instant(at)],
    );
}
