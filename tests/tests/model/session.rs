//! The database that histories run in: a connection with its prepared statements, a world set up and cleared again,
//! and everything that calls have left, read into the model's shape.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::AbortHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Row, Statement};

use super::callers::{Awaited, Fact, Mark, MarkKey, Scope};
use super::change::{Change, insert_link_sql};
use super::meters::{Meter, SPANS, Subject, Tally, Window, ZONES};
use super::rows::{Attempt, Call, Counter, Hearing, Micros, Node, Overflowed, Parties, Record, Rows};
use super::seats::Seats;
use super::world::{NODE_SILENCE, SECOND, World, caller_id_of, identifier_of, number_of};

pub struct Session {
    pub client: Client,
    pub pid: i32,
    prepared: RefCell<HashMap<&'static str, Statement>>,
    connection: AbortHandle,
}

/// What a commit waits for before it is answered.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Commit {
    /// Nothing, where no history loses its server.
    AtOnce,
    /// The disk, and a synchronous standby: the default.
    Durable,
}

impl Session {
    /// As a superuser: histories also do what DBAs do.
    pub async fn open(config: &Config, commit: Commit) -> Session {
        let (client, connection) = config.connect(NoTls).await.expect("a connection");
        let connection = tokio::spawn(connection).abort_handle();
        let settings = format!(
            "load 'capconduit'; set capconduit.node_silence_seconds = {}; set synchronous_commit = {};
             set search_path = capconduit, public; set client_min_messages = warning",
            NODE_SILENCE / SECOND,
            if commit == Commit::AtOnce { "off" } else { "on" }
        );
        client
            .batch_execute(&settings)
            .await
            .expect("the session's settings");
        let pid = client.query_one("select pg_backend_pid()", &[]).await;
        Session {
            pid: pid.expect("its pid").get(0),
            client,
            prepared: RefCell::default(),
            connection,
        }
    }

    /// The network breaks: the server's end is not told what becomes of its answer.
    pub fn cut(&self) {
        self.connection.abort();
    }

