//! What people set, as their tables have it: a dialled number with its owner and campaign, the campaign's links, their clients.
//! One author for everybody who decides or tells. A further table is looked up only where a row refers to it.

use capconduit_core::caller_rules::{CallerRule, Of};
use capconduit_core::callers::{Marked, Scope};
use capconduit_core::cap::{Cap, Capped, Counted, Over};
use capconduit_core::facts::{Campaign, Contact, Dialled};
use capconduit_core::overflow::Overflow;
use capconduit_core::pause::Pause;
use capconduit_core::{Link, SetBy, Strategy, Subject, outcome};

use pgrx::JsonB;

use crate::calls::callers::{read_marked, read_rules};
use crate::calls::meters::{self, Metered};
use crate::calls::schedules::read_hours;
use crate::postgres::argument::arg;
use crate::postgres::column::{Column, Text, Time};
use crate::postgres::look::At;
use crate::postgres::lookup::{Lookup, lookup};
use crate::postgres::scan::{Row, Scan};
use crate::postgres::tables::{
    campaign_client_settings, campaign_dids, campaigns, caps, clients, dids, pjsip_aors, pjsip_contacts,
    pjsip_endpoints, users,
};
use crate::postgres::transaction::of_unix_seconds;
use crate::postgres::{access, guc};

static DIDS: Lookup<dids::Of> =
    lookup!(dids by dids_number_key (Text): id, user_id, status, schedule_id).remembering();
static USERS: Lookup<users::Of> =
    lookup!(users by users_pkey (Int8): status, metered, screened, caller_rules).remembering();
static CAMPAIGN_DIDS: Lookup<campaign_dids::Of> =
    lookup!(campaign_dids by campaign_dids_pkey (Int8): campaign_id);
static CAMPAIGNS: Lookup<campaigns::Of> = lookup!(campaigns by campaigns_pkey (Int8): user_id, status, name, routing_strategy, dial_timeout_seconds, max_ring_seconds, qualify_seconds, schedule_id, paused_until, pause_reason, platform_paused_until, platform_pause_reason, screened, anonymous_callers, min_redial_seconds, caller_rules, overflow).remembering();
static SETTINGS: Lookup<campaign_client_settings::Of> = lookup!(campaign_client_settings by campaign_client_settings_campaign_id_client_id_key (Int8): id, client_id, status, max_concurrency, total_calls_allowed, forwarding_priority, weight, min_seconds_between, qualify_seconds, capped, schedule_id, paused_until, pause_reason, platform_paused_until, platform_pause_reason, screened, caller_rules);
static CLIENTS: Lookup<clients::Of> = lookup!(clients by clients_pkey (Int8): client_identifier, status, metered, min_seconds_between, schedule_id, platform_paused_until, platform_pause_reason, screened, caller_rules).remembering();
static AORS: Lookup<pjsip_aors::Of> = lookup!(pjsip_aors by pjsip_aors_pkey (Int8): contact).remembering();
static CONTACTS: Lookup<pjsip_contacts::Of> =
    lookup!(pjsip_contacts by pjsip_contacts_endpoint_idx (Text): expiration_time);
static ENDPOINTS: Lookup<pjsip_endpoints::Of> =
    lookup!(pjsip_endpoints by pjsip_endpoints_pkey (Int8): callerid).remembering();

/// Of a canonical number, for a call of this caller.
pub fn read_dialled(at: At, number: &str, caller: Option<&str>) -> Option<Dialled> {
    let (did_id, user_id, did_active, schedule_id) = DIDS.first(at, arg(number), |did| {
        (
            did.need(dids::id),
            did.need(dids::user_id),
            did.is(dids::status, "active"),
            did.get_optional(dids::schedule_id),
        )
    })?;
    let ids = read_campaign_ids(at, did_id);
    let campaigns = ids.len();
    let mut ids = ids.into_iter();
    let campaign = first_that_takes_calls(at, &mut ids, user_id, caller);
    let owner = USERS.first(at, arg(user_id), |user| {
        let metered = user.get_optional(users::metered) == Some(true);
        let screened = user.get_optional(users::screened) == Some(true);
        let rules = read_rules(users::NAME, Of::Call, user.get_optional(users::caller_rules));
        (user.is(users::status, "active"), metered, screened, rules)
    });
    let (owner_active, seller_metered, screened, caller_rules) = owner.unwrap_or_default();
    let mut dialled = Dialled {
        did_id,
        did_active,
        user_id,
        owner_active,
        hours: read_hours(at, schedule_id),
        campaigns,
        campaign,
        beyond: None,
        behind: ids.collect(),
        seller_metered,
        did_caps: Capped::NOT,
        seller_caps: Capped::NOT,
        marked: Marked::default(),
        platform_marked: Marked::default(),
        caller_rules,
    };
    if screened || !dialled.caller_rules.is_empty() {
        dialled.marked = read_marked(at, Scope::Seller(user_id), caller, &dialled.caller_rules);
    }
    if screened {
        dialled.platform_marked = read_marked(at, Scope::Platform, caller, &[]);
    }
    if seller_metered {
        count(at, &mut dialled);
    }
    Some(dialled)
}

