//! Small histories on several connections at once. Whatever they answered, and left behind, must be what they could
//! have answered one after the other, in some order that puts nothing before what had ended when it began.

use std::cell::Cell;

use super::race::{Race, any_race};
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
    prepared.explained(control, &ran, None).await.map(|_| ())
}

/// The better link has room for one call, the other one for two.
fn two_links() -> World {
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
    for (client, most) in [(1, 1), (2, 2)] {
        let contact = Contact::Static;
        world.clients.insert(
            client,
            Client {
                active: true,
                contact,
            },
        );
        world.insert_link(Link {
            campaign: 1,
            client,
            active: true,
            max_concurrency: most,
            allowed: None,
            priority: client as i32,
            weight: 1,
        });
    }
    world
}

/// A route chose the second link while the first was full, and waits for it with a call that moves there and so makes room
/// at the first. Whoever looks when that call has moved and the route has not ended sees the room that the route did not
/// take. That is the one thing for which no single order is asked.
#[test]
fn a_look_between_two_calls_that_waited_for_one_row_contradicts_nothing() {
    let lab = Lab::new(4, Commit::AtOnce);
    let fate = Fate::Heard;
    let route = |call| Step::Route {
        call,
        did: 1,
        node: 0,
        fate,
    };
    let next = Step::Next {
        call: 0,
        failed: Failed::Present,
        status: "BUSY",
        cause: None,
        fate,
    };
    let race = Race {
        world: two_links(),
        before: vec![route(0)],
        lanes: Vec::new(),
        held_link: None,
    };
    lab.runtime.block_on(async {
        let sessions = lab.sessions();
        let [control, moving, routing, looking] = &sessions[..] else {
            panic!("four connections")
        };
        let prepared = race.prepare(&lab.db, control).await.expect("one call");
        moving.run("begin").await;
        let mut moved = prepared.ask(moving, &prepared.resolve(&next)).await;
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
        // And nothing more is granted: what wrote has an order, and a look cannot see what nobody did.
        let explained = prepared.explained(control, &[moved, routed, look], None).await;
        assert_eq!(explained, Ok(0));
    });
}
