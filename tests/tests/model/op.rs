//! One operation with its arguments, as it is put to the database and to the model alike.

use capconduit_tests::{Explained, Heartbeat, Logged, Target};
use jiff::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::answer::{Answer, Heard, MISUSE, Seen, refused};
use super::calls::{self, Given, RouteArgs};
use super::change::Change;
use super::judge;
use super::log;
use super::lost;
use super::rows::Micros;
use super::seats::{self, Told};
use super::session::Session;
use super::world::{World, number_of};

#[derive(Debug, Clone)]
pub enum Op {
    Route(RouteArgs),
    Next {
        uniqueid: String,
        failed: i32,
        dial_status: String,
        cause: Option<i32>,
    },
    Answered(String),
    Log(Box<Given>),
    Release(String, String),
    ReleaseExpired(i32),
    Heartbeat {
        node: String,
        instance: String,
        taken_at: Micros,
        listed: Vec<String>,
    },
    Started {
        node: String,
        booted_at: Micros,
        instance: Option<String>,
    },
    Explain(i64),
    Adjust(i64, i64),
    /// What a client tells of its seats; `None`: nothing any more.
    Seats(i64, Option<Told>),
    /// What a call of this caller would get: the reason, and the link.
    Foretell(i64, Option<String>),
    Change(Change),
}

impl Op {
    /// What the model says; it changes with it.
    pub fn apply(&self, world: &mut World, seen: &Seen) -> Answer {
        match self {
            Op::Route(args) => calls::route(world, args, seen),
            Op::Next {
                uniqueid,
                failed,
                dial_status,
                cause,
            } => calls::next(world, uniqueid, *failed, dial_status, *cause, seen),
            Op::Answered(uniqueid) => calls::answered(world, uniqueid, seen),
            Op::Log(given) => log::log(world, given, seen),
            Op::Release(uniqueid, reason) => lost::release_call(world, uniqueid, reason, seen),
            Op::ReleaseExpired(max) => lost::release_expired(world, *max, seen),
            Op::Heartbeat {
                node,
                instance,
                taken_at,
                listed,
            } => lost::heartbeat(world, node, instance, *taken_at, listed, seen),
            Op::Started {
                node,
                booted_at,
                instance,
            } => lost::node_started(world, node, *booted_at, instance.as_deref(), seen),
            Op::Explain(did) => Answer::Explained(judge::explain(world, *did, seen.now)),
            Op::Adjust(link, delta) => match world.counter(*link) {
                None => Answer::Total("unknown_link".to_owned(), None),
                Some(counter) if counter.total + delta < 0 => refused(MISUSE),
                Some(counter) => {
                    counter.base += delta;
                    counter.total += delta;
                    Answer::Total("ok".to_owned(), Some(counter.total))
                }
            },
            Op::Seats(client, Some(told)) => seats::tell(world, *client, told, seen),
            Op::Seats(client, None) => seats::forget(world, *client),
            Op::Foretell(did, caller) => {
                let (reason, link) = calls::foretell(world, *did, caller.as_deref(), seen);
                Answer::Foretold(reason, link)
            }
            Op::Change(change) => change.apply(world, seen),
        }
    }

    /// The call that it is about.
    pub fn uniqueid(&self) -> Option<&str> {
        match self {
            Op::Route(args) => Some(&args.uniqueid),
            Op::Next { uniqueid, .. } | Op::Answered(uniqueid) | Op::Release(uniqueid, _) => Some(uniqueid),
            Op::Log(given) => Some(&given.uniqueid),
            _ => None,
        }
    }

    /// Puts it to the database: now() of its transaction (None where it was refused), and the answer.
    /// `next_link` is the id of a link that is added.
    pub async fn ask(&self, session: &Session, next_link: i64) -> (Option<Micros>, Answer) {
        match self.hear(session, next_link).await {
            (now, Heard::Answer(answer)) => (now, answer),
            (_, heard) => panic!("{self:?}: {heard:?}"),
        }
    }

    /// The same where a fault may strike.
    pub async fn hear(&self, session: &Session, next_link: i64) -> (Option<Micros>, Heard) {
        match self.try_ask(session, next_link).await {
            Ok((now, answer)) => (now, Heard::Answer(answer)),
            Err(error) => match error.code().map(SqlState::code) {
                // Cut, or ended by an administrator or a crash: before its commit or after, nobody can know.
                None | Some("57P01" | "57P02") => (None, Heard::Nothing),
                Some("57014") => (None, Heard::Cancelled),
                Some(state) => (None, Heard::Answer(refused(state))),
            },
        }
    }

