//! The model's own opinion on which link takes a call: gates, strategies, the decision as text, explain.

use capconduit_tests::Explained;

use super::callers::{Asks, Former, Who};
use super::caps::{OVER, let_through, stops};
use super::meters::Subject;
use super::overflow::{Asking, exit_of};
use super::rows::{Counter, Micros};
use super::seats;
use super::world::{Contact, SECOND, World, identifier_of, number_of};

pub const ELIGIBLE: &str = "eligible";

/// `asked_last`: the link that calls overflow to, where one does.
pub fn verdict(
    world: &World,
    link_id: i64,
    asked_last: Option<i64>,
    tried: &[i64],
    who: &Who,
    now: Micros,
) -> &'static str {
    let link = &world.links[&link_id];
    let client = &world.clients[&link.client];
    if world.keeps_back(link_id) && asked_last != Some(link_id) {
        "kept_back"
    } else if tried.contains(&link_id) {
        "already_tried"
    } else if !link.active {
        "link_inactive"
    } else if !client.active {
        "client_inactive"
    } else if world.is_paused("campaign_client_settings", link_id) {
        "link_paused"
    } else if world.is_paused("clients", link.client) {
        "client_paused"
    } else if world.closed.contains(&("clients", link.client)) {
        "client_closed"
    } else if world.closed.contains(&("campaign_client_settings", link_id)) {
        "link_closed"
    } else if !matches!(client.contact, Contact::Static | Contact::Registered) {
        "no_contact"
    } else {
        let stale = seats::stops(world, link.client, now).filter(|verdict| *verdict == "client_seats_stale");
        stale
            .or_else(|| world.link_stops_caller(link_id, who, now))
            .or_else(|| full(world, link_id, now))
            .unwrap_or(ELIGIBLE)
    }
}

/// Which cap stops a link: what holds longest first, over one window the client's before the link's.
fn full(world: &World, link_id: i64, now: Micros) -> Option<&'static str> {
    let counter = &world.rows.counters[&link_id];
    let client = Subject::Client(world.links[&link_id].client);
    let link = Subject::Link(link_id);
    for over in OVER {
        if let Some(reason) = stops(world, &[client], over, now) {
            return Some(reason);
        }
        if over == "total" && !has_total_room(world, link_id, counter) {
            return Some("total_cap");
        }
        let seats = seats::stops(world, client.id(), now).filter(|_| over == "concurrent");
        if seats.is_some() {
            return seats;
        }
        if over == "concurrent" && !has_free_slot(world, link_id, counter) {
            return Some("concurrency_cap");
        }
        if let Some(reason) = stops(world, &[link], over, now) {
            return Some(reason);
        }
    }
    if !is_client_spaced(world, world, link_id, now) {
        Some("client_spacing")
    } else if !is_spaced(world, link_id, counter, now) {
        Some("spacing")
    } else {
        None
    }
}

fn has_total_room(world: &World, link_id: i64, counter: &Counter) -> bool {
    let allowed = world.links[&link_id].allowed;
    allowed.is_none_or(|allowed| counter.total + i64::from(counter.active) < allowed)
}

fn has_free_slot(world: &World, link_id: i64, counter: &Counter) -> bool {
    counter.active < world.links[&link_id].max_concurrency
}

/// Far enough from its last call, whichever way the clock was set.
fn is_spaced(world: &World, link_id: i64, counter: &Counter, now: Micros) -> bool {
    let pause = world.links[&link_id].spacing.zip(counter.reserved_at);
    pause.is_none_or(|(seconds, last)| (now - last).abs() >= seconds * SECOND)
}

/// The same of its client, on whatever link.
fn is_client_spaced(look: &World, world: &World, link_id: i64, now: Micros) -> bool {
    let client = look.links[&link_id].client;
    let meter = world.rows.meters.get(&Subject::Client(client));
    let last = meter.and_then(|meter| meter.reserved_at);
    let pause = look.clients[&client].spacing.zip(last);
    pause.is_none_or(|(seconds, last)| (now - last).abs() >= seconds * SECOND)
}

/// Whether a link that was chosen by that look has room in this world.
pub fn has_room(look: &World, world: &World, link_id: i64, now: Micros) -> bool {
    let counter = world.rows.counters.get(&link_id);
    counter.is_some_and(|counter| {
        let client = Subject::Client(look.links[&link_id].client);
        let_through(look, world, &[Subject::Link(link_id), client], now)
            && seats::stops(world, client.id(), now).is_none()
            && is_client_spaced(look, world, link_id, now)
            && has_total_room(look, link_id, counter)
            && has_free_slot(look, link_id, counter)
            && is_spaced(look, link_id, counter, now)
    })
}

