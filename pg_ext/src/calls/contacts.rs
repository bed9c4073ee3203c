//! Whether a client can be reached: a static contact, or a registration that has not expired.

use capconduit_core::Link;

use crate::postgres::argument::arg;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::tables::pjsip_contacts;
use crate::postgres::transaction::now;

static CONTACTS: Lookup<pjsip_contacts::Of> =
    lookup!(pjsip_contacts by pjsip_contacts_endpoint_idx (Text): expiration_time);
/// Whether a call can be offered to the link's client.
pub fn is_reachable(at: At, link: &Link) -> bool {
    link.has_contact || is_registered(at, &link.client_identifier)
}

/// A client without a static contact is reachable while it is registered.
fn is_registered(at: At, client_identifier: &str) -> bool {
    let now = now();
    let mut contacts = CONTACTS.open(at);
    contacts.seek(arg(client_identifier));
    while let Some(row) = contacts.next() {
        if row
            .get(pjsip_contacts::expiration_time)
            .is_some_and(|until| until > unix_seconds(now))
        {
            return true;
        }
    }
    false
}

/// PostgreSQL counts microseconds from the year 2000, Asterisk seconds from 1970.
fn unix_seconds(timestamp: i64) -> i64 {
    const EPOCHS_APART: i64 = 946_684_800;
    timestamp.div_euclid(1_000_000) + EPOCHS_APART
}
