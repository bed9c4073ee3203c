//! Reads what a decision rests on: the DID with its owner and campaign, and the campaign's links with their counters.

use capconduit_core::{Link, Reject, Strategy, Verdict, gate, select};
use pgrx::pg_sys;

use crate::calls::{copies, counters};
use crate::postgres::lookup::{At, Key, Lookup, Row};
use crate::postgres::spi::{arg, now};
use crate::postgres::{access, guc};

/// What is known of a dialled number, and what routing needs of its campaign.
pub struct Dialled {
    pub did_id: i64,
    pub user_id: i64,
    /// The active campaign with the lowest id.
    pub campaign: Option<Campaign>,
    /// The DID's later active campaigns, which get no calls.
    pub shadowed: Vec<Campaign>,
    /// What stops the call before any link is looked at.
    pub stop: Option<Reject>,
}

pub struct Campaign {
    pub id: i64,
    pub name: String,
    pub strategy: Strategy,
    pub dial_timeout_seconds: i32,
    pub max_ring_seconds: i32,
}

static DIDS: Lookup = Lookup::new(
    c"dids",
    c"dids_number_key",
    Key::Text,
    &[c"id", c"user_id", c"status"],
);
static USERS: Lookup = Lookup::new(c"users", c"users_pkey", Key::Int8, &[c"status"]);
static CAMPAIGN_DIDS: Lookup = Lookup::new(
    c"campaign_dids",
    c"campaign_dids_pkey",
    Key::Int8,
    &[c"campaign_id"],
);
static CAMPAIGNS: Lookup = Lookup::new(
    c"campaigns",
    c"campaigns_pkey",
    Key::Int8,
    &[
        c"user_id",
        c"status",
        c"name",
        c"routing_strategy",
        c"dial_timeout_seconds",
        c"max_ring_seconds",
    ],
);
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
static CONTACTS: Lookup = Lookup::new(
    c"pjsip_contacts",
    c"pjsip_contacts_endpoint_idx",
    Key::Text,
    &[c"expiration_time"],
);
static ENDPOINTS: Lookup = Lookup::new(
    c"pjsip_endpoints",
    c"pjsip_endpoints_pkey",
    Key::Int8,
    &[c"callerid"],
);

/// A canonical number and the campaign that takes its calls.
pub fn read_dialled(at: At, number: &str) -> Option<Dialled> {
    let (did_id, user_id, active) = DIDS.first(at, arg(number), |did| {
        (did.need::<i64>(0), did.need::<i64>(1), did.is(2, "active"))
    })?;
    let mut dialled = Dialled {
        did_id,
        user_id,
        campaign: None,
        shadowed: Vec::new(),
        stop: None,
    };
    let mut campaigns = read_campaigns(at, did_id, user_id).into_iter();
    dialled.campaign = campaigns.next();
    dialled.shadowed = campaigns.collect();
    dialled.stop = if !active {
        Some(Reject::DidInactive)
    } else if USERS.first(at, arg(user_id), |user| user.is(0, "active")) != Some(true) {
        Some(Reject::OwnerInactive)
    } else if dialled.campaign.is_none() {
        Some(Reject::NoActiveCampaignForDid)
    } else {
        None
    };
    Some(dialled)
}

/// The DID's active campaigns, by id. One of another seller does not count.
fn read_campaigns(at: At, did_id: i64, user_id: i64) -> Vec<Campaign> {
    let mut ids: Vec<i64> = Vec::new();
    let mut assigned = CAMPAIGN_DIDS.open(at);
    assigned.seek(arg(did_id));
    while let Some(row) = assigned.next() {
        ids.push(row.need(0));
    }
    // The index ends with the campaign's id: they come in its order.
    let mut campaigns = CAMPAIGNS.open(at);
    ids.into_iter()
        .filter_map(|id| {
            campaigns
                .get(arg(id), |row| {
                    (row.need::<i64>(0) == user_id && row.is(1, "active")).then(|| read_campaign(id, row))
                })
                .flatten()
        })
        .collect()
}

fn read_campaign(id: i64, row: &Row) -> Campaign {
    Campaign {
        id,
        name: row.need_text(2).to_owned(),
        strategy: strategy(row.need_text(3)),
        dial_timeout_seconds: row.need(4),
        max_ring_seconds: row.get(5).unwrap_or_else(|| guc::MAX_RING_SECONDS.get()),
    }
}

pub fn strategy(name: &str) -> Strategy {
    Strategy::parse(name)
        .unwrap_or_else(|| access::refuse(c"campaigns", &format!("{name:?} is no routing_strategy")))
}

/// A campaign's links by id, with their counters as of this moment.
pub fn read_links(at: At, campaign_id: i64) -> Vec<Link> {
    count_all(at, read_settings(at, campaign_id))
}

/// Links that were read as they are configured, with the rest that they are judged by.
fn count_all(at: At, mut links: Vec<Link>) -> Vec<Link> {
    if !links.is_empty() {
        let mut around = Surroundings::open(at);
        for link in &mut links {
            around.count(link);
            around.reach(link);
        }
    }
    links
}

/// What a call to this number meets, with the links if any are to be asked.
pub fn read_all(at: At, number: &str) -> (Option<Dialled>, Vec<Link>) {
    let (dialled, links) = read_configured(at, number);
    (dialled, count_all(at, links))
}

/// The same, with the links as they are configured; the rest of each is yet to be looked up.
pub fn read_configured(at: At, number: &str) -> (Option<Dialled>, Vec<Link>) {
    if let Some(offered) = copies::read_offered(at, number)
        && let id = offered.campaign.id
        && let Some(campaign) = CAMPAIGNS.first(at, arg(id), |row| read_campaign(id, row))
    {
        let dialled = Dialled {
            did_id: offered.did_id,
            user_id: offered.user_id,
            campaign: Some(campaign),
            shadowed: Vec::new(),
            stop: None,
        };
        return (Some(dialled), offered.campaign.links);
    }
    let dialled = read_dialled(at, number);
    let links = match &dialled {
        Some(Dialled {
            campaign: Some(campaign),
            stop: None,
            ..
        }) => read_settings(at, campaign.id),
        _ => Vec::new(),
    };
    (dialled, links)
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

/// A campaign's links by id, as they are configured; the rest of each is yet to be looked up.
pub fn read_settings(at: At, campaign_id: i64) -> Vec<Link> {
    if let Some(mut beside) = copies::open_links(at) {
        return copies::read_campaign(&mut beside, campaign_id)
            .map_or_else(Vec::new, |campaign| campaign.links);
    }
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

/// A client without a static contact is reachable while it is registered.
fn is_registered(at: At, client_identifier: &str) -> bool {
    let now = now();
    let mut contacts = CONTACTS.open(at);
    contacts.seek(arg(client_identifier));
    while let Some(row) = contacts.next() {
        if row.get::<i64>(0).is_some_and(|until| until > unix_seconds(now)) {
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

/// The caller id to present to a client; NULL passes on the caller's own.
pub fn read_caller_id(at: At, client_id: i64) -> Option<String> {
    ENDPOINTS
        .first(at, arg(client_id), |row| row.owned_text(0))
        .flatten()
}
