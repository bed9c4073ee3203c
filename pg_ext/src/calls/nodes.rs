//! Switches as the database knows them: who speaks for one, and when it was heard last.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use pgrx::pg_sys::TEXTOID;

use crate::calls::hearing;
use crate::postgres::argument::{arg, instant};
use crate::postgres::armed::Armed;
use crate::postgres::guc;
use crate::postgres::rows::selected;
use crate::postgres::spi::{Change, Query};

/// What is known of a switch, its row locked until the end of the transaction.
pub struct KnownNode {
    /// When its last list was begun.
    pub listed_at: Option<i64>,
    /// Another agent speaks for it, and has not been silent for long enough.
    pub is_taken: bool,
}

selected! {
    struct NodeRow {
        listed_at: Option<i64> = "case when n.taken_at <= now() + interval '5 seconds' then n.taken_at end",
        is_another_s: bool = "coalesce(n.instance <> $2 and n.heartbeat_at is not null, false)",
        last_sign: Option<i64> = "n.heartbeat_at",
    }
}

static KNOWN_NODE: Query<NodeRow> = Query::new(
    "select",
    "from capconduit.nodes n where n.name = $1 for update of n",
    &[TEXTOID, TEXTOID],
);

/// Two first words of one node come one after the other, as all later ones do.
static MEET: Change = Change::new(
    "insert into capconduit.nodes (name) values ($1) on conflict (name) do nothing",
    &[TEXTOID],
);

/// The switch's row, made if need be. Whoever asks speaks, so the database hears, also when the name is another's.
pub fn meet(armed: Armed, node: &str, instance: Option<&str>) -> KnownNode {
    let look = || KNOWN_NODE.first(&[arg(node), arg(instance)]);
    let row = look().or_else(|| {
        MEET.run(armed, &[arg(node)]);
        look()
    });
    hearing::hear(armed);
    KnownNode {
        listed_at: row.as_ref().and_then(|row| row.listed_at),
        is_taken: row.is_some_and(|row| row.is_another_s && !hearing::is_silent(instant(row.last_sign))),
    }
}

static NO_INSTANCE: Change = Change::new(
    "update capconduit.nodes set instance = null, heartbeat_at = null where name = $1",
    &[TEXTOID],
);

/// Its name is free, and its silence means nothing. Whether the switch is known.
pub fn forget_agent(armed: Armed, node: &str) -> bool {
    NO_INSTANCE.run(armed, &[arg(node)]) == 1
}

thread_local! {
    /// When this backend last noted a call of each node.
    static NOTED: RefCell<HashMap<String, Instant>> = RefCell::new(HashMap::new());
}

/// Often enough for the silence of a node to be seen, seldom enough to cost nothing: eight times in what it may be silent,
/// at most every fifteen seconds.
fn note_every() -> Duration {
    match guc::NODE_SILENCE_SECONDS.get() {
        silence @ 1..120 => Duration::from_millis(silence as u64 * 125),
        _ => Duration::from_secs(15),
    }
}
const MOST_NAMES: usize = 1_000;

static NOTE: Change = Change::new(
    "update capconduit.nodes \
        set last_call_at = now() \
      where name = (select n.name \
                      from capconduit.nodes n \
                     where n.name = $1 and n.last_call_at is distinct from now() \
                       for update skip locked)",
    &[TEXTOID],
);

/// Notes that a call function names this node: a sign of its life. Never waits for a row.
pub fn note_call(armed: Armed, node: &str) {
    let due = NOTED.with_borrow_mut(|noted| {
        if noted.get(node).is_some_and(|at| at.elapsed() < note_every()) {
            return false;
        }
        if noted.len() >= MOST_NAMES {
            noted.clear();
        }
        noted.insert(node.to_owned(), Instant::now());
        true
    });
    if due {
        NOTE.run(armed, &[arg(node)]);
        hearing::hear(armed);
    }
}
