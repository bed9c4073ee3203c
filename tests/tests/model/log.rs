//! The model's log_call: one record per call, and what it does to the counters.

use super::answer::{Answer, MISUSE, Seen, logged, refused};
use super::callers::{Who, canonical};
use super::calls::{Given, QUALIFY, give_back, qualify};
use super::caps::is_beyond;
use super::counting::End;
use super::judge::stop;
use super::meters::Tally;
use super::rows::{Micros, Overflowed, Parties, Record};
use super::world::{Learn, SECOND, World, number_of};

pub fn log(world: &mut World, given: &Given, seen: &Seen) -> Answer {
    let before = world.clone();
    write(world, given, seen).unwrap_or_else(|sqlstate| {
        *world = before;
        refused(sqlstate)
    })
}

/// What is known of the call already.
#[derive(Default)]
struct Known {
    parties: Parties,
    number: Option<String>,
    node: Option<String>,
    caller: Option<String>,
    started_at: Option<Micros>,
    answered_at: Option<Micros>,
    ended_at: Option<Micros>,
    decision: Option<String>,
    attempts: i32,
    created_at: Option<Micros>,
    reserved_at: Option<Micros>,
    qualify: Option<i32>,
    overflow: Overflowed,
}

fn write(world: &mut World, given: &Given, seen: &Seen) -> Result<Answer, &'static str> {
    let id = &given.uniqueid;
    if let Some(call) = world.rows.calls.remove(id) {
        let known = Known {
            parties: call.parties(),
            number: Some(call.did_number.clone()),
            node: call.node.clone(),
            caller: call.caller_number.clone(),
            started_at: Some(call.routed_at),
            answered_at: call.answered_at,
            ended_at: Some(call.lease_until.min(seen.now)),
            decision: Some(call.decision.clone()),
            attempts: call.attempt,
            created_at: None,
            reserved_at: call.holds_slot.then_some(call.attempt_at),
            qualify: Some(call.qualify),
            overflow: call.overflow.clone(),
        };
        let record = record(given, &known, merge(world, given, known.parties)?, seen);
        give_back(world, &call);
        if call.awaited && record.status == "LOST" {
            world.lose_caller(id, call.holds_slot, seen.now);
        } else if call.awaited {
            let (answered, qualified) = facts(&record);
            world.settle_caller(id, answered, qualified, seen);
        }
        insert(world, given, record, i64::from(call.holds_slot), seen);
        return Ok(logged("logged", None));
    }
    match world.rows.records.get(id).cloned() {
        None => {
            let parties = resolve(world, given, seen)?;
            let known = Known {
                parties,
                qualify: parties.link.map(|link| qualify(world, link)),
                ..Known::default()
            };
            let record = record(given, &known, known.parties, seen);
            note(world, given.caller_number.as_deref(), &record, seen);
            insert(world, given, record, 0, seen);
            Ok(logged("logged", None))
        }
        Some(stored) if stored.status == "LOST" && given.call_status != "LOST" => {
            let known = Known {
                parties: stored.parties,
                number: Some(stored.number.clone()),
                node: stored.node.clone(),
                caller: stored.caller_number.clone(),
                started_at: Some(stored.started_at),
                answered_at: stored.answered_at,
                ended_at: Some(stored.ended_at),
                decision: stored.decision.clone(),
                attempts: stored.attempts,
                created_at: Some(stored.created_at),
                reserved_at: stored.reserved_at,
                qualify: stored.qualify,
                overflow: stored.overflow.clone(),
            };
            let mut record = record(given, &known, merge(world, given, stored.parties)?, seen);
            record.id = stored.id;
            if stored.attempts > 0 {
                let (answered, qualified) = facts(&record);
                world.settle_caller(id, answered, qualified, seen);
            } else {
                let caller = given.caller_number.as_ref().or(stored.caller_number.as_ref());
                note(world, caller.map(String::as_str), &record, seen);
            }
            let change = i64::from(record.counted) - i64::from(stored.counted);
            record.late_excess = record.counted && stored.late_excess;
            if change != 0 {
                record.late_excess |= count(world, &record, change, 0);
            }
            if record.parties.link.is_some() {
                let first = |at| world.first_attempt(id).unwrap_or(at);
                let end = |change, reserved| End {
                    parties: record.parties,
                    change,
                    reserved,
                    first: first(reserved),
                    overflow: record.overflow.clone(),
                };
                let ends = [
                    end(Tally::of(&stored).negative(), stored.counts_at()),
                    end(Tally::of(&record), record.counts_at()),
                ];
                world.settle(&ends, seen.now, seen.after);
            }
            record.late_excess |=
                change > 0 && record.reserved_at.is_none() && is_beyond(world, &record, seen.now);
            world.rows.records.insert(id.clone(), record);
            Ok(logged("corrected", Some(stored.id)))
        }
        Some(stored) => Ok(logged("duplicate", Some(stored.id))),
    }
}

