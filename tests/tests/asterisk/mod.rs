//! Real calls: the shipped configuration in a real Asterisk, SIPp on both sides. Needs root.

mod agent;
mod bytes;
mod caller_id;
mod calls;
mod clients;
mod crash;
mod dead;
mod early_media;
mod failover;
mod faults;
mod fraud;
mod in_dialog;
mod limits;
mod load;
mod local;
mod numbers;
mod qualify;
mod refusals;
mod rest;
mod strangers;
mod support;
mod tls;
mod traffic;
mod two_servers;
mod uncounted;
