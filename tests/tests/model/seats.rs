//! The model's seats: how many calls at one time a client has told that it can take.

use super::answer::{Answer, MISUSE, Seen, refused};
use super::meters::Subject;
use super::rows::Micros;
use super::world::{Learn, SECOND, World};

#[derive(Debug, Clone, PartialEq)]
pub struct Seats {
    pub seats: i64,
    pub until: Micros,
    /// Else its caps alone count when it is stale.
    pub closes: bool,
    pub sequence: Option<i64>,
}

/// What a client tells.
#[derive(Debug, Clone)]
pub struct Told {
    pub seats: i32,
    pub ttl: i32,
    pub closes: bool,
    pub sequence: Option<i64>,
}

pub fn tell(world: &mut World, client: i64, told: &Told, seen: &Seen) -> Answer {
    if told.seats < 0 || told.ttl < 5 {
        return refused(MISUSE);
    }
    if !world.clients.contains_key(&client) {
        return Answer::Status("unknown_client".to_owned());
    }
    world.meter(Subject::Client(client), seen.after);
    let meter = world.rows.meters.get_mut(&Subject::Client(client));
    let before = &mut meter.expect("it was made").seats;
    let sequence = before.as_ref().and_then(|seats| seats.sequence);
    if told
        .sequence
        .is_some_and(|sent| sequence.is_some_and(|last| last > sent))
    {
        return Answer::Status("outdated".to_owned());
    }
    let ttl = Micros::from(told.ttl) * SECOND;
    *before = Some(Seats {
        seats: told.seats.into(),
        until: seen.now + ttl,
        closes: told.closes,
        sequence: told.sequence.or(sequence),
    });
    world
        .learn
        .push(Learn::SeatsUntil(client, seen.now + ttl, seen.after + ttl));
    Answer::Status("ok".to_owned())
}

pub fn forget(world: &mut World, client: i64) -> Answer {
    if let Some(meter) = world.rows.meters.get_mut(&Subject::Client(client)) {
        meter.seats = None;
    }
    let is_there = world.clients.contains_key(&client);
    Answer::Status(if is_there { "ok" } else { "unknown_client" }.to_owned())
}

/// Whether a client takes no more calls by what it has told: all seats are taken, or nobody knows of any.
pub fn stops(world: &World, client: i64, at: Micros) -> Option<&'static str> {
    let meter = world.rows.meters.get(&Subject::Client(client))?;
    let seats = meter.seats.as_ref()?;
    if seats.until <= at {
        return seats.closes.then_some("client_seats_stale");
    }
    (meter.life.active >= seats.seats).then_some("client_seats")
}
