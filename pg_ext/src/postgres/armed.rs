//! The right to write for a call: who has it has seen to it that the commit is durable before its answer is given.

use std::marker::PhantomData;

/// Given by `early_lock_release::arm`; as long as SPI is connected.
#[derive(Clone, Copy)]
pub struct Armed<'a>(PhantomData<&'a ()>);

impl Armed<'_> {
    pub(super) fn new() -> Self {
        Armed(PhantomData)
    }
}