/// What links say of their seller holds also where somebody took its own mark away: its meters move with them, so their caps count.
/// `true`: there was something to count. `verify_counters` tells.
pub fn count_as_marked(at: At, dialled: &mut Dialled, is_marked: bool) -> bool {
    if dialled.seller_metered || !is_marked {
        return false;
    }
    count(at, dialled);
    let is_counted = dialled
        .subjects()
        .any(|(_, capped)| capped.windows_from != i64::MIN || !capped.caps.is_empty());
    dialled.seller_metered = is_counted;
    is_counted
}

/// What caps a call is counted by, beside those of links and clients.
fn count(at: At, dialled: &mut Dialled) {
    let capped = |subject| {
        let of = Metered::of_seller(subject, dialled.user_id);
        meters::capped(at, of, read_caps(at, subject))
    };
    let did_caps = capped(Subject::Did(dialled.did_id));
    let seller_caps = capped(Subject::Seller(dialled.user_id));
    let campaign = dialled.campaign.as_ref();
    let campaign_caps = campaign.map(|campaign| capped(Subject::Campaign(campaign.id)));
    dialled.did_caps = did_caps;
    dialled.seller_caps = seller_caps;
    if let (Some(campaign), Some(caps)) = (&mut dialled.campaign, campaign_caps) {
        campaign.caps = caps;
    }
}

/// What people have marked of a caller for all of a seller's campaigns.
pub fn read_seller_marked(at: At, user_id: i64, caller: Option<&str>) -> Marked {
    let screened = |user: Row<'_, users::Of>| user.get_optional(users::screened) == Some(true);
    if USERS.first(at, arg(user_id), screened) == Some(true) {
        read_marked(at, Scope::Seller(user_id), caller, &[])
    } else {
        Marked::default()
    }
}

/// A campaign that calls of another one overflow to, with its caps where its seller is metered. None: it takes no calls, or is not this
/// seller's.
pub fn read_beyond(
    at: At,
    user_id: i64,
    id: i64,
    caller: Option<&str>,
    seller_metered: bool,
) -> Option<Campaign> {
    let mut campaign = first_that_takes_calls(at, &mut std::iter::once(id), user_id, caller)?;
    if seller_metered {
        let subject = Subject::Campaign(id);
        campaign.caps = meters::capped(at, Metered::of_seller(subject, user_id), read_caps(at, subject));
    }
    Some(campaign)
}

/// The number's later campaigns that would take its calls, and get none.
pub fn read_shadowed(at: At, dialled: &Dialled) -> Vec<Campaign> {
    let mut ids = dialled.behind.iter().copied();
    std::iter::from_fn(|| first_that_takes_calls(at, &mut ids, dialled.user_id, None)).collect()
}

/// In the order of the index, which ends with the campaign's id.
fn read_campaign_ids(at: At, did_id: i64) -> Vec<i64> {
    let mut ids = Vec::new();
    let mut assigned = CAMPAIGN_DIDS.open(at);
    assigned.seek(arg(did_id));
    while let Some(row) = assigned.next() {
        ids.push(row.need(campaign_dids::campaign_id));
    }
    ids
}

/// An active one. One of another seller takes no calls of this owner's number.
fn first_that_takes_calls(
    at: At,
    ids: &mut impl Iterator<Item = i64>,
    owner: i64,
    caller: Option<&str>,
) -> Option<Campaign> {
    let mut ids = ids.peekable();
    ids.peek()?;
    let mut campaigns = CAMPAIGNS.open(at);
    ids.find_map(|id| {
        let read = |row: Row<'_, campaigns::Of>| {
            (row.is(campaigns::status, "active") && row.need(campaigns::user_id) == owner)
                .then(|| read_campaign(at, id, &row, caller))
        };
        campaigns.get(arg(id), read).flatten()
    })
}

