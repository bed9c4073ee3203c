//! What the allocator has and nobody uses goes back to the system.

#![allow(unsafe_code)]

unsafe extern "C" {
    fn mi_collect(force: bool);
}

/// The allocator does it by itself only while it is asked for memory: a service that rests would keep what its start and its last work
/// took.
pub fn give_back() {
    // SAFETY: mimalloc's own function, which the program is linked with as its allocator. Any thread may call it at any time.
    unsafe { mi_collect(true) }
}
