//! Which records counted beyond a cap (`late_excess`): those that counted without giving a slot back, since a call with a slot had
//! its room from the beginning; and calls with a slot only where a link's total was lowered meanwhile.
//!
//! A record without a slot may take room that a call in flight holds. It is flagged at once, and the link owes that call's
//! record its room: `link_excess` keeps how many are owed. All of it is rare, and none of it is read by an ordinary call.

use capconduit_core::total;
use pgrx::pg_sys::{self, INT4OID, INT8ARRAYOID, INT8OID};

use crate::postgres::argument::arg;
use crate::postgres::armed::Armed;
use crate::postgres::catalogue::relation;
use crate::postgres::rows::selected;
use crate::postgres::spi::{Change, Query, Statement};

static MARK: Change = Change::new(
    "update capconduit.call_logs set late_excess = true where id = any ($1)",
    &[INT8ARRAYOID],
);

selected! {
    struct CapOf {
        id: i64 = "c.id",
    }
}

/// What records may exceed that nothing was reserved for, by the indexes of each subject: the view alone would look at every cap.
static CAPS_OF: Query<CapOf> = Query::new(
    "select",
    "from capconduit.call_logs g, \
          lateral (select k.id, k.counts, k.enforce from capconduit.caps k where k.link_id = g.link_id \
                    union all \
                   select k.id, k.counts, k.enforce from capconduit.caps k where k.client_id = g.client_id \
                    union all \
                   select k.id, k.counts, k.enforce from capconduit.caps k where k.did_id = g.did_id \
                    union all \
                   select k.id, k.counts, k.enforce from capconduit.caps k where k.campaign_id = g.campaign_id \
                    union all \
                   select k.id, k.counts, k.enforce from capconduit.caps k \
                    where k.campaign_id = (to_jsonb(g) ->> 'overflowed_from')::bigint \
                    union all \
                   select k.id, k.counts, k.enforce from capconduit.caps k where k.user_id = g.user_id) c \
    where g.id = any ($1) and g.reserved_at is null and c.enforce and c.counts <> 'offered'",
    &[INT8ARRAYOID],
);

/// Calls in flight keep their room, and so does a call closed as LOST.
static MARK_BEYOND_CAPS: Change = Change::new(
    "update capconduit.call_logs g set late_excess = true \
      where g.id = any ($1) and g.reserved_at is null and not g.late_excess \
        and exists (select \
                      from capconduit.caps_view v \
                     where v.id = any ($2) and v.used + v.in_flight > v.max_calls \
                       and (v.counts = 'answered' or g.qualified) \
                       and (v.starts_at is null or v.starts_at <= g.timestamp_start) \
                       and (v.subject_type, v.subject_id) in (('link', g.link_id), ('client', g.client_id), ('did', g.did_id), \
                                                              ('campaign', g.campaign_id), \
                                                              ('campaign', (to_jsonb(g) ->> 'overflowed_from')::bigint), \
                                                              ('seller', g.user_id)))",
    &[INT8ARRAYOID, INT8ARRAYOID],
);

selected! {
    struct Taken {
        total: i64 = "n.total",
        active: i32 = "n.active",
        allowed: Option<i64> = "s.total_calls_allowed",
    }
}

/// The link's counters are this transaction's own, and the row is locked.
static TAKEN: Query<Taken> = Query::new(
    "select",
    "from capconduit.link_counters n \
     join capconduit.campaign_client_settings s on s.id = n.link_id \
    where n.link_id = $1",
    &[INT8OID],
);

/// To no more calls than were in flight.
static OWED: Statement = Statement::new(
    "select least(e.owed, n.active + $2) \
       from capconduit.link_excess e \
       join capconduit.link_counters n on n.link_id = e.link_id \
      where e.link_id = $1",
    &[INT8OID, INT4OID],
);

static OWE: Change = Change::new(
    "insert into capconduit.link_excess (link_id, owed) values ($1, $2) \
     on conflict (link_id) do update set owed = link_excess.owed + excluded.owed",
    &[INT8OID, INT8OID],
);

static SETTLED: Change = Change::new(
    "delete from capconduit.link_excess where link_id = $1 and owed <= $2",
    &[INT8OID, INT8OID],
);

static PAY: Change = Change::new(
    "update capconduit.link_excess set owed = owed - $2 where link_id = $1",
    &[INT8OID, INT8OID],
);

/// Flags those of the records just counted that are the excess. `beyond` is how far the total lies beyond what is allowed.
pub fn flag(armed: Armed, link_id: i64, beyond: i64, released: i32, records: &[i64]) {
    let counted = records.len() as i64;
    let flagged = if counted > i64::from(released) {
        without_slot(armed, link_id, beyond, counted)
    } else if beyond > 0 {
        (beyond - paid(armed, link_id, beyond.min(counted), released)).min(counted)
    } else {
        0
    };
    if flagged > 0 {
        MARK.run(
            armed,
            &[arg(records[records.len() - flagged as usize..].to_vec())],
        );
    }
}

/// The same of caps over windows, once meters have counted the records too: of those that nothing was reserved for.
pub fn flag_beyond_caps(armed: Armed, released: i32, records: &[i64]) {
    if records.len() as i64 <= i64::from(released) || relation(c"caps_view") == pg_sys::Oid::INVALID {
        return;
    }
    let caps = CAPS_OF.all(&[arg(records.to_vec())]);
    if !caps.is_empty() {
        let caps: Vec<i64> = caps.into_iter().map(|cap| cap.id).collect();
        MARK_BEYOND_CAPS.run(armed, &[arg(records.to_vec()), arg(caps)]);
    }
}

fn without_slot(armed: Armed, link_id: i64, beyond: i64, counted: i64) -> i64 {
    let taken = TAKEN.first(&[arg(link_id)]);
    let with_calls = taken.map_or(0, |link| {
        total::beyond(total::taken(link.total, link.active), link.allowed)
    });
    let flagged = with_calls.min(counted);
    let owed = flagged - beyond.min(flagged);
    if owed > 0 && is_kept() {
        OWE.run(armed, &[arg(link_id), arg(owed)]);
    }
    flagged
}

/// How many of these records have their excess flagged already, in another's place.
fn paid(armed: Armed, link_id: i64, most: i64, released: i32) -> i64 {
    if !is_kept() {
        return 0;
    }
    let owed: i64 = OWED.value(&[arg(link_id), arg(released)]).unwrap_or(0);
    let paid = owed.min(most);
    if paid > 0 && SETTLED.run(armed, &[arg(link_id), arg(paid)]) == 0 {
        PAY.run(armed, &[arg(link_id), arg(paid)]);
    }
    paid
}

/// The tables may be of the release before, until they are migrated.
fn is_kept() -> bool {
    relation(c"link_excess") != pg_sys::Oid::INVALID
}