/// When the call was answered and when it was a good one, if it was.
fn facts(record: &Record) -> (Option<Micros>, Option<Micros>) {
    let answered = record.answered_at.unwrap_or(record.started_at);
    let qualified = answered + Micros::from(record.qualify.unwrap_or(QUALIFY)) * SECOND;
    (
        record.counted.then_some(answered),
        record.qualified.then_some(qualified),
    )
}

/// Of a call that nothing was reserved for.
fn note(world: &mut World, caller: Option<&str>, record: &Record, seen: &Seen) {
    let (answered, qualified) = facts(record);
    if let Some(caller) = caller.and_then(canonical) {
        world.note_caller(&caller, record.parties, answered, qualified, seen);
    }
}

fn insert(world: &mut World, given: &Given, mut record: Record, released: i64, seen: &Seen) {
    if record.counted {
        record.late_excess = count(world, &record, 1, released);
    }
    if record.parties.link.is_some() {
        let reserved = record.counts_at();
        let end = End {
            parties: record.parties,
            change: Tally::of(&record).without_slot(released > 0),
            reserved,
            first: world.first_attempt(&given.uniqueid).unwrap_or(reserved),
            overflow: record.overflow.clone(),
        };
        world.settle(&[end], seen.now, seen.after);
    }
    record.late_excess |=
        record.counted && record.reserved_at.is_none() && is_beyond(world, &record, seen.now);
    if let Some(node) = &given.node {
        world.learn.push(Learn::LastCall(node.clone(), seen.now));
    }
    world.learn.push(Learn::RecordId(given.uniqueid.clone()));
    world.rows.records.insert(given.uniqueid.clone(), record);
}

/// Moves the total; tells whether this record is then the excess.
fn count(world: &mut World, record: &Record, change: i64, released: i64) -> bool {
    let link = record.parties.link.expect("only links count");
    let Some(counter) = world.counter(link) else {
        return false;
    };
    counter.total += change;
    change > 0 && excess(world, link, 1, released) > 0
}

/// How many of the records just counted are beyond the cap. One without a slot is, when calls in flight hold the room that it
/// takes; and one of those calls' records is not, in its turn.
pub fn excess(world: &mut World, link: i64, counted: i64, released: i64) -> i64 {
    let Some(allowed) = world.links.get(&link).and_then(|link| link.allowed) else {
        return 0;
    };
    let counter = &world.rows.counters[&link];
    let active = i64::from(counter.active);
    let beyond = (counter.total - allowed).max(0);
    let owed = world.owed.entry(link).or_default();
    if counted > released {
        let flagged = (counter.total + active - allowed).clamp(0, counted);
        *owed += flagged - beyond.min(flagged);
        return flagged;
    }
    let paid = (*owed).min(active + released).min(beyond).min(counted);
    *owed -= paid;
    (beyond - paid).min(counted)
}