fn read_campaign(at: At, id: i64, row: &Row<'_, campaigns::Of>, caller: Option<&str>) -> Campaign {
    let min_redial_seconds = row.get_optional(campaigns::min_redial_seconds);
    let caller_rules = read_rules(
        campaigns::NAME,
        Of::Call,
        row.get_optional(campaigns::caller_rules),
    );
    let is_marked = row.get_optional(campaigns::screened) == Some(true)
        || min_redial_seconds.is_some()
        || !caller_rules.is_empty();
    let strategy = row.need(campaigns::routing_strategy);
    Campaign {
        id,
        name: row.need(campaigns::name).to_owned(),
        strategy: Strategy::parse(strategy)
            .unwrap_or_else(|| access::refuse(c"campaigns", &format!("{strategy:?} is no routing_strategy"))),
        dial_timeout_seconds: row.need(campaigns::dial_timeout_seconds),
        max_ring_seconds: row
            .get(campaigns::max_ring_seconds)
            .unwrap_or_else(|| guc::MAX_RING_SECONDS.get()),
        qualify_seconds: row
            .get_optional(campaigns::qualify_seconds)
            .unwrap_or(outcome::QUALIFY_SECONDS),
        caps: Capped::NOT,
        pause: read_pause(
            row,
            &[
                (SetBy::Seller, campaigns::paused_until, campaigns::pause_reason),
                (
                    SetBy::Platform,
                    campaigns::platform_paused_until,
                    campaigns::platform_pause_reason,
                ),
            ],
        ),
        hours: read_hours(at, row.get_optional(campaigns::schedule_id)),
        marked: if is_marked {
            read_marked(at, Scope::Campaign(id), caller, &caller_rules)
        } else {
            Marked::default()
        },
        rejects_anonymous: row.get_optional(campaigns::anonymous_callers) == Some("reject"),
        min_redial_seconds,
        caller_rules,
        overflow: read_overflow(row),
    }
}

fn read_overflow(row: &Row<'_, campaigns::Of>) -> Overflow {
    let written = row.get_optional(campaigns::overflow);
    written.map_or_else(Overflow::default, |JsonB(written)| {
        Overflow::read(&written)
            .unwrap_or_else(|fault| access::refuse(campaigns::NAME, &format!("overflow: {fault}")))
    })
}

/// What is asked of a campaign when a call's attempt there has failed.
pub struct AfterFailure {
    /// `None`: the tables are of a release before.
    pub qualify_seconds: Option<i32>,
    pub overflow: Overflow,
}

pub fn read_after_failure(at: At, campaign_id: i64) -> AfterFailure {
    let read = |row: Row<'_, campaigns::Of>| AfterFailure {
        qualify_seconds: row.get_optional(campaigns::qualify_seconds),
        overflow: read_overflow(&row),
    };
    let none = AfterFailure {
        qualify_seconds: None,
        overflow: Overflow::default(),
    };
    CAMPAIGNS.first(at, arg(campaign_id), read).unwrap_or(none)
}

/// Where its end and its reason stand.
type PauseColumns<T> = (SetBy, Column<T, Time>, Column<T, Text>);

/// The one that ends last; of two that end together the one that is named last.
fn read_pause<T>(row: &Row<'_, T>, set: &[PauseColumns<T>]) -> Option<Pause> {
    let ends = set
        .iter()
        .filter_map(|(by, until, reason)| Some((row.get_optional(*until)?, *by, *reason)));
    let (until, by, reason) = ends.max_by_key(|(until, ..)| *until)?;
    Some(Pause {
        until,
        reason: row.get_optional(reason).unwrap_or_default().to_owned(),
        by,
    })
}

/// How long a good call on a link talks: as it says itself, or else its campaign. `None`: the tables are of a release before.
pub fn read_qualify_seconds(at: At, own: Option<i32>, campaign_id: i64) -> Option<i32> {
    let of_campaign = |row: Row<'_, campaigns::Of>| row.get_optional(campaigns::qualify_seconds);
    own.or_else(|| CAMPAIGNS.first(at, arg(campaign_id), of_campaign).flatten())
}

static QUALIFY: Lookup<campaign_client_settings::Of> =
    lookup!(campaign_client_settings by campaign_client_settings_pkey (Int8): campaign_id, qualify_seconds);

/// The same of a link that no call was reserved on.
pub fn read_qualify_seconds_of(at: At, link_id: i64) -> Option<i32> {
    use campaign_client_settings as of;
    let (own, campaign_id) = QUALIFY.first(at, arg(link_id), |row| {
        (row.get_optional(of::qualify_seconds), row.need(of::campaign_id))
    })?;
    read_qualify_seconds(at, own, campaign_id)
}

