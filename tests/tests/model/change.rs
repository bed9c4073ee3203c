//! What admins, sellers and DBAs do meanwhile: the SQL, and its effect on the model.

use super::answer::{Answer, Seen, refused};
use super::callers::{Fact, Kept, Mark, Rule, Scope};
use super::caps::{Cap, Capped};
use super::meters::{Subject, ZONES};
use super::overflow::To;
use super::rows::Micros;
use super::world::{Contact, Learn, Link, SECOND, World, identifier_of};

#[derive(Debug, Clone)]
pub enum Change {
    UserActive(i64, bool),
    ClientActive(i64, bool),
    ClientContact(i64, Contact),
    DidActive(i64, bool),
    CampaignStatus(i64, &'static str),
    CampaignStrategy(i64, &'static str),
    LinkActive(i64, bool),
    LinkConcurrency(i64, i32),
    LinkAllowed(i64, Option<i64>),
    LinkPriority(i64, i32),
    LinkSpacing(i64, Option<i64>),
    /// Of a row of this table, and whose; since long ago over, until long from now, or for good.
    Pause(&'static str, i64, &'static str, Option<&'static str>),
    /// Whether a row of this table is closed always, or open always by a schedule; or has none.
    Hours(&'static str, i64, Option<bool>),
    ClientSpacing(i64, Option<i64>),
    /// `None`: it is taken away.
    Cap(Capped, Option<Cap>),
    /// Where the days of a client, or of a seller, begin: one of `ZONES`.
    Zone(Subject, usize),
    /// Of callers that call again, in the place of those of before.
    Rules(Scope, Vec<Rule>),
    /// Blocked or allowed, for so long; `None`: it is taken away.
    Mark(Scope, String, Fact, Option<Kept>),
    /// Whether a campaign rejects calls without a number.
    Anonymous(i64, bool),
    Redial(i64, Option<i64>),
    /// Who is asked where a campaign has nobody, for each of these exits.
    Overflow(i64, Vec<(&'static str, To)>),
    /// Marks that have ended are swept.
    Sweep,
    AddLink(Link),
    DeleteLink(i64),
    DeleteCampaign(i64),
    DeleteClient(i64),
    DeleteDid(i64),
    Attach(i64, i64),
    Detach(i64, i64),
    /// Records are purged as a DBA does it: the base takes over what they counted.
    Purge(Vec<String>),
    /// The database's clock moves, seen by what it stored before.
    ClockMoves(i64),
    LeaseEnds(String),
}

/// Of a pause: an instant long ago.
pub const OVER: &str = "2001-01-01 00:00:00Z";

fn word(active: bool) -> &'static str {
    if active { "active" } else { "inactive" }
}

fn or_null(value: Option<i64>) -> String {
    value.map_or("null".to_owned(), |value| value.to_string())
}

fn quoted(ids: &[String]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("'{id}'")).collect();
    format!("array[{}]::text[]", ids.join(","))
}

impl Change {
    /// `next_link` is the id of a link that is added.
    pub fn sql(&self, next_link: i64) -> String {
        let link =
            |id: &i64, set: String| format!("update campaign_client_settings set {set} where id = {id}");
        match self {
            Change::UserActive(id, on) => {
                let status = if *on { "active" } else { "suspended" };
                format!("update users set status = '{status}' where id = {id}")
            }
            Change::ClientActive(id, on) => {
                format!("update clients set status = '{}' where id = {id}", word(*on))
            }
            Change::ClientContact(id, contact) => contact_sql(*id, *contact),
            Change::DidActive(id, on) => format!("update dids set status = '{}' where id = {id}", word(*on)),
            Change::CampaignStatus(id, status) => {
                format!("update campaigns set status = '{status}' where id = {id}")
            }
            Change::CampaignStrategy(id, strategy) => {
                format!("update campaigns set routing_strategy = '{strategy}' where id = {id}")
            }
            Change::LinkActive(id, on) => link(id, format!("status = '{}'", word(*on))),
            Change::LinkConcurrency(id, most) => link(id, format!("max_concurrency = {most}")),
            Change::LinkAllowed(id, allowed) => link(id, format!("total_calls_allowed = {}", or_null(*allowed))),
            Change::LinkPriority(id, priority) => link(id, format!("forwarding_priority = {priority}")),
            Change::LinkSpacing(id, seconds) => link(id, format!("min_seconds_between = {}", or_null(*seconds))),
            Change::ClientSpacing(id, seconds) => {
                let seconds = or_null(*seconds);
                format!("update clients set min_seconds_between = {seconds} where id = {id}")
            }
            Change::Zone(whose, zone) => {
                let table = if matches!(whose, Subject::Client(_)) { "clients" } else { "users" };
                let (zone, id) = (ZONES[*zone].0, whose.id());
                format!("update {table} set time_zone = '{zone}' where id = {id}")
            }
            Change::Pause(table, id, by, until) => {
                let whose = if *by == "platform" { "platform_" } else { "" };
                let (until, reason) = match until {
                    Some(until) => (format!("'{until}'"), "'a test'"),
                    None => ("null".to_owned(), "null"),
                };
                format!(
                    "update {table} set {whose}paused_until = {until}, {whose}pause_reason = {reason} where id = {id}"
                )
            }
            Change::Hours(table, id, closed) => {
                let weekly = match closed {
                    None => return format!("update {table} set schedule_id = null where id = {id}"),
                    Some(true) => "'[]'".to_owned(),
                    Some(false) => {
                        let days = "array['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday']";
                        format!(
                            "(select jsonb_agg(jsonb_build_object('day', day, 'opens', '00:00', 'closes', '24:00')) from unnest({days}) day)"
                        )
                    }
                };
                // Of each row one, which is changed.
                format!(
                    "with hours as (insert into schedules (name, weekly) values ('{table} {id}', {weekly})
                         on conflict (user_id, name) do update set weekly = excluded.weekly returning id)
                     update {table} set schedule_id = hours.id from hours where {table}.id = {id}"
                )
            }
            Change::Cap(capped, most) => cap_sql(capped, most),
            Change::Rules(scope, rules) => rules_sql(*scope, rules),
            Change::Mark(scope, caller, fact, kept) => mark_sql(*scope, caller, *fact, *kept),
            Change::Anonymous(id, rejects) => {
                let word = if *rejects { "reject" } else { "allow" };
                format!("update campaigns set anonymous_callers = '{word}' where id = {id}")
            }
            Change::Redial(id, seconds) => {
                let seconds = or_null(*seconds);
                format!("update campaigns set min_redial_seconds = {seconds} where id = {id}")
            }
            Change::Overflow(id, exits) => overflow_sql(*id, exits),
            Change::Sweep => {
                "select forget_caller_marks(1000, true), forget_caller_marks(1000, false)".to_owned()
            }
            Change::AddLink(new) => insert_link_sql(next_link, new),
            Change::DeleteLink(id) => format!("delete from campaign_client_settings where id = {id}"),
            Change::DeleteCampaign(id) => format!("delete from campaigns where id = {id}"),
            Change::DeleteClient(id) => format!("delete from clients where id = {id}"),
            Change::DeleteDid(id) => format!("delete from dids where id = {id}"),
            Change::Attach(campaign, did) => format!(
                "insert into campaign_dids (campaign_id, did_id) values ({campaign}, {did}) on conflict do nothing"
            ),
            Change::Detach(campaign, did) => {
                format!("delete from campaign_dids where campaign_id = {campaign} and did_id = {did}")
            }
            Change::Purge(ids) => format!(
                "select keep_meter_use(meter_use(array(select asterisk_uniqueid from call_logs where asterisk_uniqueid = any ({0}))));
                 select keep_window_use(array(select asterisk_uniqueid from call_logs where asterisk_uniqueid = any ({0})));
                 with gone as (delete from call_logs where asterisk_uniqueid = any ({0}) returning *),
                      attempts as (delete from call_attempts a using gone where a.uniqueid = gone.asterisk_uniqueid)
                 update link_counters n set base = base + g.calls
                   from (select link_id, count(*) as calls from gone where counted group by link_id) g
                  where g.link_id = n.link_id",
                quoted(ids)
            ),
            Change::ClockMoves(seconds) => clock_sql(*seconds),
            Change::LeaseEnds(id) => format!(
                "update live_calls set lease_until = routed_at - interval '1 hour' where uniqueid = '{id}'"
            ),
        }
    }

    pub fn apply(&self, world: &mut World, seen: &Seen) -> Answer {
        match self {
            Change::UserActive(id, on) => set(world.users.get_mut(id), |active| *active = *on),
            Change::ClientActive(id, on) => set(world.clients.get_mut(id), |client| client.active = *on),
            Change::ClientContact(id, contact) => {
                set(world.clients.get_mut(id), |client| client.contact = *contact);
            }
            Change::DidActive(id, on) => set(world.dids.get_mut(id), |did| did.active = *on),
            Change::CampaignStatus(id, status) => set(world.campaigns.get_mut(id), |c| c.status = status),
            Change::CampaignStrategy(id, name) => set(world.campaigns.get_mut(id), |c| c.strategy = name),
            Change::LinkActive(id, on) => set(world.links.get_mut(id), |link| link.active = *on),
            Change::LinkConcurrency(id, most) => {
                set(world.links.get_mut(id), |link| link.max_concurrency = *most);
            }
            Change::LinkAllowed(id, allowed) => set(world.links.get_mut(id), |link| link.allowed = *allowed),
            Change::LinkSpacing(id, seconds) => set(world.links.get_mut(id), |link| link.spacing = *seconds),
            Change::LinkPriority(id, priority) => {
                set(world.links.get_mut(id), |link| link.priority = *priority)
            }
            Change::Pause(table, id, by, until) => {
                let is_there = world.has(table, *id);
                world.pauses.remove(&(*table, *id, *by));
                if is_there && until.is_some_and(|until| until != OVER) {
                    world.pauses.insert((*table, *id, *by));
                }
            }
            Change::Hours(table, id, closed) => {
                world.closed.remove(&(*table, *id));
                if *closed == Some(true) && world.has(table, *id) {
                    world.closed.insert((*table, *id));
                }
            }
            Change::Cap(capped, most) => {
                if most.is_some() && !world.is_there(capped.subject) {
                    return refused("23503");
                }
                if most.is_some() {
                    world.meter(capped.subject, seen.after);
                }
                world.caps.remove(capped);
                world.caps.extend(most.map(|most| (*capped, most)));
            }
            Change::ClientSpacing(id, seconds) => {
                set(world.clients.get_mut(id), |client| client.spacing = *seconds);
                if seconds.is_some() && world.clients.contains_key(id) {
                    space_client(world, *id, seen.after);
                }
            }
            Change::Zone(whose, zone) => {
                if world.is_there(*whose) {
                    world.zones.insert(*whose, ZONES[*zone].1);
                }
            }
            Change::Rules(scope, rules) => {
                world.rules.remove(scope);
                if world.has_scope(*scope) && !rules.is_empty() {
                    world.rules.insert(*scope, rules.clone());
                }
            }
            Change::Mark(scope, caller, fact, kept) => {
                let key = (*scope, caller.clone(), *fact);
                world.rows.marks.remove(&key);
                if let Some(kept) = kept {
                    if !world.has_scope(*scope) {
                        return refused("23503");
                    }
                    let ends = |now: Micros| kept.map(|seconds| now + seconds * SECOND);
                    if let (Some(from), Some(to)) = (ends(seen.now), ends(seen.after)) {
                        world.learn.push(Learn::MarkEnds(key.clone(), from, to));
                    }
                    let mark = Mark {
                        at: 0,
                        until: ends(seen.now),
                        taken_by: None,
                    };
                    world.rows.marks.insert(key, mark);
                }
            }
            Change::Anonymous(id, rejects) => {
                world.rejects_anonymous.remove(id);
                if *rejects && world.campaigns.contains_key(id) {
                    world.rejects_anonymous.insert(*id);
                }
            }
            Change::Redial(id, seconds) => {
                world.redial.remove(id);
                if world.campaigns.contains_key(id) {
                    world.redial.extend(seconds.map(|seconds| (*id, seconds)));
                }
            }
            Change::Overflow(id, exits) => {
                if exits.iter().any(|exit| !world.may_overflow_to(*id, exit)) {
                    return refused("23514");
                }
                if world.campaigns.contains_key(id) {
                    world.overflow.insert(*id, exits.clone());
                }
            }
            Change::Sweep => world.sweep_callers(seen.now),
            Change::AddLink(new) => return add_link(world, new),
            Change::DeleteLink(id) => return delete_links(world, |other, _| other == *id),
            Change::DeleteCampaign(id) => {
                let answer = delete_links(world, |_, link| link.campaign == *id);
                if answer == Answer::Done {
                    world.campaigns.remove(id);
                    world.forget(Subject::Campaign(*id));
                    world.campaign_dids.retain(|(campaign, _)| campaign != id);
                }
                return answer;
            }
            Change::DeleteClient(id) => {
                let answer = delete_links(world, |_, link| link.client == *id);
                if answer == Answer::Done {
                    world.clients.remove(id);
                    world.forget(Subject::Client(*id));
                }
                return answer;
            }
            Change::DeleteDid(id) => {
                world.dids.remove(id);
                world.forget(Subject::Did(*id));
                world.campaign_dids.retain(|(_, did)| did != id);
            }
            Change::Attach(campaign, did) => {
                if !world.campaigns.contains_key(campaign) || !world.dids.contains_key(did) {
                    return refused("23503");
                }
                world.campaign_dids.insert((*campaign, *did));
            }
            Change::Detach(campaign, did) => {
                world.campaign_dids.remove(&(*campaign, *did));
            }
            Change::Purge(ids) => purge(world, ids),
            Change::ClockMoves(seconds) => world.rows.shift(-seconds * SECOND),
            Change::LeaseEnds(id) => set(world.rows.calls.get_mut(id), |call| {
                call.lease_until = call.routed_at - HOUR;
            }),
        }
        Answer::Done
    }
}

const HOUR: Micros = 3_600 * SECOND;

fn set<T>(row: Option<&mut T>, change: impl FnOnce(&mut T)) {
    if let Some(row) = row {
        change(row);
    }
}

fn add_link(world: &mut World, new: &Link) -> Answer {
    if world
        .links
        .values()
        .any(|link| link.campaign == new.campaign && link.client == new.client)
    {
        return refused("23505");
    }
    if !world.campaigns.contains_key(&new.campaign) || !world.clients.contains_key(&new.client) {
        return refused("23503");
    }
    world.insert_link(new.clone());
    Answer::Done
}

/// Not while calls hold a slot there.
fn delete_links(world: &mut World, which: impl Fn(i64, &Link) -> bool) -> Answer {
    let links = world.links.iter().filter(|(id, link)| which(**id, link));
    let doomed: Vec<i64> = links.map(|(id, _)| *id).collect();
    if doomed.iter().any(|id| world.rows.counters[id].active > 0) {
        return refused("23001");
    }
    world.remove_links(&doomed);
    Answer::Done
}

/// A client's spacing goes by its last call on any link, also by those before it had one.
fn space_client(world: &mut World, id: i64, now: Micros) {
    world.meter(Subject::Client(id), now);
    let links = world.links.iter().filter(|(_, link)| link.client == id);
    let last = links
        .filter_map(|(link, _)| world.rows.counters[link].reserved_at)
        .max();
    let meter = world.rows.meters.get_mut(&Subject::Client(id));
    set(meter, |meter| meter.reserved_at = meter.reserved_at.max(last));
}

fn purge(world: &mut World, ids: &[String]) {
    for id in ids {
        let Some(record) = world.rows.records.get(id).cloned() else {
            continue;
        };
        world.purge_use(id, &record);
        let rows = &mut world.rows;
        rows.records.remove(id);
        rows.attempts.retain(|(call, _), _| call != id);
        if record.counted
            && let Some(counter) = record.parties.link.and_then(|link| rows.counters.get_mut(&link))
        {
            counter.base += 1;
        }
    }
}

pub fn insert_link_sql(id: i64, link: &Link) -> String {
    format!(
        "insert into campaign_client_settings (id, campaign_id, client_id, status, max_concurrency,
             total_calls_allowed, forwarding_priority, weight, min_seconds_between, qualify_seconds) overriding system value
         values ({id}, {}, {}, '{}', {}, {}, {}, {}, {}, {})",
        link.campaign,
        link.client,
        word(link.active),
        link.max_concurrency,
        or_null(link.allowed),
        link.priority,
        link.weight,
        or_null(link.spacing),
        or_null(link.qualify.map(i64::from))
    )
}

fn cap_sql(capped: &Capped, cap: &Option<Cap>) -> String {
    let Capped {
        subject,
        counts,
        over,
        by,
    } = capped;
    let column = match subject {
        Subject::Seller(_) => "user_id".to_owned(),
        other => format!("{}_id", other.kind()),
    };
    let id = subject.id();
    match cap {
        None => format!(
            "delete from caps where ({column}, counts, span, set_by) = ({id}, '{counts}', '{over}', '{by}')"
        ),
        Some(Cap { most, enforce }) => format!(
            "insert into caps ({column}, counts, span, set_by, max_calls, enforce)
             values ({id}, '{counts}', '{over}', '{by}', {most}, {enforce})
             on conflict ({column}, counts, span, set_by)
                 do update set max_calls = excluded.max_calls, enforce = excluded.enforce"
        ),
    }
}

fn overflow_sql(campaign: i64, exits: &[(&'static str, To)]) -> String {
    let exits: Vec<String> = exits
        .iter()
        .map(|(exit, to)| match to {
            To::Campaign(id) => format!(r#"{{"exit": "{exit}", "campaign": {id}}}"#),
            To::Link(id) => format!(r#"{{"exit": "{exit}", "link": {id}}}"#),
        })
        .collect();
    let exits = exits.join(", ");
    format!("update campaigns set overflow = '[{exits}]' where id = {campaign}")
}

/// The column that names a scope, and its table.
fn column(scope: Scope) -> (&'static str, &'static str, i64) {
    match scope {
        Scope::Platform => ("", "", 0),
        Scope::Seller(id) => ("user_id", "users", id),
        Scope::Campaign(id) => ("campaign_id", "campaigns", id),
        Scope::Client(id) => ("client_id", "clients", id),
        Scope::Link(id) => ("link_id", "campaign_client_settings", id),
    }
}

fn rules_sql(scope: Scope, rules: &[Rule]) -> String {
    let (_, table, id) = column(scope);
    let rules: Vec<String> = rules
        .iter()
        .map(|rule| {
            let (after, seconds, action) = (rule.after.name(), or_null(rule.seconds), rule.action);
            format!(r#"{{"after": "{after}", "seconds": {seconds}, "action": "{action}"}}"#)
        })
        .collect();
    format!(
        "update {table} set caller_rules = '[{}]' where id = {id}",
        rules.join(", ")
    )
}

fn mark_sql(scope: Scope, caller: &str, fact: Fact, kept: Option<Kept>) -> String {
    let (fact, (column, _, id)) = (fact.name(), column(scope));
    let Some(kept) = kept else {
        let of = match scope {
            Scope::Platform => "num_nonnulls(link_id, client_id, campaign_id, user_id) = 0".to_owned(),
            _ => format!("{column} = {id}"),
        };
        return format!("delete from caller_marks where {of} and (caller, kind) = ('{caller}', '{fact}')");
    };
    let until = kept.map_or("null".to_owned(), |seconds| {
        format!("now() + {seconds} * interval '1 second'")
    });
    let (column, id) = match scope {
        Scope::Platform => (String::new(), String::new()),
        _ => (format!("{column}, "), format!("{id}, ")),
    };
    format!(
        "insert into caller_marks ({column}caller, kind, until) values ({id}'{caller}', '{fact}', {until})
             on conflict (key, kind, after) do update set until = excluded.until"
    )
}

fn contact_sql(client: i64, contact: Contact) -> String {
    let name = identifier_of(client);
    let own = match contact {
        Contact::Static => "'sip:127.0.0.1:5060'",
        _ => "null",
    };
    let registered = match contact {
        Contact::Static | Contact::Missing => String::new(),
        Contact::Registered => register_sql(&name, 4_000_000_000),
        Contact::Expired => register_sql(&name, 1_000_000_000),
    };
    format!(
        "update pjsip_aors set contact = {own} where client_id = {client};
         delete from pjsip_contacts where endpoint = '{name}';{registered}"
    )
}

fn register_sql(name: &str, until: i64) -> String {
    format!(
        "insert into pjsip_contacts (id, uri, endpoint, expiration_time)
         values ('{name}', 'sip:127.0.0.1:5062', '{name}', {until})"
    )
}

fn clock_sql(seconds: i64) -> String {
    let moved = |table: &str, columns: &[&str]| {
        let sets: Vec<String> = columns
            .iter()
            .map(|column| format!("{column} = {column} - {seconds} * interval '1 second'"))
            .collect();
        format!("update {table} set {};", sets.join(", "))
    };
    moved(
        "live_calls",
        &[
            "routed_at",
            "attempt_at",
            "ring_deadline",
            "lease_until",
            "answered_at",
            "absent_since",
            "last_listed_at",
            "overflowed_at",
        ],
    ) + &moved(
        "call_logs",
        &["timestamp_start", "created_at", "reserved_at", "overflowed_at"],
    ) + &moved("call_attempts", &["started_at"])
        + &moved("link_counters", &["reserved_at", "windows_from", "windows_until"])
        + &moved("link_windows", &["starts_at", "ends_at"])
        + &moved("link_adjustments", &["starts_at"])
        + &moved(
            "meters",
            &["reserved_at", "windows_from", "windows_until", "seats_until"],
        )
        + &moved("caller_marks", &["at", "until"])
        + &moved("caller_calls", &["at", "lost_at", "until"])
        + &moved("meter_windows", &["starts_at", "ends_at"])
        + &moved("meter_adjustments", &["starts_at"])
        + &moved(
            "nodes",
            &["booted_at", "heartbeat_at", "taken_at", "last_call_at"],
        )
        + &moved("hearing", &["since", "last"])
}
