//! The console over HTTP, as a browser without a script asks for it.

mod pages;
mod rights;
mod support;
