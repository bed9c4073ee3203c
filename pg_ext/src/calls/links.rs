//! The links of a campaign: what people set, their counters, and whether their clients can be reached.

use capconduit_core::{Link, Reject, Strategy, Verdict, gate, select};
use pgrx::pg_sys;

use crate::calls::contacts::is_registered;
use crate::calls::counters;
use crate::postgres::look::At;
use crate::postgres::lookup::{Key, Lookup};
use crate::postgres::scan::Row;
use crate::postgres::spi::arg;

static SETTINGS: Lookup = Lookup::new(
    c"campaign_client_settings",
    c"campaign_client_settings_campaign_id_client_id_key",
    Key::Int8,
    &[
        c"id",
        c"client_id",
        c"status",
        c"max_concurrency",
        c"total_calls_allowed",
        c"forwarding_priority",
        c"weight",
    ],
);
static CLIENTS: Lookup = Lookup::new(
    c"clients",
    c"clients_pkey",
    Key::Int8,
    &[c"client_identifier", c"status"],
);
static AORS: Lookup = Lookup::new(c"pjsip_aors", c"pjsip_aors_pkey", Key::Int8, &[c"contact"]);
static ENDPOINTS: Lookup = Lookup::new(
    c"pjsip_endpoints",
    c"pjsip_endpoints_pkey",
    Key::Int8,
    &[c"callerid"],
);

/// Links that were read as they are configured, with the rest that they are judged by.
pub fn count_all(at: At, mut links: Vec<Link>) -> Vec<Link> {
    if !links.is_empty() {
        let mut around = Surroundings::open(at);
        for link in &mut links {
            around.count(link);
            around.reach(link);
        }
    }
    links
}

/// Whether links that were chosen from are set now as they were then, and the chosen one is still to be reached.
pub fn are_set_like(at: At, then: &[Link], now: &[Link], chosen: usize) -> bool {
    then.len() == now.len()
        && then.iter().zip(now).all(|(then, now)| then.is_set_like(now))
        && (now[chosen].has_contact || is_registered(at, &now[chosen].client_identifier))
}

/// The link that a call would be offered to first, or why there is none: what `count_all` and `select::choose` say
/// together. Links behind the first that takes the call are not looked up.
pub fn first_taker(at: At, strategy: Strategy, mut links: Vec<Link>) -> Result<Link, Reject> {
    if links.is_empty() {
        return Err(Reject::NoActiveClientsInCampaign);
    }
    let mut around = Surroundings::open(at);
    // Turns are counted beside the slots.
    let counters_first = strategy == Strategy::RoundRobin;
    if counters_first {
        links.iter_mut().for_each(|link| around.count(link));
    }
    let mut verdicts = Vec::with_capacity(links.len());
    for index in select::order(strategy, &links, &mut uniform) {
        if !counters_first {
            around.count(&mut links[index]);
        }
        around.reach(&mut links[index]);
        let verdict = gate::judge(&links[index]);
        if verdict == Verdict::Eligible {
            return Ok(links.swap_remove(index));
        }
        verdicts.push(verdict);
    }
    Err(select::reject_reason(&verdicts))
}

/// PostgreSQL's own generator, seeded per backend.
pub fn uniform() -> f64 {
    // SAFETY: a backend-local state that PostgreSQL seeds at the backend's start.
    unsafe { pg_sys::pg_prng_double(&raw mut pg_sys::pg_global_prng_state) }
}

/// A campaign's links by id, as their tables have them; the rest of each is yet to be looked up.
pub fn read_from_tables(at: At, campaign_id: i64) -> Vec<Link> {
    let mut links = Vec::new();
    let mut settings = SETTINGS.open(at);
    let mut clients = CLIENTS.open(at);
    let mut aors = AORS.open(at);
    settings.seek(arg(campaign_id));
    while let Some(row) = settings.next() {
        let client_id = arg(row.need::<i64>(1));
        let (identifier, active) = clients
            .get(client_id, |client| {
                (client.need_text(0).to_owned(), client.is(1, "active"))
            })
            // Somebody took its client away, and kept the foreign key from knowing.
            .unwrap_or_default();
        let contact = aors.get(client_id, |aor| aor.text(0).is_some());
        links.push(configured(&row, identifier, active, contact == Some(true)));
    }
    links.sort_by_key(|link| link.id);
    links
}

/// id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight.
pub fn configured(row: &Row, client_identifier: String, client_active: bool, has_contact: bool) -> Link {
    Link {
        id: row.need(0),
        client_id: row.need(1),
        client_identifier,
        link_active: row.is(2, "active"),
        client_active,
        has_contact,
        max_concurrency: row.need(3),
        total_calls_allowed: row.get(4),
        forwarding_priority: row.need(5),
        weight: row.need(6),
        active: 0,
        counted: 0,
        last_seq: 0,
        already_tried: false,
    }
}

/// What else a link is judged by: its counters, and where its client has registered.
struct Surroundings {
    at: At,
    counters: counters::Reader,
}

impl Surroundings {
    fn open(at: At) -> Self {
        Surroundings {
            at,
            counters: counters::Reader::new(at),
        }
    }

    fn count(&mut self, link: &mut Link) {
        match self.counters.read(link.id) {
            Some(counted) => {
                (link.active, link.counted, link.last_seq) =
                    (counted.active, counted.total, counted.last_seq);
            }
            // Somebody took its row away. It takes no call, the others go on; `verify_counters` tells.
            None => link.link_active = false,
        }
    }

    fn reach(&mut self, link: &mut Link) {
        link.has_contact = link.has_contact || is_registered(self.at, &link.client_identifier);
    }
}

/// The caller id to present to a client; NULL passes on the caller's own.
pub fn read_caller_id(at: At, client_id: i64) -> Option<String> {
    ENDPOINTS
        .first(at, arg(client_id), |row| row.owned_text(0))
        .flatten()
}
