//! Whether the silence of a switch proves anything. It does while other switches are heard: after an outage, however long,
//! nobody has been heard, and nobody is dead. One row tells since when the database hears its switches without a gap
//! (`since`), and when it heard one last (`last`).
//!
//! A sign is a committed list, start or report of an agent, or a call function that names its switch. A sign that comes
//! more than a gap after the last one begins the hearing anew. The clock of the server's start is no help here: a standby
//! that is promoted is old, and a frozen machine does not know that it was.
//!
//! Signs are also read from `nodes`: a library of before this row writes them there alone.

use pgrx::pg_sys::{self, BOOLOID, INT4OID, TIMESTAMPTZOID};

use crate::postgres::argument::{Argument, arg};
use crate::postgres::armed::Armed;
use crate::postgres::catalogue::relation;
use crate::postgres::guc;
use crate::postgres::spi::{Change, Statement};

/// A gap in the hearing: half of what a switch may be silent, at most a minute. Agents speak every thirty seconds at least.
/// The parameter is `node_silence_seconds`; the interval is of the statement that it stands in.
macro_rules! gap_sql {
    ($silence:literal) => {
        concat!("(least(", $silence, " * 0.5, 60) * interval '1 second')")
    };
}

/// Names of switches that have been silent for so long that they are dead: the database hears others, and has heard them
/// all the time. One that never sent a list, or whose agent was stopped in order, is not judged. Takes `$2`, the seconds.
macro_rules! dead_nodes_sql {
    () => {
        concat!(
            "select n.name \
               from capconduit.nodes n, capconduit.hearing h \
              where $2 > 0 and n.heartbeat_at is not null and h.last >= now() - ",
            $crate::calls::hearing::gap_sql!("$2"),
            " and greatest(h.since, n.heartbeat_at, n.last_call_at) <= now() - $2 * interval '1 second'"
        )
    };
}
pub(crate) use {dead_nodes_sql, gap_sql};

/// A clock that was set back further than this begins the hearing anew: the last sign would lie in the future, and hide
/// a gap.
macro_rules! future_sql {
    () => {
        "now() + interval '5 seconds'"
    };
}

/// Never waits for the row: who finds it locked leaves it to the next sign.
static HEAR: Change = Change::new(
    concat!(
        "update capconduit.hearing h \
            set since = case when w.last > ",
        future_sql!(),
        " then now() when w.heard > w.last + ",
        gap_sql!("$2"),
        " then w.heard else w.since end, \
                last = case when w.last > ",
        future_sql!(),
        " then now() else w.heard end \
           from (select r.only_one, r.since, r.last, \
                        greatest(case when $1 then now() end, \
                                 (select max(s.at) \
                                    from capconduit.nodes n, \
                                         lateral (values (n.heartbeat_at), (n.last_call_at)) s (at) \
                                   where s.at <= now())) as heard \
                   from capconduit.hearing r \
                    for update skip locked) w \
          where h.only_one = w.only_one and (w.heard > w.last or w.last > ",
        future_sql!(),
        ")"
    ),
    &[BOOLOID, INT4OID],
);

/// Somebody deleted it.
static BEGIN: Change = Change::new(
    "insert into capconduit.hearing (since, last) \
     select now(), now() where not exists (select from capconduit.hearing) \
     on conflict (only_one) do nothing",
    &[],
);

static IS_SILENT: Statement = Statement::new(
    concat!(
        "select from capconduit.hearing h \
          where $2 > 0 and h.last >= now() - ",
        gap_sql!("$2"),
        " and greatest(h.since, $1) <= now() - $2 * interval '1 second'"
    ),
    &[TIMESTAMPTZOID, INT4OID],
);

/// The tables may be of the release before, until they are migrated: then silence proves nothing.
fn is_kept() -> bool {
    relation(c"hearing") != pg_sys::Oid::INVALID
}

fn silence() -> Argument<'static> {
    arg(guc::NODE_SILENCE_SECONDS.get())
}

/// A switch speaks: a call function that names it, or its agent, whatever it says.
pub fn hear(armed: Armed) {
    if is_kept() {
        HEAR.run(armed, &[arg(true), silence()]);
    }
}

/// Before anybody is judged: signs that a library of before left in `nodes`. Whether silence may be judged at all.
pub fn catch_up(armed: Armed) -> bool {
    let kept = is_kept();
    if kept {
        BEGIN.run(armed, &[]);
        HEAR.run(armed, &[arg(false), silence()]);
    }
    kept
}

/// Whether whoever spoke last at this moment has been silent for so long that their name is free.
pub fn is_silent(last_sign: Argument) -> bool {
    is_kept() && IS_SILENT.run(&[last_sign, silence()]) > 0
}