/// A campaign's links by id, as they are set; their clients and counters are yet to be looked up.
pub fn read_settings(at: At, campaign_id: i64, caller: Option<&str>) -> Vec<Link> {
    use campaign_client_settings as of;
    let mut links = Vec::new();
    let mut settings = SETTINGS.open(at);
    settings.seek(arg(campaign_id));
    while let Some(row) = settings.next() {
        let caller_rules = read_rules(of::NAME, Of::Target, row.get_optional(of::caller_rules));
        links.push(Link {
            id: row.need(of::id),
            client_id: row.need(of::client_id),
            client_identifier: String::new(),
            link_active: row.is(of::status, "active"),
            client_active: false,
            pause: read_pause(
                &row,
                &[
                    (SetBy::Seller, of::paused_until, of::pause_reason),
                    (
                        SetBy::Platform,
                        of::platform_paused_until,
                        of::platform_pause_reason,
                    ),
                ],
            ),
            client_pause: None,
            hours: read_hours(at, row.get_optional(of::schedule_id)),
            client_hours: None,
            marked: if row.get_optional(of::screened) == Some(true) || !caller_rules.is_empty() {
                read_marked(at, Scope::Link(row.need(of::id)), caller, &caller_rules)
            } else {
                Marked::default()
            },
            client_marked: Marked::default(),
            caller_rules,
            client_caller_rules: Vec::new(),
            contact: Contact::None,
            max_concurrency: row.need(of::max_concurrency),
            total_calls_allowed: row.get(of::total_calls_allowed),
            forwarding_priority: row.need(of::forwarding_priority),
            weight: row.need(of::weight),
            min_seconds_between: row.get_optional(of::min_seconds_between),
            client_min_seconds_between: None,
            qualify_seconds: row.get_optional(of::qualify_seconds),
            caps: if row.get_optional(of::capped) == Some(true) {
                read_caps(at, Subject::Link(row.need(of::id)))
            } else {
                Vec::new()
            },
            client_caps: Vec::new(),
            client_metered: false,
            seller_metered: false,
            active: 0,
            counted: 0,
            last_seq: 0,
            reserved_at: None,
            client_reserved_at: None,
            client_seats: None,
            windows_from: i64::MIN,
            client_windows_from: i64::MIN,
            meter: None,
            client_meter: None,
            already_tried: false,
            kept_back: false,
        });
    }
    // The index has them by client.
    links.sort_unstable_by_key(|link| link.id);
    links
}

static LINK_CAPS: Lookup<caps::Of> =
    lookup!(caps by caps_link_id_key (Int8): id, counts, span, max_calls, enforce);
static CLIENT_CAPS: Lookup<caps::Of> =
    lookup!(caps by caps_client_id_key (Int8): id, counts, span, max_calls, enforce);
static DID_CAPS: Lookup<caps::Of> =
    lookup!(caps by caps_did_id_key (Int8): id, counts, span, max_calls, enforce);
static CAMPAIGN_CAPS: Lookup<caps::Of> =
    lookup!(caps by caps_campaign_id_key (Int8): id, counts, span, max_calls, enforce);
static SELLER_CAPS: Lookup<caps::Of> =
    lookup!(caps by caps_user_id_key (Int8): id, counts, span, max_calls, enforce);

/// In the order of the index: by what they count, then over what.
fn read_caps(at: At, subject: Subject) -> Vec<Cap> {
    let mut rows = match subject {
        Subject::Link(_) => LINK_CAPS.open(at),
        Subject::Client(_) => CLIENT_CAPS.open(at),
        Subject::Did(_) => DID_CAPS.open(at),
        Subject::Campaign(_) => CAMPAIGN_CAPS.open(at),
        Subject::Seller(_) => SELLER_CAPS.open(at),
    };
    let mut found = Vec::new();
    rows.seek(arg(subject.id()));
    while let Some(row) = rows.next() {
        let unknown =
            |text: &str| -> ! { access::refuse(caps::NAME, &format!("{text:?} is nothing to count")) };
        let (counts, over) = (row.need(caps::counts), row.need(caps::span));
        found.push(Cap {
            id: row.need(caps::id),
            counts: Counted::parse(counts).unwrap_or_else(|| unknown(counts)),
            over: Over::parse(over).unwrap_or_else(|| unknown(over)),
            max_calls: row.need(caps::max_calls),
            is_enforced: row.need(caps::enforce),
        });
    }
    found
}

/// The clients of links, one after the other: each table is opened once, and only when a link needs it.
pub struct Clients<'a> {
    at: At<'a>,
    caller: Option<&'a str>,
    clients: Option<Scan<'a, clients::Of>>,
    aors: Option<Scan<'a, pjsip_aors::Of>>,
    contacts: Option<Scan<'a, pjsip_contacts::Of>>,
}

