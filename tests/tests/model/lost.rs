//! The model's ways in which a call ends unheard: by hand, by its lease, by its node.

use std::collections::BTreeMap;

use capconduit_tests::Heartbeat;

use super::answer::{Answer, MISUSE, Seen, logged, refused};
use super::calls::give_back;
use super::counting::End;
use super::log::excess;
use super::meters::Tally;
use super::rows::{Call, Micros, Node, Record};
use super::world::{ABSENCE_GRACE, GAP, Learn, NODE_SILENCE, SECOND, World};

/// Lists and starts from further in the future are a mistake.
const TOLERANCE: Micros = 5 * SECOND;

/// A switch speaks, or signs that nobody has noted are found: after a gap the hearing begins anew.
pub fn hear(world: &mut World, now: Micros, spoken: bool) {
    let signs = world.rows.nodes.values();
    let signs = signs
        .flat_map(|node| [node.heartbeat_at, node.last_call_at])
        .flatten();
    let heard = signs
        .filter(|sign| *sign <= now)
        .chain(spoken.then_some(now))
        .max();
    let hearing = &mut world.rows.hearing;
    if hearing.last > now + TOLERANCE {
        (hearing.since, hearing.last) = (now, now);
    } else if let Some(heard) = heard
        && heard > hearing.last
    {
        if heard > hearing.last + GAP {
            hearing.since = heard;
        }
        hearing.last = heard;
    }
}

/// Others are heard, and have been all the time since this sign, for long enough.
fn is_silent(world: &World, last_sign: Option<Micros>, now: Micros) -> bool {
    let hearing = &world.rows.hearing;
    hearing.last >= now - GAP && last_sign.max(Some(hearing.since)) <= Some(now - NODE_SILENCE)
}

/// Closes calls as LOST. Each ends at its last sign of life and counts once if its answer is known.
pub fn close(world: &mut World, calls: &[(String, &str)], now: Micros) {
    let mut counted: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let mut released: BTreeMap<i64, i64> = BTreeMap::new();
    let mut ends = Vec::new();
    for (id, why) in calls {
        let call = world
            .rows
            .calls
            .remove(id)
            .expect("only calls in flight are closed");
        give_back(world, &call);
        if call.awaited {
            world.lose_caller(id, call.holds_slot, now);
        }
        *released.entry(call.link_id).or_default() += i64::from(call.holds_slot);
        let ended_at = last_sign_of_life(world, &call, now);
        let seconds = |from: Micros| (ended_at - from).div_euclid(SECOND) as i32;
        let (parties, billsec) = (call.parties(), call.answered_at.map_or(0, seconds));
        let counted_call = call.answered_at.is_some();
        let record = Record {
            id: 0,
            linkedid: call.linkedid,
            parties,
            node: call.node,
            number: call.did_number,
            caller_number: call.caller_number,
            caller_name: call.caller_name,
            started_at: call.routed_at,
            answered_at: call.answered_at,
            ended_at,
            duration: seconds(call.routed_at),
            billsec,
            status: "LOST".to_owned(),
            cause_code: None,
            cause_text: Some((*why).to_owned()),
            hangup_by: Some("system".to_owned()),
            sip_call_id: None,
            attempts: call.attempt,
            counted: counted_call,
            late_excess: false,
            decision: Some(call.decision),
            created_at: now,
            reserved_at: call.holds_slot.then_some(call.attempt_at),
            qualify: call.holds_slot.then_some(call.qualify),
            qualified: call.holds_slot && counted_call && billsec >= call.qualify,
            overflow: call.overflow,
        };
        ends.push(End {
            parties,
            change: Tally::of(&record).without_slot(call.holds_slot),
            reserved: record.counts_at(),
            first: world.first_attempt(id).unwrap_or(record.counts_at()),
            overflow: record.overflow.clone(),
        });
        if record.counted {
            counted.entry(call.link_id).or_default().push(id.clone());
        }
        world.rows.records.insert(id.clone(), record);
        world.learn.push(Learn::RecordId(id.clone()));
    }
    world.settle(&ends, now, now);
    for (link_id, ids) in counted {
        let Some(counter) = world.counter(link_id) else {
            continue;
        };
        counter.total += ids.len() as i64;
        let flagged = excess(world, link_id, ids.len() as i64, released[&link_id]) as usize;
        world.learn.push(Learn::LateExcess(ids, flagged));
    }
}

/// Of a clock that was set back an attempt may lie in the future.
fn last_sign_of_life(world: &World, call: &Call, now: Micros) -> Micros {
    let listed = if call.absent_since.is_some() {
        call.last_listed_at
    } else {
        let node = call.node.as_ref().and_then(|name| world.rows.nodes.get(name));
        node.and_then(|node| node.taken_at)
    };
    let signs = [
        Some(call.routed_at),
        Some(call.attempt_at.min(now)),
        call.answered_at,
        listed,
    ];
    signs.into_iter().flatten().max().expect("a call was routed")
}

