//! Small histories on several connections at once. Whatever they answered, and left behind, must be what they could
//! have answered one after the other, in some order that puts nothing before what had ended when it began.

use std::cell::Cell;

use super::race::{Race, any_race};
use super::session::Commit;
use super::{Lab, histories};

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
