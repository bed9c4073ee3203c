//! The REST service over HTTP, against a real database: who may do what, what is answered, what never leaks.

mod contract;
mod support;

mod audit;
mod auth;
mod bodies;
mod campaigns;
mod cancelled;
mod clients;
mod dids;
mod exports;
mod filters;
mod guessing;
mod imports;
mod injection;
mod internal;
mod logs;
mod matrix;
mod metrics;
mod names;
mod oversight;
mod pages;
mod password_links;
mod platform;
mod records;
mod repeats;
mod secrets;
mod sessions;
mod statements;
mod stats;
mod tenancy;
mod tokens;
mod twins;
mod users;
mod versions;
mod zones;