/// A link with its verdict.
pub type Judged = Vec<(i64, &'static str)>;

/// All links of a campaign, by id.
pub fn judge(
    world: &World,
    campaign: i64,
    asked_last: Option<i64>,
    tried: &[i64],
    who: &Who,
    now: Micros,
) -> Judged {
    let links = world.links_of(campaign);
    links
        .into_iter()
        .map(|id| (id, verdict(world, id, asked_last, tried, who, now)))
        .collect()
}

fn had(world: &World, former: Option<Former>, link_id: i64) -> bool {
    former.is_some_and(|former| former.client == world.links[&link_id].client)
}

/// Where a link stands in the strategy's order, behind who had the caller; weighted has none but the id.
fn rank(world: &World, strategy: &str, former: Option<Former>, link_id: i64) -> (bool, i64, i64) {
    let place = match strategy {
        "priority" => i64::from(world.links[&link_id].priority),
        "round_robin" => world.rows.counters[&link_id].last_seq,
        _ => 0,
    };
    (!had(world, former, link_id), place, link_id)
}

/// The link that must take the call. A weighted draw may give any eligible one: `drawn`, if it is one.
pub fn choose(
    world: &World,
    strategy: &str,
    judged: &Judged,
    former: Option<Former>,
    drawn: Option<i64>,
) -> Option<i64> {
    let eligible = || {
        judged
            .iter()
            .filter(|(_, verdict)| *verdict == ELIGIBLE)
            .map(|(id, _)| *id)
    };
    let had_it = eligible().any(|id| had(world, former, id));
    if strategy == "weighted" && !had_it && drawn.is_some_and(|drawn| eligible().any(|id| id == drawn)) {
        return drawn;
    }
    eligible().min_by_key(|id| rank(world, strategy, former, *id))
}

/// Why a campaign has nobody for a call: by what opens soonest.
pub fn none_takes_it(judged: &Judged) -> (&'static str, i32) {
    let any = |is: fn(&str) -> bool| judged.iter().any(|(_, verdict)| is(verdict));
    if any(|verdict| is_freed_by_calls(verdict) || verdict.ends_with("spacing")) {
        ("no_eligible_clients_available", 17)
    } else if any(|verdict| verdict.ends_with("_cap")) {
        ("all_capped", 17)
    } else if any(|verdict| verdict.ends_with("_duplicate_caller")) {
        ("duplicate_caller", 21)
    } else if any(|verdict| verdict.ends_with("_blocks_caller")) {
        ("caller_blocked", 21)
    } else if any(|verdict| verdict.ends_with("_closed")) {
        ("all_closed", 20)
    } else if any(|verdict| verdict == "same_client_only")
        && judged
            .iter()
            .all(|(_, verdict)| ["same_client_only", "kept_back"].contains(verdict))
    {
        ("duplicate_caller", 21)
    } else {
        ("no_active_clients_in_campaign", 20)
    }
}

fn is_freed_by_calls(verdict: &str) -> bool {
    [
        "concurrency_cap",
        "total_cap",
        "client_concurrent_cap",
        "client_seats",
        "link_concurrent_cap",
    ]
    .contains(&verdict)
}

/// Full links that would have come before the choice, in order: a route looks for expired leases there.
pub fn full_ahead(
    world: &World,
    strategy: &str,
    judged: &Judged,
    former: Option<Former>,
    chosen: Option<i64>,
) -> Vec<i64> {
    // Only who had the caller has a place there.
    let is_drawn = strategy == "weighted" && chosen.is_some();
    let rank = |id: i64| rank(world, strategy, former, id);
    let limit = chosen.map(rank);
    let mut ahead: Vec<i64> = judged
        .iter()
        .filter(|(_, verdict)| is_freed_by_calls(verdict))
        .map(|(id, _)| *id)
        .filter(|id| limit.is_none_or(|limit| rank(*id) < limit))
        .filter(|id| !is_drawn || had(world, former, *id))
        .collect();
    ahead.sort_by_key(|id| rank(*id));
    ahead
}

pub fn describe(judged: &Judged, chosen: Option<i64>) -> String {
    let others = judged.iter().filter(|(id, _)| Some(*id) != chosen);
    let mut parts: Vec<String> = chosen.iter().map(|id| format!("{id}=selected")).collect();
    parts.extend(others.map(|(id, verdict)| format!("{id}={verdict}")));
    parts.join("|")
}

/// A number's own campaign.
pub fn asks(user: i64, campaign: i64) -> Asks {
    Asks {
        user,
        campaign,
        is_first: true,
    }
}

/// What stops a call to this number before any link is looked at, with the campaign that is known by then.
pub fn stop(
    world: &World,
    number: &str,
    who: &Who,
    now: Micros,
) -> (Option<(&'static str, i32)>, Option<i64>) {
    let Some((did_id, did)) = world.did_by_number(number) else {
        return (Some(("did_not_found", 1)), None);
    };
    let campaign = world.active_campaigns(did_id).first().copied();
    let stop = if !did.active {
        Some(("did_inactive", 1))
    } else if !world.users[&did.user] {
        Some(("owner_inactive", 1))
    } else if campaign.is_none() {
        Some(("no_active_campaign_for_did", 1))
    } else if campaign.is_some_and(|id| world.is_paused("campaigns", id)) {
        Some(("campaign_paused", 20))
    } else if world.closed.contains(&("dids", did_id))
        || campaign.is_some_and(|id| world.closed.contains(&("campaigns", id)))
    {
        Some(("closed", 20))
    } else if let Some(reason) = campaign.and_then(|id| world.stops_caller(asks(did.user, id), who, now)) {
        Some((reason, 21))
    } else {
        let campaign = campaign.map(Subject::Campaign);
        let subjects = [
            Some(Subject::Seller(did.user)),
            campaign,
            Some(Subject::Did(did_id)),
        ];
        let subjects: Vec<_> = subjects.into_iter().flatten().collect();
        let full = OVER.iter().find_map(|over| stops(world, &subjects, over, now));
        full.map(|reason| (reason, 17))
    };
    (stop, campaign)
}

/// What has as many calls at one time as it may, by the reason that is told.
pub fn full_above(world: &World, number: &str, reason: &str) -> Option<Subject> {
    let (did_id, did) = world.did_by_number(number)?;
    match reason {
        "seller_concurrent_cap" => Some(Subject::Seller(did.user)),
        "campaign_concurrent_cap" => {
            let campaigns = world.active_campaigns(did_id);
            campaigns.first().copied().map(Subject::Campaign)
        }
        "did_concurrent_cap" => Some(Subject::Did(did_id)),
        _ => None,
    }
}

pub fn explain(world: &World, did_id: i64, now: Micros) -> Vec<Explained> {
    let who = Who::default();
    let (stop, campaign) = stop(world, &number_of(did_id), &who, now);
    if let Some((reason, _)) = stop {
        return vec![explained(None, reason)];
    }
    let campaign = campaign.expect("nothing stops the call");
    let mut first = Asking::own(world, campaign, None, &[], &who, now);
    let is_taken = first.judged.iter().any(|(_, verdict)| *verdict == ELIGIBLE);
    let mut then = first.then(world, exit_of(&first.judged), |_, _| Vec::new(), &who, now);
    then = then.filter(|_| !is_taken);
    // A link of its own is told among the others.
    if let Some(own) = then.take_if(|then| then.left().is_none()) {
        first = own;
    }
    let mut rows = links_explained(world, &first);
    rows.extend(then.iter().flat_map(|then| match then.stop {
        Some(gate) => {
            let reason = if gate == "campaign_closed" { "closed" } else { gate };
            vec![explained(Some(then.campaign), reason)]
        }
        None => links_explained(world, then),
    }));
    for shadowed in world.active_campaigns(did_id).into_iter().skip(1) {
        rows.push(explained(Some(shadowed), "shadowed"));
    }
    rows
}

fn links_explained(world: &World, asking: &Asking) -> Vec<Explained> {
    let strategy = world.campaigns[&asking.campaign].strategy;
    let judged = &asking.judged;
    let mut eligible: Vec<i64> = judged
        .iter()
        .filter(|(_, verdict)| *verdict == ELIGIBLE)
        .map(|(id, _)| *id)
        .collect();
    eligible.sort_by_key(|id| rank(world, strategy, None, *id));
    let weights: f64 = eligible.iter().map(|id| f64::from(world.links[id].weight)).sum();
    let mut rows = Vec::new();
    if judged.is_empty() {
        rows.push(explained(Some(asking.campaign), "no_active_clients_in_campaign"));
    }
    for (id, verdict) in judged {
        let link = &world.links[id];
        let counter = &world.rows.counters[id];
        let place = eligible.iter().position(|other| other == id);
        let weighted = strategy == "weighted";
        rows.push(Explained {
            link_id: Some(*id),
            client_identifier: Some(identifier_of(link.client)),
            eligible: Some(*verdict == ELIGIBLE),
            active: Some(counter.active),
            max_concurrency: Some(link.max_concurrency),
            counted: Some(counter.total),
            total_calls_allowed: link.allowed,
            place: place.filter(|_| !weighted).map(|place| place as i32 + 1),
            share: place
                .filter(|_| weighted)
                .map(|_| f64::from(link.weight) / weights),
            ..explained(Some(asking.campaign), verdict)
        });
    }
    rows
}

fn explained(campaign_id: Option<i64>, reason: &str) -> Explained {
    Explained {
        campaign_id,
        link_id: None,
        client_identifier: None,
        eligible: Some(false),
        reason: Some(reason.to_owned()),
        active: None,
        max_concurrency: None,
        counted: None,
        total_calls_allowed: None,
        place: None,
        share: None,
    }
}
