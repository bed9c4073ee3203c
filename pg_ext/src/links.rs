//! Reads what a decision rests on: the DID with its owner and campaign, and the campaign's links with their counters.

use capconduit_core::{Link, Reject, Strategy};
use pgrx::pg_sys::{INT8ARRAYOID, INT8OID, TEXTOID};

use crate::guc;
use crate::spi::{Columns, Statement, View, arg};

/// What is known of a dialled number, and what routing needs of its campaign.
pub struct Dialled {
    pub did_id: i64,
    pub user_id: i64,
    /// The active campaign with the lowest id.
    pub campaign: Option<Campaign>,
    /// What stops the call before any link is looked at.
    pub stop: Option<Reject>,
}

pub struct Campaign {
    pub id: i64,
    pub strategy: Strategy,
    pub dial_timeout_seconds: i32,
    pub max_ring_seconds: i32,
}

/// The call itself may be known already.
pub struct CallState {
    pub in_flight: bool,
    pub recorded: bool,
}

/// The links' columns and joins, shared by the two ways to reach them.
macro_rules! links_sql {
    ($head:literal, $tail:literal) => {
        concat!(
            $head,
            "s.id, s.client_id, k.client_identifier, s.status = 'active', k.status = 'active', \
             a.contact is not null, s.max_concurrency, s.total_calls_allowed, s.forwarding_priority, s.weight, \
             n.active, n.total, n.last_seq ",
            $tail
        )
    };
}

/// `user_id + 0` keeps the campaign's primary key the only way in: a seller may have thousands of campaigns.
/// One row per link, or one with NULLs where the chain ends sooner; there is always one.
static BY_NUMBER: Statement = Statement::new(
    links_sql!(
        "select t.in_flight, t.recorded, d.id, d.status = 'active', d.user_id, u.status = 'active', \
                c.id, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, ",
        "from (select exists (select from capconduit.live_calls where uniqueid = $2) as in_flight, \
                      exists (select from capconduit.call_logs where asterisk_uniqueid = $2) as recorded) t \
         left join capconduit.dids d on d.number = $1 \
         left join capconduit.users u on u.id = d.user_id \
         left join lateral (select c.* \
                              from capconduit.campaign_dids cd \
                              join capconduit.campaigns c on c.id = cd.campaign_id \
                             where cd.did_id = d.id and c.status = 'active' and c.user_id + 0 = d.user_id \
                             order by cd.campaign_id \
                             limit 1) c on true \
         left join capconduit.campaign_client_settings s on s.campaign_id = c.id \
         left join capconduit.clients k on k.id = s.client_id \
         left join capconduit.link_counters n on n.link_id = s.id \
         left join capconduit.pjsip_aors a on a.client_id = s.client_id"
    ),
    &[TEXTOID, TEXTOID],
);

static BY_CAMPAIGN: Statement = Statement::new(
    links_sql!(
        "select ",
        "from capconduit.campaign_client_settings s \
         join capconduit.clients k on k.id = s.client_id \
         join capconduit.link_counters n on n.link_id = s.id \
         left join capconduit.pjsip_aors a on a.client_id = s.client_id \
         where s.campaign_id = $1"
    ),
    &[INT8OID],
);

/// Clients without a static contact are reachable while they are registered.
static REGISTERED: Statement = Statement::new(
    "select k.id \
       from capconduit.clients k \
      where k.id = any ($1) \
        and exists (select \
                      from capconduit.pjsip_contacts c \
                     where c.endpoint = k.client_identifier \
                       and c.expiration_time > extract(epoch from clock_timestamp()))",
    &[INT8ARRAYOID],
);

/// The number (canonical) and, for a route, the call; `uniqueid` is `None` for explain and for records.
pub fn read_dialled(
    view: View,
    number: &str,
    uniqueid: Option<&str>,
) -> (CallState, Option<Dialled>, Vec<Link>) {
    let rows = BY_NUMBER.run_with(view, &[arg(number), arg(uniqueid)]);
    let first = rows.first().expect("the state of the call is always a row");
    let state = CallState {
        in_flight: first.need(),
        recorded: first.need(),
    };
    let dialled = read_head(&first);
    let mut links = Vec::with_capacity(rows.len());
    for columns in rows.iter() {
        columns.skip(HEAD_COLUMNS);
        links.extend(read_link(&columns));
    }
    if dialled.as_ref().is_none_or(|dialled| dialled.stop.is_some()) {
        links.clear();
    }
    finish(view, &mut links);
    (state, dialled, links)
}

pub fn read_links(campaign_id: i64) -> Vec<Link> {
    let rows = BY_CAMPAIGN.run(&[arg(campaign_id)]);
    let mut links: Vec<Link> = rows.iter().filter_map(|columns| read_link(&columns)).collect();
    finish(View::Fresh, &mut links);
    links
}

/// Columns of BY_NUMBER before the links' own.
const HEAD_COLUMNS: i32 = 10;

fn read_head(columns: &Columns) -> Option<Dialled> {
    let did_id = columns.get()?;
    let did_active: bool = columns.need();
    let user_id = columns.need();
    let owner_active: bool = columns.need();
    let campaign = columns.get().map(|id| Campaign {
        id,
        strategy: columns
            .get::<String>()
            .and_then(|name| Strategy::parse(&name))
            .expect("the schema allows known strategies only"),
        dial_timeout_seconds: columns.need(),
        max_ring_seconds: columns.get().unwrap_or_else(|| guc::MAX_RING_SECONDS.get()),
    });
    let stop = if !did_active {
        Some(Reject::DidInactive)
    } else if !owner_active {
        Some(Reject::OwnerInactive)
    } else if campaign.is_none() {
        Some(Reject::NoActiveCampaignForDid)
    } else {
        None
    };
    Some(Dialled {
        did_id,
        user_id,
        campaign,
        stop,
    })
}

fn read_link(columns: &Columns) -> Option<Link> {
    let id = columns.get()?;
    Some(Link {
        id,
        client_id: columns.need(),
        client_identifier: columns.need(),
        link_active: columns.need(),
        client_active: columns.need(),
        has_contact: columns.need(),
        max_concurrency: columns.need(),
        total_calls_allowed: columns.get(),
        forwarding_priority: columns.need(),
        weight: columns.need(),
        active: columns.need(),
        counted: columns.need(),
        last_seq: columns.need(),
        already_tried: false,
    })
}

/// Sorted here, so that the plan needs no sort.
fn finish(view: View, links: &mut [Link]) {
    links.sort_by_key(|link| link.id);
    mark_registered(view, links);
}

fn mark_registered(view: View, links: &mut [Link]) {
    let unsure: Vec<i64> = links
        .iter()
        .filter(|link| !link.has_contact)
        .map(|link| link.client_id)
        .collect();
    if unsure.is_empty() {
        return;
    }
    let rows = REGISTERED.run_with(view, &[arg(unsure)]);
    let registered: Vec<i64> = rows.iter().map(|columns| columns.need()).collect();
    for link in links {
        link.has_contact |= registered.contains(&link.client_id);
    }
}
