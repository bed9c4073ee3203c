//! The links of a campaign with all that they are judged by: what people set, and their counters.

use capconduit_core::facts::Campaign;
use capconduit_core::overflow::Overflow;
use capconduit_core::{Asked, Link, Reject, Strategy, Verdict, gates, select, stopped};
use pgrx::pg_sys;

use crate::calls::facts::{Clients, read_settings};
use crate::calls::{counters, meters};
use crate::postgres::look::At;
use crate::postgres::transaction;

/// A campaign's links by id, as of this moment, for a call of this caller.
pub fn read_links(at: At, campaign_id: i64, overflow: &Overflow, caller: Option<&str>) -> Vec<Link> {
    let mut links = read_settings(at, campaign_id, caller);
    keep_back(&mut links, overflow);
    if !links.is_empty() {
        let mut clients = Clients::new(at, caller);
        let mut counters = counters::Reader::new(at);
        for link in &mut links {
            counters.count(link);
            clients.describe(link);
            meters::count_client(at, link);
            clients.reach(link);
        }
    }
    links
}

fn keep_back(links: &mut [Link], overflow: &Overflow) {
    for link in links {
        link.kept_back = overflow.keeps_back(link.id);
    }
}

/// Whether links that were chosen from are set now as they were then, and the chosen one, if it is one of them, would be let through now, too,
/// its counters aside.
pub fn are_set_as_before(
    at: At,
    campaign_id: i64,
    then: &[Link],
    chosen: Option<usize>,
    asked: &Asked<'_>,
) -> bool {
    let mut now = read_settings(at, campaign_id, asked.caller);
    let mut clients = Clients::new(at, asked.caller);
    now.len() == then.len()
        && now.iter_mut().zip(then).all(|(now, then)| {
            now.client_metered = then.client_metered;
            clients.describe(now);
            then.is_set_like(now)
        })
        && chosen.is_none_or(|chosen| {
            clients.reach(&mut now[chosen]);
            // They are set as they were; what is used of them is judged with the counters.
            now[chosen].caps.clear();
            now[chosen].client_caps.clear();
            let asked = Asked {
                at: transaction::now(),
                ..*asked
            };
            gates::judge(&now[chosen], &asked) == Verdict::Eligible
        })
}

/// A campaign's links, of which some were asked, one after the other.
pub struct FirstTaker {
    pub links: Vec<Link>,
    /// Those that were asked, in this order, each with what was found. Who takes the call comes last.
    pub asked: Vec<(usize, Verdict)>,
}

impl FirstTaker {
    /// The link that takes the call, or why there is none.
    pub fn link(&self) -> Result<&Link, Reject> {
        match self.asked.last() {
            Some(&(index, Verdict::Eligible)) => Ok(&self.links[index]),
            _ => Err(stopped::reject_reason(
                self.asked.iter().map(|(_, verdict)| verdict),
            )),
        }
    }
}

/// Whom a call would be offered to first: what `read_links` and `select::choose` say together. Of links behind the first that
/// takes the call no more is looked up than their order needs.
pub fn first_taker(at: At, campaign: &Campaign, asked: &Asked<'_>) -> FirstTaker {
    let strategy = campaign.strategy;
    let mut links = read_settings(at, campaign.id, asked.caller);
    keep_back(&mut links, &campaign.overflow);
    let mut found = Vec::with_capacity(links.len());
    if !links.is_empty() {
        let mut clients = Clients::new(at, asked.caller);
        let mut counters = counters::Reader::new(at);
        // Turns are counted beside the slots.
        let counters_first = strategy == Strategy::RoundRobin;
        if counters_first {
            links.iter_mut().for_each(|link| counters.count(link));
        }
        for index in select::order(strategy, &links, asked, &mut uniform) {
            let link = &mut links[index];
            if !counters_first {
                counters.count(link);
            }
            clients.describe(link);
            meters::count_client(at, link);
            clients.reach(link);
            let verdict = gates::judge(link, asked);
            found.push((index, verdict));
            if verdict == Verdict::Eligible {
                break;
            }
        }
    }
    FirstTaker { links, asked: found }
}

/// PostgreSQL's own generator, seeded per backend.
pub fn uniform() -> f64 {
    // SAFETY: a backend-local state that PostgreSQL seeds at the backend's start.
    unsafe { pg_sys::pg_prng_double(&raw mut pg_sys::pg_global_prng_state) }
}
