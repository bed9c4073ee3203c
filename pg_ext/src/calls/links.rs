//! The links of a campaign: what people set, their counters, and whether their clients can be reached.

use capconduit_core::{Link, Reject, Strategy, Verdict, gate, select};
use pgrx::pg_sys;

use crate::calls::contacts::is_reachable;
use crate::calls::counters;
use crate::postgres::argument::arg;
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::scan::Row;
use crate::postgres::tables::{campaign_client_settings, clients, pjsip_aors, pjsip_endpoints};

static SETTINGS: Lookup<campaign_client_settings::Of> = lookup!(campaign_client_settings by campaign_client_settings_campaign_id_client_id_key (Int8): id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight);
static CLIENTS: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): client_identifier, status);
static AORS: Lookup<pjsip_aors::Of> = lookup!(pjsip_aors by pjsip_aors_pkey (Int8): contact);
static ENDPOINTS: Lookup<pjsip_endpoints::Of> =
    lookup!(pjsip_endpoints by pjsip_endpoints_pkey (Int8): callerid);

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
        && is_reachable(at, &now[chosen])
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
        let client_id = arg(row.need(campaign_client_settings::client_id));
        let (identifier, active) = clients
            .get(client_id, |client| {
                (
                    client.need(clients::client_identifier).to_owned(),
                    client.is(clients::status, "active"),
                )
            })
            // Somebody took its client away, and kept the foreign key from knowing.
            .unwrap_or_default();
        let contact = aors.get(client_id, |aor| aor.get(pjsip_aors::contact).is_some());
        links.push(configured(&row, identifier, active, contact == Some(true)));
    }
    links.sort_by_key(|link| link.id);
    links
}

/// A link as it is configured, of the table's row or of a covering index's.
pub fn configured(
    row: &Row<'_, campaign_client_settings::Of>,
    client_identifier: String,
    client_active: bool,
    has_contact: bool,
) -> Link {
    Link {
        id: row.need(campaign_client_settings::id),
        client_id: row.need(campaign_client_settings::client_id),
        client_identifier,
        link_active: row.is(campaign_client_settings::status, "active"),
        client_active,
        has_contact,
        max_concurrency: row.need(campaign_client_settings::max_concurrency),
        total_calls_allowed: row.get(campaign_client_settings::total_calls_allowed),
        forwarding_priority: row.need(campaign_client_settings::forwarding_priority),
        weight: row.need(campaign_client_settings::weight),
        active: 0,
        counted: 0,
        last_seq: 0,
        already_tried: false,
    }
}

/// What else a link is judged by: its counters, and where its client has registered.
struct Surroundings<'a> {
    at: At<'a>,
    counters: counters::Reader<'a>,
}

impl<'a> Surroundings<'a> {
    fn open(at: At<'a>) -> Self {
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
        link.has_contact = is_reachable(self.at, link);
    }
}

/// The caller id to present to a client; NULL passes on the caller's own.
pub fn read_caller_id(at: At, client_id: i64) -> Option<String> {
    ENDPOINTS
        .first(at, arg(client_id), |row| row.owned(pjsip_endpoints::callerid))
        .flatten()
}
