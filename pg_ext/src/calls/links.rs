//! The links of a campaign with all that they are judged by: what people set, and their counters.

use capconduit_core::{Link, Reject, Strategy, Verdict, gate, select};
use pgrx::pg_sys;

use crate::calls::counters;
use crate::calls::facts::{Clients, read_settings};
use crate::postgres::look::At;

/// A campaign's links by id, as of this moment.
pub fn read_links(at: At, campaign_id: i64) -> Vec<Link> {
    let mut links = read_settings(at, campaign_id);
    if !links.is_empty() {
        let mut clients = Clients::new(at);
        let mut counters = counters::Reader::new(at);
        for link in &mut links {
            clients.describe(link);
            counters.count(link);
            clients.reach(link);
        }
    }
    links
}

/// Whether links that were chosen from are set now as they were then, and the chosen one is still to be reached.
pub fn are_set_as_before(at: At, campaign_id: i64, then: &[Link], chosen: usize) -> bool {
    let mut now = read_settings(at, campaign_id);
    let mut clients = Clients::new(at);
    now.len() == then.len()
        && now.iter_mut().zip(then).all(|(now, then)| {
            clients.describe(now);
            then.is_set_like(now)
        })
        && {
            clients.reach(&mut now[chosen]);
            now[chosen].has_contact
        }
}

/// The link that a call would be offered to first, or why there is none: what `read_links` and `select::choose` say
/// together. Of links behind the first that takes the call no more is looked up than their order needs.
pub fn first_taker(at: At, campaign_id: i64, strategy: Strategy) -> Result<Link, Reject> {
    let mut links = read_settings(at, campaign_id);
    if links.is_empty() {
        return Err(Reject::NoActiveClientsInCampaign);
    }
    let mut clients = Clients::new(at);
    let mut counters = counters::Reader::new(at);
    // Turns are counted beside the slots.
    let counters_first = strategy == Strategy::RoundRobin;
    if counters_first {
        links.iter_mut().for_each(|link| counters.count(link));
    }
    let mut verdicts = Vec::with_capacity(links.len());
    for index in select::order(strategy, &links, &mut uniform) {
        let link = &mut links[index];
        clients.describe(link);
        if !counters_first {
            counters.count(link);
        }
        clients.reach(link);
        let verdict = gate::judge(link);
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
