//! Small histories on several connections at once. Whatever they answered, and left behind, must be what they could
//! have answered one after the other, in some order that puts nothing before what had ended when it began. A choice of
//! a link and what is written for it may have two places in it.

use std::cell::Cell;

use super::answer::Answer;
use super::race::{Prepared, Race, any_race};
use super::search::Ran;
use super::session::Commit;
use super::step::{Failed, Fate, Step};
use super::world::{Campaign, Client, Contact, Did, Link, World};
use super::{Lab, histories};
use crate::node::support::eventually;

#[test]
fn what_happens_at_once_could_have_happened_one_after_the_other() {
    let lab = Lab::new(6, Commit::AtOnce);
    // A race may need several goes to show its fault again: while a failure is being shrunk, each gets them.
    let goes = Cell::new(1);
    let races = histories(1_500, 10_000);
    lab.explore(races, &any_race(1..3), Race::lines, async |race| {
        for _ in 0..goes.get() {
            if let Err(why) = run(&race, &lab).await {
                goes.set(10);
                return Err(why);
            }
        }
        Ok(())
    });
}

async fn run(race: &Race, lab: &Lab) -> Result<(), String> {
    let sessions = lab.sessions();
    let [control, holder, lanes @ ..] = &sessions[..] else {
        panic!("two connections beside the lanes")
    };
    let prepared = race.prepare(&lab.db, control).await?;
    race.hold(holder).await;
    let racing = race.lanes.iter().zip(lanes).map(|(steps, session)| {
        prepared.lane(
            session.clone(),
            steps,
            async |session, op, _| prepared.ask(session, op).await,
            async || panic!("nothing strikes"),
        )
    });
    let (ran, ()) = tokio::join!(futures_util::future::join_all(racing), race.let_go(holder));
    let ran: Vec<_> = ran.into_iter().flat_map(|(_, ran)| ran).collect();
    prepared.explained(control, &ran, false).await.map(|_| ())
}

/// Links of client 1, 2, … in this order of priority, with room for so many calls each.
fn links(rooms: &[i32]) -> World {
    let mut world = World::default();
    world.users.insert(1, true);
    world.dids.insert(
        1,
        Did {
            user: 1,
            active: true,
        },
    );
    let campaign = Campaign {
        user: 1,
        status: "active",
        strategy: "priority",
        dial_timeout: 20,
        max_ring: None,
    };
    world.campaigns.insert(1, campaign);
    world.campaign_dids.insert((1, 1));
    for (client, most) in (1..).zip(rooms) {
        let contact = Contact::Static;
        world.clients.insert(
            client,
            Client {
                active: true,
                contact,
                spacing: None,
            },
        );
        world.insert_link(Link {
            campaign: 1,
            client,
            active: true,
            max_concurrency: *most,
            allowed: None,
            priority: client as i32,
            weight: 1,
            spacing: None,
            qualify: None,
        });
    }
    world
}

fn route(call: u8) -> Step {
    Step::Route {
        call,
        did: 1,
        node: 0,
        caller: None,
        fate: Fate::Heard,
    }
}

fn next(call: u8) -> Step {
    Step::Next {
        call,
        failed: Failed::Present,
        status: "BUSY",
        cause: None,
        fate: Fate::Heard,
    }
}

fn release(call: u8) -> Step {
    Step::Release {
        call,
        fate: Fate::Heard,
    }
}

/// Such links, and these calls routed to them.
async fn after_routes(rooms: &[i32], routed: std::ops::Range<u8>, lab: &Lab) -> Prepared {
    let race = Race {
        world: links(rooms),
        before: routed.map(route).collect(),
        lanes: Vec::new(),
        held_link: None,
    };
    race.prepare(&lab.db, &lab.sessions()[0]).await.expect("calls")
}

fn link_of(ran: &Ran) -> Option<i64> {
    match ran.answer() {
        Some(Answer::Target(target)) => target.link_id,
        _ => None,
    }
}