    /// Until another session's backend is no more.
    pub async fn until_gone(&self, pid: i32) {
        for _ in 0..10_000 {
            let sql = "select count(*) from pg_stat_activity where pid = $1";
            let left: i64 = self.one(sql, &[&pid]).await.expect("the activity").get(0);
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        panic!("backend {pid} does not end");
    }

    pub async fn rows(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let known = self.prepared.borrow().get(sql).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(sql).await?;
                self.prepared.borrow_mut().insert(sql, statement.clone());
                statement
            }
        };
        self.client.query(&statement, params).await
    }

    pub async fn one(&self, sql: &'static str, params: &[&(dyn ToSql + Sync)]) -> Result<Row, Error> {
        let mut rows = self.rows(sql, params).await?;
        assert_eq!(rows.len(), 1, "{sql} gives one row");
        Ok(rows.remove(0))
    }

    pub async fn run(&self, sql: &str) {
        let done = self.client.batch_execute(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    /// Clears what the last history made, and sets this one's world up under the ids that it has in the model.
    pub async fn set_up(&self, world: &World) {
        let mut sql = CLEAR.to_owned();
        for user in world.users.keys() {
            sql += &format!(
                "insert into users (id, username, email, password_hash, role) overriding system value
                 values ({user}, 'seller_{user}', '{user}@example.com', '$argon2id$none', 'user');"
            );
        }
        for (id, client) in &world.clients {
            let name = identifier_of(*id);
            let caller_id = caller_id_of(*id).map_or("null".to_owned(), |text| format!("'{text}'"));
            sql += &format!(
                "insert into clients (id, client_identifier, name) overriding system value values ({id}, '{name}', 'x');
                 insert into pjsip_endpoints (client_id, id, aors, context, callerid)
                     values ({id}, '{name}', '{name}', 'from-capconduit', {caller_id});
                 insert into pjsip_aors (client_id, id) values ({id}, '{name}');"
            );
            sql += &(Change::ClientContact(*id, client.contact).sql(0) + ";");
        }
        for (id, did) in &world.dids {
            sql += &format!(
                "insert into dids (id, user_id, number) overriding system value values ({id}, {}, '{}');",
                did.user,
                number_of(*id)
            );
        }
        for (id, campaign) in &world.campaigns {
            let max_ring = campaign
                .max_ring
                .map_or("null".to_owned(), |most| most.to_string());
            sql += &format!(
                "insert into campaigns (id, user_id, name, routing_strategy, dial_timeout_seconds, max_ring_seconds)
                 overriding system value values ({id}, {}, 'campaign {id}', '{}', {}, {max_ring});",
                campaign.user, campaign.strategy, campaign.dial_timeout
            );
        }
        for (campaign, did) in &world.campaign_dids {
            sql += &(Change::Attach(*campaign, *did).sql(0) + ";");
        }
        for (id, link) in &world.links {
            sql += &(insert_link_sql(*id, link) + ";");
        }
        self.run(&sql).await;
    }

    pub async fn clock(&self) -> Micros {
        let row = self
            .one("select clock_timestamp()", &[])
            .await
            .expect("the clock");
        instant(&row, 0).expect("an instant")
    }

    /// All that calls have left, the counters that contradict it, and the clock.
    pub async fn look(&self) -> (Rows, Vec<String>, Micros) {
        let read = async |sql| {
            self.rows(sql, &[])
                .await
                .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
        };
        let (counters, meters, marks, awaited, calls, records, attempts, nodes, hearing, wrong, clock) = tokio::join!(
            read("select * from link_counters"),
            read(METERS),
            read("select *, nullif(until, 'infinity') as ends from caller_marks"),
            read("select *, nullif(until, 'infinity') as ends from caller_calls"),
            read("select * from live_calls"),
            read("select * from call_logs"),
            read("select * from call_attempts"),
            read("select * from nodes"),
            read("select since, last from hearing"),
            read(
                "select format('link %s: %s is %s, not %s', link_id, counter, stored, actual) from verify_counters()"
            ),
            self.clock()
        );
        let rows = Rows {
            meters: read_meters(&meters),
            marks: keyed(&marks, mark),
            awaited: keyed(&awaited, |row| {
                (
                    (row.get("uniqueid"), scope(row), row.get("caller")),
                    awaited_call(row),
                )
            }),
            counters: keyed(&counters, |row| (row.get("link_id"), counter(row))),
            calls: keyed(&calls, |row| (row.get("uniqueid"), call(row))),
            records: keyed(&records, |row| (row.get("asterisk_uniqueid"), record(row))),
            attempts: keyed(&attempts, |row| {
                ((row.get("uniqueid"), row.get("attempt")), attempt(row))
            }),
            nodes: keyed(&nodes, |row| (row.get("name"), node(row))),
            hearing: Hearing {
                since: known(&hearing[0], "since"),
                last: known(&hearing[0], "last"),
            },
        };
        (rows, wrong.iter().map(|row| row.get(0)).collect(), clock)
    }
}

/// What subjects have used, a row for life and one for each of their windows: what its mark says less.
const METERS: &str = "
    with of as (
        select 'link' as kind, link_id as id, null::timestamptz as reserved_at, active, unsettled, offered, answered, qualified,
               link_id as key, null::integer as seats, null::timestamptz as seats_until, null::boolean as seats_close,
               null::bigint as seats_sequence
          from link_counters
        union all
        select subject_type, subject_id, reserved_at, active, unsettled, offered, answered, qualified, -id, seats, seats_until,
               seats_close, seats_sequence
          from meters
    ), marks as (
        select link_id as key, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified from link_windows
        union all
        select -meter_id, span, starts_at, ends_at, time_zone, active, unsettled, offered, answered, qualified from meter_windows
    )
    select kind, id, reserved_at, null as span, null as starts_at, null as ends_at, null as time_zone,
           active::bigint, unsettled::bigint, offered, answered, qualified, seats, seats_until, seats_close, seats_sequence
      from of
    union all
    select o.kind, o.id, o.reserved_at, w.span, w.starts_at, w.ends_at, w.time_zone,
           (o.active - w.active)::bigint, (o.unsettled - w.unsettled)::bigint, o.offered - w.offered, o.answered - w.answered,
           o.qualified - w.qualified, null, null, null, null
      from of o
      join marks w using (key)";

fn read_meters(rows: &[Row]) -> BTreeMap<Subject, Meter> {
    let mut meters: BTreeMap<Subject, Meter> = BTreeMap::new();
    for row in rows {
        let id = row.get("id");
        let subject = match row.get("kind") {
            "link" => Subject::Link(id),
            "client" => Subject::Client(id),
            "did" => Subject::Did(id),
            "campaign" => Subject::Campaign(id),
            _ => Subject::Seller(id),
        };
        let tally = Tally {
            active: row.get("active"),
            unsettled: row.get("unsettled"),
            offered: row.get("offered"),
            answered: row.get("answered"),
            qualified: row.get("qualified"),
        };
        let meter = meters.entry(subject).or_default();
        meter.reserved_at = instant(row, "reserved_at");
        let Some(span) = row.get::<_, Option<&str>>("span") else {
            meter.life = tally;
            meter.seats = row.get::<_, Option<i32>>("seats").map(|seats| Seats {
                seats: seats.into(),
                until: known(row, "seats_until"),
                closes: row.get("seats_close"),
                sequence: row.get("seats_sequence"),
            });
            continue;
        };
        let span = SPANS.into_iter().find(|known| *known == span).expect("a span");
        let zone = ZONES
            .into_iter()
            .find(|(name, _)| *name == row.get::<_, &str>("time_zone"));
        let window = Window {
            start: known(row, "starts_at"),
            end: known(row, "ends_at"),
            zone: zone.expect("a zone of these tests").1,
            used: tally,
        };
        meter.windows.insert(span, window);
    }
    meters
}

/// Without triggers, which would refuse to delete busy links; the world's own tables only.
const CLEAR: &str = "set session_replication_role = replica;
    delete from live_calls; delete from call_logs; delete from call_attempts; delete from nodes; delete from link_excess;
    delete from link_windows; delete from link_adjustments; delete from caps; delete from meters; delete from meter_windows;
    delete from meter_adjustments; delete from gone_links; delete from caller_marks; delete from caller_calls;
    update hearing set since = '2020-01-01 00:00Z', last = '2020-01-01 00:00Z';
    delete from link_counters; delete from campaign_client_settings; delete from campaign_dids;
    delete from campaigns; delete from dids; delete from pjsip_contacts; delete from pjsip_aors;
    delete from pjsip_endpoints; delete from clients; delete from users; delete from audit_log;
    reset session_replication_role;";

/// Dead rows of earlier histories would slow the later ones down.
pub const SWEEP: &str = "vacuum live_calls, call_logs, call_attempts, nodes, hearing, link_counters, link_windows, caps, meters, meter_windows, caller_marks,
    caller_calls,
    campaign_client_settings, campaign_dids, campaigns, dids, pjsip_contacts, pjsip_aors, pjsip_endpoints, clients,
    users, audit_log";

fn keyed<K: Ord, V>(rows: &[Row], read: impl Fn(&Row) -> (K, V)) -> BTreeMap<K, V> {
    let read: BTreeMap<K, V> = rows.iter().map(&read).collect();
    assert_eq!(read.len(), rows.len(), "keys are unique");
    read
}

fn instant<I: tokio_postgres::row::RowIndex + std::fmt::Display>(row: &Row, column: I) -> Option<Micros> {
    let time: Option<Timestamp> = row.get(column);
    time.map(|time| time.as_microsecond())
}

fn known(row: &Row, column: &str) -> Micros {
    instant(row, column).unwrap_or_else(|| panic!("{column} is null"))
}

fn scope(row: &Row) -> Scope {
    let id = |column: &str| row.get::<_, Option<i64>>(column);
    let scopes = [
        id("user_id").map(Scope::Seller),
        id("campaign_id").map(Scope::Campaign),
        id("client_id").map(Scope::Client),
        id("link_id").map(Scope::Link),
    ];
    scopes.into_iter().flatten().next().unwrap_or(Scope::Platform)
}

fn mark(row: &Row) -> (MarkKey, Mark) {
    let fact = match (row.get("kind"), row.get("after")) {
        ("allowed", _) => Fact::Allowed,
        ("blocked", _) => Fact::Blocked,
        (_, Some("answered")) => Fact::Answered,
        (_, Some("qualified")) => Fact::Qualified,
        _ => Fact::Offered,
    };
    let mark = Mark {
        at: if fact.is_seen() { known(row, "at") } else { 0 },
        until: instant(row, "ends"),
        taken_by: row.get("taken_by"),
    };
    ((scope(row), row.get("caller"), fact), mark)
}

fn awaited_call(row: &Row) -> Awaited {
    let kept = |column: &str| {
        let seconds: Option<i32> = row.get(column);
        seconds.map(|seconds| (seconds >= 0).then_some(i64::from(seconds)))
    };
    Awaited {
        taken_by: row.get("taken_by"),
        at: known(row, "at"),
        answered: kept("answered_seconds"),
        qualified: kept("qualified_seconds"),
        lost: instant(row, "lost_at").map(|at| (at, instant(row, "ends"))),
    }
}

fn counter(row: &Row) -> Counter {
    Counter {
        active: row.get("active"),
        total: row.get("total"),
        base: row.get("base"),
        last_seq: row.get("last_seq"),
        reserved_at: instant(row, "reserved_at"),
    }
}

fn call(row: &Row) -> Call {
    Call {
        linkedid: row.get("linkedid"),
        node: row.get("node"),
        user_id: row.get("user_id"),
        campaign_id: row.get("campaign_id"),
        did_id: row.get("did_id"),
        did_number: row.get("did_number"),
        strategy: row.get("routing_strategy"),
        link_id: row.get("link_id"),
        client_id: row.get("client_id"),
        holds_slot: row.get("holds_slot"),
        attempt: row.get("attempt"),
        tried: row.get("tried"),
        caller_number: row.get("caller_number"),
        caller_name: row.get("caller_name"),
        routed_at: known(row, "routed_at"),
        attempt_at: known(row, "attempt_at"),
        answered_at: instant(row, "answered_at"),
        dial_timeout: row.get("dial_timeout_seconds"),
        attempt_timeout: row.get("attempt_timeout_seconds"),
        ring_deadline: known(row, "ring_deadline"),
        max_call_seconds: row.get("max_call_seconds"),
        lease_until: known(row, "lease_until"),
        end_reason: row.get("end_reason"),
        end_cause: row.get("end_cause"),
        absent_since: instant(row, "absent_since"),
        last_listed_at: instant(row, "last_listed_at"),
        decision: row.get("decision"),
        qualify: row.get("qualify_seconds"),
        awaited: row.get::<_, Option<bool>>("awaited") == Some(true),
        same_client_only: row.get::<_, Option<bool>>("same_client_only") == Some(true),
        overflow: overflowed(row),
    }
}

fn overflowed(row: &Row) -> Overflowed {
    Overflowed {
        exit: row.get("overflow_exit"),
        from: row.get("overflowed_from"),
        at: instant(row, "overflowed_at"),
    }
}

fn record(row: &Row) -> Record {
    Record {
        id: row.get("id"),
        linkedid: row.get("asterisk_linkedid"),
        parties: Parties {
            user: row.get("user_id"),
            campaign: row.get("campaign_id"),
            did: row.get("did_id"),
            client: row.get("client_id"),
            link: row.get("link_id"),
        },
        node: row.get("node"),
        number: row.get("incoming_did_number"),
        caller_number: row.get("caller_id_num"),
        caller_name: row.get("caller_id_name"),
        started_at: known(row, "timestamp_start"),
        answered_at: instant(row, "timestamp_answered"),
        ended_at: known(row, "timestamp_end"),
        duration: row.get("duration_seconds"),
        billsec: row.get("billsec_seconds"),
        status: row.get("call_status"),
        cause_code: row.get("hangup_cause_code"),
        cause_text: row.get("hangup_cause_text"),
        hangup_by: row.get("hangup_by"),
        sip_call_id: row.get("sip_call_id"),
        attempts: row.get("attempts"),
        counted: row.get("counted"),
        late_excess: row.get("late_excess"),
        decision: row.get("decision"),
        created_at: known(row, "created_at"),
        reserved_at: instant(row, "reserved_at"),
        qualify: row.get("qualify_seconds"),
        qualified: row.get("qualified"),
        overflow: overflowed(row),
    }
}

fn attempt(row: &Row) -> Attempt {
    Attempt {
        user_id: row.get("user_id"),
        link_id: row.get("link_id"),
        client_id: row.get("client_id"),
        dial_status: row.get("dial_status"),
        cause: row.get("hangup_cause"),
        started_at: known(row, "started_at"),
        ended_at: known(row, "ended_at"),
    }
}

fn node(row: &Row) -> Node {
    Node {
        instance: row.get("instance"),
        booted_at: instant(row, "booted_at"),
        heartbeat_at: instant(row, "heartbeat_at"),
        taken_at: instant(row, "taken_at"),
        last_call_at: instant(row, "last_call_at"),
        live_calls: row.get("live_calls"),
    }
}
