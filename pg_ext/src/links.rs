//! Reads what a decision rests on: the DID with its owner and campaign, and the campaign's links with their counters.

use std::cmp::Ordering;

use capconduit_core::{Link, Reject, Strategy};
use pgrx::pg_sys::{INT8ARRAYOID, INT8OID, TEXTOID};

use crate::guc;
use crate::spi::{Columns, Rows, Statement, View, arg};

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

/// The call itself may be known already.
pub struct CallState {
    pub in_flight: bool,
    pub recorded: bool,
}

macro_rules! link_columns {
    () => {
        "s.id, s.client_id, k.client_identifier, s.status = 'active', k.status = 'active', \
         a.contact is not null, s.max_concurrency, s.total_calls_allowed, s.forwarding_priority, s.weight, \
         n.active, n.total, n.last_seq "
    };
}

/// `user_id + 0` keeps the campaign's primary key the only way in: a seller may have thousands of campaigns.
macro_rules! dialled_sql {
    ($state:literal, $from:literal) => {
        concat!(
            "select ",
            $state,
            "d.id, d.status = 'active', d.user_id, u.status = 'active', \
             c.id, c.name, c.routing_strategy, c.dial_timeout_seconds, c.max_ring_seconds, ",
            link_columns!(),
            $from,
            " left join capconduit.users u on u.id = d.user_id \
              left join (capconduit.campaign_dids cd \
                         join capconduit.campaigns c on c.id = cd.campaign_id and c.status = 'active') \
                on cd.did_id = d.id and c.user_id + 0 = d.user_id \
              left join capconduit.campaign_client_settings s on s.campaign_id = c.id \
              left join capconduit.clients k on k.id = s.client_id \
              left join capconduit.link_counters n on n.link_id = s.id \
              left join capconduit.pjsip_aors a on a.client_id = s.client_id"
        )
    };
}

/// One row per link of every active campaign, NULLs where the chain ends sooner; no row for an unknown number.
static DIALLED: Statement = Statement::new(
    dialled_sql!("", "from (select * from capconduit.dids where number = $1) d"),
    &[TEXTOID],
);

/// The same with the call's own state, which is always a row.
static CALL_DIALLED: Statement = Statement::new(
    dialled_sql!(
        "t.in_flight, t.recorded, ",
        "from (select exists (select from capconduit.live_calls where uniqueid = $2) as in_flight, \
                      exists (select from capconduit.call_logs where asterisk_uniqueid = $2) as recorded) t \
         left join capconduit.dids d on d.number = $1"
    ),
    &[TEXTOID, TEXTOID],
);

static BY_CAMPAIGN: Statement = Statement::new(
    concat!(
        "select ",
        link_columns!(),
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

/// A canonical number, the campaign that takes its calls, and that campaign's links (none where something stops
/// the call before).
pub fn read_dialled(view: View, number: &str) -> Option<(Dialled, Vec<Link>)> {
    let rows = DIALLED.run_with(view, &[arg(number)]);
    read_rows(view, &rows, 0)
}

/// The same for a route, with what is known of the call.
pub fn read_call_dialled(number: &str, uniqueid: &str) -> (CallState, Option<(Dialled, Vec<Link>)>) {
    let rows = CALL_DIALLED.run(&[arg(number), arg(uniqueid)]);
    let first = rows.first().expect("the state of the call is always a row");
    let state = CallState {
        in_flight: first.need(),
        recorded: first.need(),
    };
    (state, read_rows(View::Fresh, &rows, 2))
}

fn read_rows(view: View, rows: &Rows, skip: i32) -> Option<(Dialled, Vec<Link>)> {
    let mut dialled: Option<Dialled> = None;
    let mut links = Vec::with_capacity(rows.len());
    for columns in rows.iter() {
        columns.skip(skip);
        let did_id = columns.get()?;
        let did_active: bool = columns.need();
        let user_id = columns.need();
        let owner_active: bool = columns.need();
        let dialled = dialled.get_or_insert_with(|| Dialled {
            did_id,
            user_id,
            campaign: None,
            shadowed: Vec::new(),
            stop: if !did_active {
                Some(Reject::DidInactive)
            } else if !owner_active {
                Some(Reject::OwnerInactive)
            } else {
                None
            },
        });
        let Some(campaign) = read_campaign(&columns) else {
            break;
        };
        let campaign_id = campaign.id;
        if dialled.keep(campaign) {
            links.clear();
        }
        if dialled
            .campaign
            .as_ref()
            .is_some_and(|campaign| campaign.id == campaign_id)
        {
            links.extend(read_link(&columns));
        }
    }
    let mut dialled = dialled?;
    if dialled.stop.is_none() && dialled.campaign.is_none() {
        dialled.stop = Some(Reject::NoActiveCampaignForDid);
    }
    if dialled.stop.is_some() {
        links.clear();
    }
    finish(view, &mut links);
    Some((dialled, links))
}

impl Dialled {
    /// Keeps the campaign in its place; `true` where it takes the first, which another held until now.
    fn keep(&mut self, campaign: Campaign) -> bool {
        let place = match &self.campaign {
            None => {
                self.campaign = Some(campaign);
                return false;
            }
            Some(first) => first.id.cmp(&campaign.id),
        };
        let (takes_first, later) = match place {
            Ordering::Equal => return false,
            Ordering::Less => (false, Some(campaign)),
            Ordering::Greater => (true, self.campaign.replace(campaign)),
        };
        let later = later.expect("one of the two is later");
        if !self.shadowed.iter().any(|known| known.id == later.id) {
            self.shadowed.push(later);
        }
        takes_first
    }
}

fn read_campaign(columns: &Columns) -> Option<Campaign> {
    let Some(id) = columns.get() else {
        columns.skip(4);
        return None;
    };
    Some(Campaign {
        id,
        name: columns.need(),
        strategy: columns
            .get::<String>()
            .and_then(|name| Strategy::parse(&name))
            .expect("the schema allows known strategies only"),
        dial_timeout_seconds: columns.need(),
        max_ring_seconds: columns.get().unwrap_or_else(|| guc::MAX_RING_SECONDS.get()),
    })
}

pub fn read_links(campaign_id: i64) -> Vec<Link> {
    let rows = BY_CAMPAIGN.run(&[arg(campaign_id)]);
    let mut links: Vec<Link> = rows.iter().filter_map(|columns| read_link(&columns)).collect();
    finish(View::Fresh, &mut links);
    links
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
