//! Settings under `capconduit.`; only a superuser (or a role granted SET on them) changes them. No other name may be set: a
//! mistyped one would be taken and change nothing.

use std::ffi::{CStr, CString};
use std::sync::atomic::{AtomicBool, Ordering};

use pgrx::{GucContext, GucFlags, GucRegistry, GucSetting, pg_sys};

pub static EARLY_LOCK_RELEASE: Setting<GucSetting<bool>> =
    Setting::switch(c"capconduit.early_lock_release", true);
pub static MAX_RING_SECONDS: Setting<GucSetting<i32>> = Setting::seconds(c"capconduit.max_ring_seconds", 120);
pub static MAX_CALL_SECONDS: Setting<GucSetting<i32>> =
    Setting::seconds(c"capconduit.max_call_seconds", 14_400);
pub static ABSENCE_GRACE_SECONDS: Setting<GucSetting<i32>> =
    Setting::seconds(c"capconduit.absence_grace_seconds", 30);
pub static NODE_SILENCE_SECONDS: Setting<GucSetting<i32>> =
    Setting::seconds(c"capconduit.node_silence_seconds", 120);

/// What the service and `capconduit migrate` note in a session for SQL to read: names without a meaning here.
static NOTES: [GucSetting<Option<CString>>; 4] = [const { GucSetting::<Option<CString>>::new(None) }; 4];

/// A setting, which is the server's to keep. A backend that went on through an upgrade has the library of before loaded too, and that
/// one defined it: no name is defined twice, so it is asked for by its name.
pub struct Setting<S> {
    name: &'static CStr,
    own: S,
    elsewhere: AtomicBool,
}

impl<S> Setting<S> {
    /// Whether it is to be defined here.
    fn is_own(&self) -> bool {
        let elsewhere = is_defined(self.name);
        self.elsewhere.store(elsewhere, Ordering::Relaxed);
        !elsewhere
    }

    /// What the library of before holds.
    fn told(&self) -> Option<&str> {
        if !self.elsewhere.load(Ordering::Relaxed) {
            return None;
        }
        // SAFETY: a C string; the answer is the server's, and is read before it is asked again.
        let told = unsafe { pg_sys::GetConfigOption(self.name.as_ptr(), true, false) };
        // SAFETY: as above.
        (!told.is_null()).then(|| unsafe { CStr::from_ptr(told) }.to_str().ok())?
    }
}

impl Setting<GucSetting<bool>> {
    const fn switch(name: &'static CStr, default: bool) -> Self {
        let (own, elsewhere) = (GucSetting::<bool>::new(default), AtomicBool::new(false));
        Setting { name, own, elsewhere }
    }

    pub fn get(&self) -> bool {
        self.told().map_or_else(|| self.own.get(), |told| told == "on")
    }
}

impl Setting<GucSetting<i32>> {
    const fn seconds(name: &'static CStr, default: i32) -> Self {
        let (own, elsewhere) = (GucSetting::<i32>::new(default), AtomicBool::new(false));
        Setting { name, own, elsewhere }
    }

    /// Seconds.
    pub fn get(&self) -> i32 {
        let told = self.told().and_then(|told| told.parse().ok());
        told.unwrap_or_else(|| self.own.get())
    }
}

/// Whether another library has defined it. A name that was only set is a placeholder.
fn is_defined(name: &CStr) -> bool {
    // SAFETY: a C string.
    unsafe {
        !pg_sys::GetConfigOption(name.as_ptr(), true, false).is_null()
            && pg_sys::GetConfigOptionFlags(name.as_ptr(), true) & pg_sys::GUC_CUSTOM_PLACEHOLDER as i32 == 0
    }
}

pub fn define() {
    if EARLY_LOCK_RELEASE.is_own() {
        GucRegistry::define_bool_guc(
            EARLY_LOCK_RELEASE.name,
            c"Releases a call's row locks before its commit is flushed; the answer still waits for the flush.",
            c"Off: a busy link is bound to one commit per flush of the WAL. Without effect with synchronous standbys.",
            &EARLY_LOCK_RELEASE.own,
            GucContext::Suset,
            GucFlags::default(),
        );
    }
    let seconds = |setting: &'static Setting<GucSetting<i32>>, short, long, least, most| {
        if setting.is_own() {
            let (context, unit) = (GucContext::Suset, GucFlags::UNIT_S);
            GucRegistry::define_int_guc(
                setting.name,
                short,
                long,
                &setting.own,
                least,
                most,
                context,
                unit,
            );
        }
    };
    seconds(
        &MAX_RING_SECONDS,
        c"Seconds a caller may hear ringing over all attempts, where the campaign does not say.",
        c"Too low: no time for a failover. Too high: callers wait longer than they will.",
        1,
        600,
    );
    seconds(
        &MAX_CALL_SECONDS,
        c"Seconds after which the switch ends a call; its slot's lease is 60 seconds longer.",
        c"Too low: long talks are cut. Too high: a slot whose call vanished unseen stays taken longer.",
        1,
        86_400,
    );
    seconds(
        &ABSENCE_GRACE_SECONDS,
        c"Seconds between a call's first absence from its node's list and its end as LOST.",
        c"Call centers may hold a dead leg for a while; a slot that returns sooner overbooks them.",
        1,
        3_600,
    );
    seconds(
        &NODE_SILENCE_SECONDS,
        c"Seconds of silence, while other nodes are heard, after which a node counts as dead; 0: never.",
        c"Too low: a node that alone is cut off for a moment loses its talking calls' slots. 0: they return by lease or by hand.",
        0,
        86_400,
    );
    let notes = [
        (
            c"capconduit.user_id",
            c"User on whose behalf this transaction acts; policies and the audit log read it.",
        ),
        (
            c"capconduit.user_role",
            c"Role of that user, where it decides what may be changed.",
        ),
        (
            c"capconduit.keep_session",
            c"Session that a change of its own user's password does not end.",
        ),
        (
            c"capconduit.migrate_mark",
            c"Mark by which a migration finds that its connection keeps its session.",
        ),
    ];
    for ((name, short), note) in notes.into_iter().zip(&NOTES) {
        if is_defined(name) {
            continue;
        }
        GucRegistry::define_string_guc(
            name,
            short,
            c"Not to be set by hand.",
            note,
            GucContext::Userset,
            GucFlags::NO_SHOW_ALL,
        );
    }
    // SAFETY: a C string; whatever else was set under it goes, with a warning.
    unsafe { pg_sys::MarkGUCPrefixReserved(c"capconduit".as_ptr()) };
}
