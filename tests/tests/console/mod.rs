//! The console over HTTP, as a browser without a script asks for it.

mod caps;
mod hours;
mod pages;
pub mod rights;
pub mod support;
