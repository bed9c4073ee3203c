//! The console over HTTP, as a browser without a script asks for it.

mod accounts;
mod callers;
mod caps;
mod hours;
mod looking;
mod overflow;
mod pages;
mod reports;
pub mod rights;
mod second_factor;
mod steps;
pub mod support;