/// A route chose the second link while the first was full, and waits for it with a call that moves there and so makes room
/// at the first. Whoever looks when that call has moved and the route has not ended sees the room that the route did not
/// take: in between are the route's choice and its slot.
#[test]
fn a_look_between_two_calls_that_waited_for_one_row_contradicts_nothing() {
    let lab = Lab::new(4, Commit::AtOnce);
    lab.runtime.block_on(async {
        let prepared = after_routes(&[1, 2], 0..1, &lab).await;
        let sessions = lab.sessions();
        let [control, moving, routing, looking] = &sessions[..] else {
            panic!("four connections")
        };
        moving.run("begin").await;
        let mut moved = prepared.ask(moving, &prepared.resolve(&next(0))).await;
        routing.run("begin").await;
        let second = prepared.resolve(&route(1));
        let (mut routed, ()) = tokio::join!(prepared.ask(routing, &second), async {
            let waits = "select from pg_stat_activity where pid = $1 and wait_event_type = 'Lock'";
            eventually("the route waits", || async {
                !control
                    .rows(waits, &[&routing.pid])
                    .await
                    .expect("a look")
                    .is_empty()
            })
            .await;
            moving.run("commit").await;
        });
        moved.ended = prepared.tick();
        let look = prepared
            .ask(looking, &prepared.resolve(&Step::Explain { did: 1 }))
            .await;
        routing.run("commit").await;
        routed.ended = prepared.tick();
        let mut ran = [moved, routed, look];
        assert_eq!([&ran[0], &ran[1]].map(link_of), [Some(2), Some(2)]);
        assert_eq!(prepared.explained(control, &ran, false).await, Ok(0));
        // And nothing more is granted: a call that had moved has made room for a route asked after it, and a route that
        // had ended is seen.
        let asked = std::mem::replace(&mut ran[1].began, ran[0].ended + 1);
        prepared.explained(control, &ran, false).await.expect_err("room");
        ran[1].began = asked;
        let after = ran[1].ended + 1;
        (ran[2].began, ran[2].ended) = (after, after);
        prepared
            .explained(control, &ran, false)
            .await
            .expect_err("a slot");
    });
}

/// Two calls, each on the only link that the other could move to, fail at once: each finds the other's slot held. One after
/// the other, the second would have found the first one's link free.
#[test]
fn two_calls_that_find_each_other_s_slot_held_contradict_nothing() {
    let lab = Lab::new(3, Commit::AtOnce);
    lab.runtime.block_on(async {
        let prepared = after_routes(&[1, 1], 0..2, &lab).await;
        let sessions = lab.sessions();
        let [control, first, second] = &sessions[..] else {
            panic!("three connections")
        };
        let mut ran = Vec::new();
        for (call, session) in (0..).zip([first, second]) {
            session.run("begin").await;
            ran.push(prepared.ask(session, &prepared.resolve(&next(call))).await);
        }
        for (ran, session) in ran.iter_mut().zip([first, second]) {
            session.run("commit").await;
            ran.ended = prepared.tick();
        }
        assert_eq!([&ran[0], &ran[1]].map(link_of), [None, None]);
        assert_eq!(prepared.explained(control, &ran, false).await, Ok(0));
        // And nothing more is granted: asked after the first had ended, the second would have had to find its link free.
        ran[1].began = ran[0].ended + 1;
        prepared.explained(control, &ran, false).await.expect_err("room");
    });
}

/// A call moves from the first link to the third, since the second is full. Before that is committed, both calls on the second
/// end and one takes their place, since the first link is still full. So the move comes before the two and after the one.
#[test]
fn a_call_that_moves_while_a_better_link_empties_contradicts_nothing() {
    let lab = Lab::new(3, Commit::AtOnce);
    lab.runtime.block_on(async {
        let prepared = after_routes(&[1, 2, 1], 0..3, &lab).await;
        let sessions = lab.sessions();
        let [control, moving, others] = &sessions[..] else {
            panic!("three connections")
        };
        moving.run("begin").await;
        let mut moved = prepared.ask(moving, &prepared.resolve(&next(0))).await;
        let mut ran = Vec::new();
        for step in [release(1), release(2), route(3)] {
            ran.push(prepared.ask(others, &prepared.resolve(&step)).await);
        }
        moving.run("commit").await;
        moved.ended = prepared.tick();
        assert_eq!([&moved, &ran[2]].map(link_of), [Some(3), Some(2)]);
        let after = moved.ended + 1;
        ran.push(moved);
        assert_eq!(prepared.explained(control, &ran, false).await, Ok(0));
        // And nothing more is granted: asked after that call had moved, the route would have had to take the first link.
        (ran[2].began, ran[2].ended) = (after, after);
        prepared.explained(control, &ran, false).await.expect_err("room");
    });
}