/// Ids given beside what is known must not contradict it.
fn merge(world: &World, given: &Given, known: Parties) -> Result<Parties, &'static str> {
    let Some(link) = given.link_id else {
        return Ok(known);
    };
    match known.link {
        Some(other) if other != link => Err(MISUSE),
        Some(_) => Ok(known),
        None => with_link(world, link, known),
    }
}

/// A link that is named must exist, and brings its campaign, client and owner.
fn with_link(world: &World, id: i64, known: Parties) -> Result<Parties, &'static str> {
    let link = world.links.get(&id).ok_or("P0002")?;
    let owner = world.campaigns[&link.campaign].user;
    let contradicts = |known: Option<i64>, ours: i64| known.is_some_and(|known| known != ours);
    if contradicts(known.user, owner)
        || contradicts(known.campaign, link.campaign)
        || contradicts(known.client, link.client)
    {
        return Err(MISUSE);
    }
    Ok(Parties {
        user: Some(owner),
        campaign: Some(link.campaign),
        client: Some(link.client),
        link: Some(id),
        ..known
    })
}

/// Without a reservation the number tells whose call it was, unless the link belongs to another seller.
fn resolve(world: &World, given: &Given, seen: &Seen) -> Result<Parties, &'static str> {
    let mut parties = Parties::default();
    if let Some(link) = given.link_id {
        parties = with_link(world, link, parties)?;
    }
    if let Some((did_id, did)) = world.did_by_number(&given.did)
        && parties.user.is_none_or(|user| user == did.user)
    {
        parties.user = Some(did.user);
        parties.did = Some(did_id);
        parties.campaign = parties
            .campaign
            .or(stop(world, &number_of(did_id), &Who::default(), seen.now).1);
    }
    Ok(parties)
}

fn record(given: &Given, known: &Known, parties: Parties, seen: &Seen) -> Record {
    let began_at = micros(given.started_at).or(known.started_at);
    let answered_at = micros(given.answered_at).or(known.answered_at);
    // Nothing is made up: without an end it is what is known of it, or the last that is known of the call.
    let untold = known.ended_at.max(began_at).max(answered_at).unwrap_or(seen.now);
    let ended_at = micros(given.ended_at).unwrap_or(untold);
    let started_at = began_at.unwrap_or(ended_at);
    let answered = given.call_status == "ANSWERED" || (given.call_status == "LOST" && answered_at.is_some());
    let seconds = |from: Micros| ((ended_at - from).max(0) / SECOND) as i32;
    let counted = parties.link.is_some() && answered;
    let billsec = given.billsec_seconds.unwrap_or(answered_at.map_or(0, seconds));
    Record {
        id: 0,
        linkedid: given.linkedid.clone(),
        parties,
        node: given.node.clone().or(known.node.clone()),
        number: known.number.clone().unwrap_or(given.did.clone()),
        caller_number: given.caller_number.clone().or(known.caller.clone()),
        caller_name: None,
        started_at,
        answered_at,
        ended_at,
        duration: given.duration_seconds.unwrap_or(seconds(started_at)),
        billsec,
        status: given.call_status.clone(),
        cause_code: given.hangup_cause_code,
        cause_text: given.hangup_cause_text.clone(),
        hangup_by: given.hangup_by.clone(),
        sip_call_id: given.sip_call_id.clone(),
        attempts: known.attempts,
        counted,
        late_excess: false,
        decision: known.decision.clone().or(given.decision.clone()),
        created_at: known.created_at.unwrap_or(seen.now),
        reserved_at: known.reserved_at,
        qualify: known.qualify,
        qualified: counted && billsec >= known.qualify.unwrap_or(QUALIFY),
        overflow: known.overflow.clone(),
    }
}

/// Instants of a record as the model counts them.
fn micros(time: Option<jiff::Timestamp>) -> Option<Micros> {
    time.map(|time| time.as_microsecond())
}
