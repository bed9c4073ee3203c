//! The console over HTTP, as a browser without a script asks for it.

mod pages;
pub mod rights;
pub mod support;