impl<'a> Clients<'a> {
    pub fn new(at: At<'a>, caller: Option<&'a str>) -> Self {
        Clients {
            at,
            caller,
            clients: None,
            aors: None,
            contacts: None,
        }
    }

    /// What the link's client says of itself. Its caps hold also where somebody took its own mark away, but not the links': `verify_counters` tells.
    pub fn describe(&mut self, link: &mut Link) {
        let clients = self.clients.get_or_insert_with(|| CLIENTS.open(self.at));
        let read = |client: Row<'_, clients::Of>| {
            (
                client.need(clients::client_identifier).to_owned(),
                client.is(clients::status, "active"),
                client.get_optional(clients::metered) == Some(true),
                read_pause(
                    &client,
                    &[(
                        SetBy::Platform,
                        clients::platform_paused_until,
                        clients::platform_pause_reason,
                    )],
                ),
                client.get_optional(clients::schedule_id),
                client.get_optional(clients::min_seconds_between),
                client.get_optional(clients::screened) == Some(true),
                read_rules(
                    clients::NAME,
                    Of::Target,
                    client.get_optional(clients::caller_rules),
                ),
            )
        };
        // Where somebody took its client away, and kept the foreign key from knowing, there is none.
        let (metered, schedule_id, screened);
        (
            link.client_identifier,
            link.client_active,
            metered,
            link.client_pause,
            schedule_id,
            link.client_min_seconds_between,
            screened,
            link.client_caller_rules,
        ) = clients.get(arg(link.client_id), read).unwrap_or_default();
        link.client_hours = read_hours(self.at, schedule_id);
        if screened || !link.client_caller_rules.is_empty() {
            let scope = Scope::Client(link.client_id);
            link.client_marked = read_marked(self.at, scope, self.caller, &link.client_caller_rules);
        }
        if metered || link.client_metered {
            link.client_caps = read_caps(self.at, Subject::Client(link.client_id));
        }
    }

    /// Where a call can be offered to a client that takes calls: at a static contact, or where it is registered.
    pub fn reach(&mut self, link: &mut Link) {
        link.contact = if !(link.link_active && link.client_active) {
            Contact::None
        } else if self.has_static_contact(link.client_id) {
            Contact::Fixed
        } else {
            self.registered(&link.client_identifier)
        };
    }

    fn has_static_contact(&mut self, client_id: i64) -> bool {
        let aors = self.aors.get_or_insert_with(|| AORS.open(self.at));
        aors.get(arg(client_id), |aor| aor.get(pjsip_aors::contact).is_some()) == Some(true)
    }

    fn registered(&mut self, client_identifier: &str) -> Contact {
        let contacts = self.contacts.get_or_insert_with(|| CONTACTS.open(self.at));
        contacts.seek(arg(client_identifier));
        let mut last = None;
        while let Some(row) = contacts.next() {
            last = last.max(row.get(pjsip_contacts::expiration_time));
        }
        last.map_or(Contact::None, |until| Contact::Registered {
            until: of_unix_seconds(until),
        })
    }
}

/// The caller id to present to a client; NULL passes on the caller's own.
pub fn read_caller_id(at: At, client_id: i64) -> Option<String> {
    ENDPOINTS
        .first(at, arg(client_id), |row| row.owned(pjsip_endpoints::callerid))
        .flatten()
}

static RULES_OF_LINKS: Lookup<campaign_client_settings::Of> =
    lookup!(campaign_client_settings by campaign_client_settings_pkey (Int8): caller_rules);

/// What a scope remembers callers by.
pub fn read_caller_rules(at: At, scope: Scope) -> Vec<CallerRule> {
    use campaign_client_settings as links;
    let rules = match scope {
        Scope::Platform => None,
        Scope::Link(id) => RULES_OF_LINKS.first(at, arg(id), |row| {
            read_rules(links::NAME, Of::Target, row.get_optional(links::caller_rules))
        }),
        Scope::Client(id) => CLIENTS.first(at, arg(id), |row| {
            read_rules(clients::NAME, Of::Target, row.get_optional(clients::caller_rules))
        }),
        Scope::Campaign(id) => CAMPAIGNS.first(at, arg(id), |row| {
            read_rules(
                campaigns::NAME,
                Of::Call,
                row.get_optional(campaigns::caller_rules),
            )
        }),
        Scope::Seller(id) => USERS.first(at, arg(id), |row| {
            read_rules(users::NAME, Of::Call, row.get_optional(users::caller_rules))
        }),
    };
    rules.unwrap_or_default()
}
