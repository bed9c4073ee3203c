//! What sellers and admins have set up, and all that the model knows: plain rows, nothing shared with the extension.

use std::collections::{BTreeMap, BTreeSet};

use super::callers::{AwaitedKey, MarkKey, Rule, Scope};
use super::caps::{Cap, Capped};
use super::lost::hear;
use super::meters::{Meter, Subject, Tally, bounds};
use super::overflow::To;
use super::rows::{Counter, Micros, Rows};

/// capconduit.node_silence_seconds in these tests; the rest are the extension's defaults.
pub const NODE_SILENCE: Micros = 5 * SECOND;
/// Without a sign for longer than this, nobody was heard.
pub const GAP: Micros = NODE_SILENCE / 2;
pub const ABSENCE_GRACE: Micros = 30 * SECOND;
pub const MAX_RING_SECONDS: i32 = 120;
pub const MAX_CALL_SECONDS: i32 = 14_400;
pub const SECOND: Micros = 1_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contact {
    Static,
    /// No contact of its own, but registered until long from now.
    Registered,
    /// The registration ran out long ago.
    Expired,
    Missing,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    pub active: bool,
    pub contact: Contact,
    /// The least seconds between two of its calls, on whatever link.
    pub spacing: Option<i64>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Did {
    pub user: i64,
    pub active: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Campaign {
    pub user: i64,
    pub status: &'static str,
    pub strategy: &'static str,
    pub dial_timeout: i32,
    pub max_ring: Option<i32>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    pub campaign: i64,
    pub client: i64,
    pub active: bool,
    pub max_concurrency: i32,
    pub allowed: Option<i64>,
    pub priority: i32,
    pub weight: i32,
    /// The least seconds between two of its calls.
    pub spacing: Option<i64>,
    /// How long a good call talks, where its campaign does not say it.
    pub qualify: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct World {
    pub users: BTreeMap<i64, bool>,
    pub clients: BTreeMap<i64, Client>,
    pub dids: BTreeMap<i64, Did>,
    pub campaigns: BTreeMap<i64, Campaign>,
    pub campaign_dids: BTreeSet<(i64, i64)>,
    pub links: BTreeMap<i64, Link>,
    /// Pauses that last: of a row of which table, and whose.
    pub pauses: BTreeSet<(&'static str, i64, &'static str)>,
    /// What is closed: a row of which table.
    pub closed: BTreeSet<(&'static str, i64)>,
    pub caps: BTreeMap<Capped, Cap>,
    /// What becomes of callers that call again.
    pub rules: BTreeMap<Scope, Vec<Rule>>,
    /// Campaigns that take no calls without a number.
    pub rejects_anonymous: BTreeSet<i64>,
    /// The least seconds between two calls of one caller to a campaign.
    pub redial: BTreeMap<i64, i64>,
    /// Where a campaign's calls go that it has nobody for, by exit.
    pub overflow: BTreeMap<i64, Vec<(&'static str, To)>>,
    /// Whose days begin elsewhere than in UTC: clients and sellers.
    pub zones: BTreeMap<Subject, Micros>,
    /// What purged calls have used of present windows.
    pub purged: BTreeMap<(Subject, &'static str), Tally>,
    /// Links that were deleted, of clients without a meter.
    pub gone: BTreeSet<(i64, i64)>,
    /// Ids are never used again.
    pub next_link: i64,
    pub rows: Rows,
    /// Calls in flight whose room a record without a slot took, by link: their excess is flagged in its place.
    pub owed: BTreeMap<i64, i64>,
    /// What only the database can tell, to be taken over from it after it was checked.
    pub learn: Vec<Learn>,
}

/// Values that the contract leaves open within bounds.
#[derive(Debug, Clone, PartialEq)]
pub enum Learn {
    /// The clock was read between these two, when the first windows of a subject began.
    WindowsBegin(Subject, Micros, Micros),
    AttemptEnded((String, i32), Micros, Micros),
    /// The node's last call may have been noted now.
    LastCall(String, Micros),
    RecordId(String),
    /// A caller was seen between these two, and is remembered from then on.
    Marked(MarkKey, Micros, Micros),
    /// The same of a mark that people have set: it ends between these two.
    MarkEnds(MarkKey, Micros, Micros),
    Awaited(AwaitedKey, Micros, Micros),
    /// Until when what a client has told holds.
    SeatsUntil(i64, Micros, Micros),
    /// So many of these records are flagged, whichever.
    LateExcess(Vec<String>, usize),
}

pub fn number_of(did: i64) -> String {
    format!("+1555000000{did}")
}

pub fn identifier_of(client: i64) -> String {
    format!("client_{client}")
}

/// Every second client presents a number of its own.
pub fn caller_id_of(client: i64) -> Option<String> {
    (client % 2 == 0).then(|| format!("Center <+1800{client}>"))
}

impl World {
    /// What matters of it for a reader, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(
            self.campaigns
                .iter()
                .map(|(id, campaign)| format!("campaign {id}: {campaign:?}")),
        );
        lines.extend(self.links.iter().map(|(id, link)| format!("link {id}: {link:?}")));
        lines.extend(
            self.clients
                .iter()
                .map(|(id, client)| format!("client {id}: {client:?}")),
        );
        lines.push(format!("(campaign, DID): {:?}", self.campaign_dids));
        lines.push(format!("paused: {:?}, closed: {:?}", self.pauses, self.closed));
        lines
    }

    pub fn did_by_number(&self, number: &str) -> Option<(i64, &Did)> {
        let found = self.dids.iter().find(|(id, _)| number_of(**id) == number);
        found.map(|(id, did)| (*id, did))
    }

    /// The active campaigns of a DID, the one that counts first.
    pub fn active_campaigns(&self, did_id: i64) -> Vec<i64> {
        let owner = self.dids[&did_id].user;
        self.campaigns
            .iter()
            .filter(|(id, campaign)| {
                campaign.status == "active"
                    && campaign.user == owner
                    && self.campaign_dids.contains(&(**id, did_id))
            })
            .map(|(id, _)| *id)
            .collect()
    }

    pub fn has(&self, table: &str, id: i64) -> bool {
        match table {
            "clients" => self.clients.contains_key(&id),
            "campaigns" => self.campaigns.contains_key(&id),
            "dids" => self.dids.contains_key(&id),
            _ => self.links.contains_key(&id),
        }
    }

    /// Whether there is what a cap is of.
    pub fn is_there(&self, subject: Subject) -> bool {
        match subject {
            Subject::Link(id) => self.links.contains_key(&id),
            Subject::Client(id) => self.clients.contains_key(&id),
            Subject::Did(id) => self.dids.contains_key(&id),
            Subject::Campaign(id) => self.campaigns.contains_key(&id),
            Subject::Seller(id) => self.users.contains_key(&id),
        }
    }

    pub fn has_scope(&self, scope: Scope) -> bool {
        match scope {
            Scope::Platform => true,
            Scope::Seller(id) => self.is_there(Subject::Seller(id)),
            Scope::Campaign(id) => self.is_there(Subject::Campaign(id)),
            Scope::Client(id) => self.is_there(Subject::Client(id)),
            Scope::Link(id) => self.is_there(Subject::Link(id)),
        }
    }

    /// With its caps, its meter and its zone.
    pub fn forget(&mut self, subject: Subject) {
        self.caps.retain(|capped, _| capped.subject != subject);
        self.rows.meters.remove(&subject);
        self.purged.retain(|(other, _), _| *other != subject);
        self.zones.remove(&subject);
        self.forget_overflow(subject);
        self.forget_callers(match subject {
            Subject::Link(id) => Scope::Link(id),
            Subject::Client(id) => Scope::Client(id),
            Subject::Campaign(id) => Scope::Campaign(id),
            Subject::Seller(id) => Scope::Seller(id),
            Subject::Did(_) => return,
        });
    }

    pub fn is_paused(&self, table: &'static str, id: i64) -> bool {
        ["seller", "platform"]
            .iter()
            .any(|by| self.pauses.contains(&(table, id, by)))
    }

    pub fn links_of(&self, campaign: i64) -> Vec<i64> {
        let links = self.links.iter().filter(|(_, link)| link.campaign == campaign);
        links.map(|(id, _)| *id).collect()
    }

    pub fn insert_link(&mut self, link: Link) -> i64 {
        self.next_link += 1;
        self.rows.counters.insert(self.next_link, Counter::default());
        let subject = Subject::Link(self.next_link);
        self.rows.meters.insert(subject, Meter::default());
        self.links.insert(self.next_link, link);
        self.next_link
    }

    /// A link goes with its counter; the caller has made sure that no call holds a slot there.
    pub fn remove_links(&mut self, doomed: &[i64]) {
        for id in doomed {
            if let Some(link) = self.links.remove(id)
                && !self.rows.meters.contains_key(&Subject::Client(link.client))
            {
                self.gone.insert((*id, link.client));
            }
            self.rows.counters.remove(id);
            self.forget(Subject::Link(*id));
        }
    }

    pub fn counter(&mut self, link: i64) -> Option<&mut Counter> {
        self.rows.counters.get_mut(&link)
    }

    /// Takes over the ids of new records alone.
    pub fn learn_ids(&mut self, database: &Rows) {
        for learn in std::mem::take(&mut self.learn) {
            if let Learn::RecordId(id) = learn
                && let (Some(ours), Some(theirs)) =
                    (self.rows.records.get_mut(&id), database.records.get(&id))
            {
                ours.id = theirs.id;
            }
        }
    }

    /// Checks what the database chose within its bounds, and takes it over.
    pub fn learn_from(&mut self, database: &Rows) -> Result<(), String> {
        for learn in std::mem::take(&mut self.learn) {
            match learn {
                Learn::WindowsBegin(subject, from, to) => {
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.meters.get_mut(&subject), database.meters.get(&subject))
                        && let Some(begun) = theirs.from()
                    {
                        within("the start of windows", begun, from, to)?;
                        for (span, window) in &mut ours.windows {
                            window.start = begun;
                            window.end = bounds(span, begun, window.zone).1;
                        }
                    }
                }
                Learn::AttemptEnded(key, from, to) => {
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.attempts.get_mut(&key), database.attempts.get(&key))
                    {
                        within("ended_at", theirs.ended_at, from, to)?;
                        ours.ended_at = theirs.ended_at;
                    }
                }
                Learn::LastCall(name, now) => {
                    let mut heard = self.clone();
                    hear(&mut heard, now, true);
                    if heard.rows.hearing == database.hearing {
                        self.rows.hearing = heard.rows.hearing;
                    }
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.nodes.get_mut(&name), database.nodes.get(&name))
                        && theirs.last_call_at == Some(now)
                    {
                        ours.last_call_at = Some(now);
                    }
                }
                Learn::RecordId(id) => {
                    let Some(theirs) = database.records.get(&id) else {
                        continue;
                    };
                    if self.rows.records.values().any(|record| record.id == theirs.id) {
                        return Err(format!("call_logs.id {} is not new", theirs.id));
                    }
                    if let Some(ours) = self.rows.records.get_mut(&id) {
                        ours.id = theirs.id;
                    }
                }
                Learn::Marked(key, from, to) => {
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.marks.get_mut(&key), database.marks.get(&key))
                    {
                        within("caller_marks.at", theirs.at, from, to)?;
                        ours.until = ours.until.map(|until| until + theirs.at - ours.at);
                        ours.at = theirs.at;
                    }
                }
                Learn::MarkEnds(key, from, to) => {
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.marks.get_mut(&key), database.marks.get(&key))
                        && let Some(until) = theirs.until
                    {
                        within("caller_marks.until", until, from, to)?;
                        ours.until = theirs.until;
                    }
                }
                Learn::Awaited(key, from, to) => {
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.awaited.get_mut(&key), database.awaited.get(&key))
                    {
                        within("caller_calls.at", theirs.at, from, to)?;
                        ours.at = theirs.at;
                    }
                }
                Learn::SeatsUntil(client, from, to) => {
                    let subject = Subject::Client(client);
                    if let (Some(ours), Some(theirs)) =
                        (self.rows.meters.get_mut(&subject), database.meters.get(&subject))
                        && let (Some(ours), Some(theirs)) = (&mut ours.seats, &theirs.seats)
                    {
                        within("seats_until", theirs.until, from, to)?;
                        ours.until = theirs.until;
                    }
                }
                Learn::LateExcess(ids, flagged) => {
                    let theirs = |id: &&String| database.records.get(*id).is_some_and(|r| r.late_excess);
                    let count = ids.iter().filter(theirs).count();
                    if count != flagged {
                        return Err(format!("{count} of {ids:?} are flagged as late, not {flagged}"));
                    }
                    for id in &ids {
                        if let Some(ours) = self.rows.records.get_mut(id) {
                            ours.late_excess = theirs(&id);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

fn within(what: &str, value: Micros, from: Micros, to: Micros) -> Result<(), String> {
    if (from..=to).contains(&value) {
        return Ok(());
    }
    Err(format!("{what} {value} is not between {from} and {to}"))
}
