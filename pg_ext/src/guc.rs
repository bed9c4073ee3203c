//! Settings under `capconduit.`; only a superuser (or a role granted SET on them) changes them.

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting};

pub static EARLY_LOCK_RELEASE: GucSetting<bool> = GucSetting::<bool>::new(true);
pub static MAX_RING_SECONDS: GucSetting<i32> = GucSetting::<i32>::new(120);
pub static MAX_CALL_SECONDS: GucSetting<i32> = GucSetting::<i32>::new(14_400);
pub static ABSENCE_GRACE_SECONDS: GucSetting<i32> = GucSetting::<i32>::new(30);
pub static NODE_SILENCE_SECONDS: GucSetting<i32> = GucSetting::<i32>::new(120);

pub fn define() {
    GucRegistry::define_bool_guc(
        c"capconduit.early_lock_release",
        c"Releases a call's row locks before its commit is flushed; the answer still waits for the flush.",
        c"Off: a busy link is bound to one commit per flush of the WAL. Without effect with synchronous standbys.",
        &EARLY_LOCK_RELEASE,
        GucContext::Suset,
        GucFlags::default(),
    );
    let seconds = |name, short, long, setting, least, most| {
        GucRegistry::define_int_guc(
            name,
            short,
            long,
            setting,
            least,
            most,
            GucContext::Suset,
            GucFlags::default(),
        );
    };
    seconds(
        c"capconduit.max_ring_seconds",
        c"Seconds a caller may hear ringing over all attempts, where the campaign does not say.",
        c"Too low: no time for a failover. Too high: callers wait longer than they will.",
        &MAX_RING_SECONDS,
        1,
        600,
    );
    seconds(
        c"capconduit.max_call_seconds",
        c"Seconds after which the switch ends a call; its slot's lease is 60 seconds longer.",
        c"Too low: long talks are cut. Too high: a slot whose call vanished unseen stays taken longer.",
        &MAX_CALL_SECONDS,
        1,
        86_400,
    );
    seconds(
        c"capconduit.absence_grace_seconds",
        c"Seconds between a call's first absence from its node's list and its end as LOST.",
        c"Call centers may hold a dead leg for a while; a slot that returns sooner overbooks them.",
        &ABSENCE_GRACE_SECONDS,
        1,
        3_600,
    );
    seconds(
        c"capconduit.node_silence_seconds",
        c"Seconds of silence, while other nodes are heard, after which a node counts as dead; 0: never.",
        c"Too low: a node that alone is cut off for a moment loses its talking calls' slots. 0: they return by lease or by hand.",
        &NODE_SILENCE_SECONDS,
        0,
        86_400,
    );
}