    async fn try_ask(&self, session: &Session, next_link: i64) -> Result<(Option<Micros>, Answer), Error> {
        let one = async |sql, params: &[&(dyn ToSql + Sync)]| session.one(sql, params).await;
        let row = match self {
            Op::Route(a) => {
                let sql = "select now(), t.* from route_call($1, $2, $3, node => $4) t";
                one(sql, &[&a.number, &a.uniqueid, &a.caller, &a.node]).await?
            }
            Op::Next {
                uniqueid,
                failed,
                dial_status,
                cause,
            } => {
                let sql = "select now(), t.* from next_target($1, $2, $3, $4) t";
                one(sql, &[uniqueid, failed, dial_status, cause]).await?
            }
            Op::Answered(uniqueid) => one("select now(), t.* from call_answered($1) t", &[uniqueid]).await?,
            Op::Log(given) => ask_log(session, given).await?,
            Op::Release(uniqueid, reason) => {
                one(
                    "select now(), t.* from release_call($1, $2) t",
                    &[uniqueid, reason],
                )
                .await?
            }
            Op::ReleaseExpired(max) => one("select now(), t.* from release_expired($1) t", &[max]).await?,
            Op::Heartbeat {
                node,
                instance,
                taken_at,
                listed,
            } => {
                let sql = "select now(), t.* from node_heartbeat($1, $2, $3, $4) t";
                one(sql, &[node, instance, &timestamp(*taken_at), listed]).await?
            }
            Op::Started {
                node,
                booted_at,
                instance,
            } => {
                let sql = "select now(), t.* from node_started($1, $2, $3) t";
                one(sql, &[node, &timestamp(*booted_at), instance]).await?
            }
            Op::Explain(did) => {
                let sql = "select e.*, p.reason as foretold_reason, p.link_id as foretold_link
                             from explain_route($1) e, preview_route($1) p";
                let mut rows = session.rows(sql, &[&number_of(*did)]).await?;
                // The first look of a connection is newer than its statement, and the two need not be of one moment: the
                // library was not there to hear of changed tables before. The second one is.
                if !is_foretold(&rows) {
                    rows = session.rows(sql, &[&number_of(*did)]).await?;
                    assert!(is_foretold(&rows), "{rows:?}");
                }
                return Ok((
                    None,
                    Answer::Explained(rows.iter().map(Explained::from).collect()),
                ));
            }
            Op::Adjust(link, delta) => {
                let sql = "select now(), t.* from adjust_link_total($1, $2, 'counted elsewhere') t";
                one(sql, &[link, delta]).await?
            }
            Op::Seats(client, Some(told)) => {
                let sql = "select now(), t.* from set_seats($1, $2, $3, $4, $5) t";
                let on_stale = if told.closes { "close" } else { "rules" };
                one(sql, &[client, &told.seats, &told.ttl, &on_stale, &told.sequence]).await?
            }
            Op::Seats(client, None) => one("select now(), forget_seats($1) as status", &[client]).await?,
            Op::Foretell(did, caller) => {
                let sql = "select now(), t.* from preview_call($1, $2) t";
                let caller = caller.as_deref().unwrap_or("anonymous");
                one(sql, &[&number_of(*did), &caller]).await?
            }
            Op::Change(change) => {
                session.client.batch_execute(&change.sql(next_link)).await?;
                return Ok((None, Answer::Done));
            }
        };
        Ok((Some(micros(&row, 0)), self.answer(&row)))
    }

    fn answer(&self, row: &Row) -> Answer {
        match self {
            Op::Route(_) | Op::Next { .. } => Answer::Target(Box::new(Target::from(row))),
            Op::Answered(_) | Op::Seats(..) => Answer::Status(row.get("status")),
            Op::Foretell(..) => Answer::Foretold(row.get("reason"), row.get("link_id")),
            Op::Log(_) | Op::Release(..) => Answer::Logged(Logged {
                status: row.get("status"),
                cdr_id: row.get("cdr_id"),
            }),
            Op::Heartbeat { .. } => Answer::Heartbeat(Heartbeat {
                status: row.get("status"),
                listed: row.get("listed"),
                absent: row.get("absent"),
                closed: row.get("closed"),
            }),
            Op::ReleaseExpired(_) | Op::Started { .. } => Answer::Counted(row.get("status"), row.get(2)),
            Op::Adjust(..) => Answer::Total(row.get("status"), row.get("total")),
            Op::Explain(_) | Op::Change(_) => unreachable!("answered without a row of its own"),
        }
    }
}

/// What `preview_route` says in one row is what the links' rows of `explain_route` say, at the same moment.
fn is_foretold(rows: &[Row]) -> bool {
    let says_the_same = |row: &Row| {
        row.get::<_, Option<&str>>("foretold_reason") == row.get::<_, Option<&str>>("reject_reason")
    };
    if !rows.iter().all(says_the_same) {
        return false;
    }
    let explained: Vec<Explained> = rows.iter().map(Explained::from).collect();
    let foretold: Option<i64> = rows[0].get("foretold_link");
    // A weighted campaign has shares instead of places: each of its eligible links may be next.
    let may_be_next =
        |row: &&Explained| row.eligible == Some(true) && row.place.is_none_or(|place| place == 1);
    let mut next = explained.iter().filter(may_be_next).map(|row| row.link_id);
    match foretold {
        Some(_) => next.any(|link| link == foretold),
        None => next.next().is_none(),
    }
}

pub fn timestamp(micros: Micros) -> Timestamp {
    Timestamp::from_microsecond(micros).expect("an instant of these tests")
}

pub fn micros(row: &Row, column: usize) -> Micros {
    row.get::<_, Timestamp>(column).as_microsecond()
}

async fn ask_log(session: &Session, g: &Given) -> Result<Row, Error> {
    let sql = "select now(), t.* from log_call($1, $2, $3, node => $4, started_at => $5, answered_at => $6,
        ended_at => $7, hangup_cause_code => $8, hangup_by => $9, link_id => $10, caller_number => $11) t";
    let params: [&(dyn ToSql + Sync); 11] = [
        &g.uniqueid,
        &g.did,
        &g.call_status,
        &g.node,
        &g.started_at,
        &g.answered_at,
        &g.ended_at,
        &g.hangup_cause_code,
        &g.hangup_by,
        &g.link_id,
        &g.caller_number,
    ];
    session.one(sql, &params).await
}