type Due = Vec<(String, &'static str)>;

/// Calls to be closed and why; those that somebody else works on wait for the next time.
fn due(world: &World, seen: &Seen, why: &'static str, is_due: impl Fn(&Call) -> bool) -> Due {
    let calls = world.rows.calls.iter();
    calls
        .filter(|(id, call)| is_due(call) && !seen.locked.contains(*id))
        .map(|(id, _)| (id.clone(), why))
        .collect()
}

pub fn release_call(world: &mut World, uniqueid: &str, reason: &str, seen: &Seen) -> Answer {
    if !world.rows.calls.contains_key(uniqueid) {
        return logged("not_in_flight", None);
    }
    close(world, &[(uniqueid.to_owned(), reason)], seen.now);
    logged("released", None)
}

pub fn release_expired(world: &mut World, max: i32, seen: &Seen) -> Answer {
    if max < 1 {
        return refused(MISUSE);
    }
    let max = max as usize;
    hear(world, seen.now, false);
    let is_dead = |name: &String| {
        world.rows.nodes.get(name).is_some_and(|node| {
            let last_sign = node.heartbeat_at.max(node.last_call_at);
            node.heartbeat_at.is_some() && is_silent(world, last_sign, seen.now)
        })
    };
    let expired = due(world, seen, "lease expired", |call| call.lease_until < seen.now);
    let silent = due(world, seen, "node silent", |call| {
        call.lease_until >= seen.now && call.node.as_ref().is_some_and(is_dead)
    });
    // Which of them, where there are more than asked for, is the database's choice; leases come first.
    let some_of = |mut due: Due, most: usize| {
        if let (true, Some(closed)) = (due.len() > most, &seen.closed) {
            due.sort_by_key(|(id, _)| !closed.contains(id));
        }
        due.truncate(most);
        due
    };
    let mut closing = some_of(expired, max);
    let left = max - closing.len();
    closing.extend(some_of(silent, left));
    close(world, &closing, seen.now);
    Answer::Counted("ok".to_owned(), closing.len() as i32)
}

pub fn node_started(
    world: &mut World,
    name: &str,
    booted_at: Micros,
    instance: Option<&str>,
    seen: &Seen,
) -> Answer {
    if booted_at > seen.now + TOLERANCE {
        return refused(MISUSE);
    }
    hear(world, seen.now, true);
    let known = world.rows.nodes.get(name).cloned().unwrap_or_default();
    let other = matches!((&known.instance, instance), (Some(theirs), Some(ours)) if theirs != ours);
    if other && known.heartbeat_at.is_some() && !is_silent(world, known.heartbeat_at, seen.now) {
        return Answer::Counted("name_taken".to_owned(), 0);
    }
    let node = world.rows.nodes.entry(name.to_owned()).or_default();
    node.heartbeat_at = node.heartbeat_at.map(|_| seen.now);
    node.instance = instance.map(str::to_owned);
    node.booted_at = node.booted_at.max(Some(booted_at));
    let before = due(world, seen, "node restarted", |call| {
        call.node.as_deref() == Some(name) && call.routed_at < booted_at
    });
    close(world, &before, seen.now);
    Answer::Counted("ok".to_owned(), before.len() as i32)
}

pub fn heartbeat(
    world: &mut World,
    name: &str,
    instance: &str,
    taken_at: Micros,
    listed: &[String],
    seen: &Seen,
) -> Answer {
    if taken_at > seen.now + TOLERANCE {
        return refused(MISUSE);
    }
    let answer = |status: &str, absent: usize, closed: usize| {
        Answer::Heartbeat(Heartbeat {
            status: status.to_owned(),
            listed: Some(listed.len() as i32),
            absent: Some(absent as i32),
            closed: Some(closed as i32),
        })
    };
    hear(world, seen.now, true);
    let known = world.rows.nodes.get(name).cloned().unwrap_or_default();
    let other = known.instance.as_ref().is_some_and(|theirs| theirs != instance);
    if other && known.heartbeat_at.is_some() && !is_silent(world, known.heartbeat_at, seen.now) {
        return answer("name_taken", 0, 0);
    }
    // One of the future was made before the clock was set back.
    let listed_before = known.taken_at.filter(|before| *before <= seen.now + TOLERANCE);
    if listed_before.is_some_and(|before| before > taken_at) {
        return answer("stale", 0, 0);
    }
    let node: &mut Node = world.rows.nodes.entry(name.to_owned()).or_default();
    node.instance = Some(instance.to_owned());
    node.heartbeat_at = Some(seen.now);
    node.taken_at = Some(taken_at);
    node.live_calls = Some(listed.len() as i32);
    node.last_call_at = node.last_call_at.map(|at| at.min(seen.now));
    let mut absent = 0;
    let mut lost = Vec::new();
    for (id, call) in &mut world.rows.calls {
        if call.node.as_deref() != Some(name) || seen.locked.contains(id) {
            continue;
        }
        if listed.contains(id) {
            call.absent_since = None;
            call.last_listed_at = None;
        } else if call.routed_at < taken_at {
            match call.absent_since {
                Some(since) if since <= taken_at - ABSENCE_GRACE => {
                    lost.push((id.clone(), "not on its node"))
                }
                Some(_) => absent += 1,
                None => {
                    absent += 1;
                    call.absent_since = Some(taken_at);
                    call.last_listed_at = listed_before;
                }
            }
        }
    }
    close(world, &lost, seen.now);
    answer("ok", absent, lost.len())
}
