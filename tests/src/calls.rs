//! The call functions, typed: what a switch does, in a test's words. An error of SQL is a value here, because
//! some tests are about it.

use jiff::Timestamp;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Error, GenericClient, Row};

/// What `route_call` and `next_target` answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub status: String,
    pub reason: Option<String>,
    pub hangup_cause: Option<i32>,
    pub attempt: Option<i32>,
    pub link_id: Option<i64>,
    pub client_identifier: Option<String>,
    pub dial: Option<String>,
    pub dial_timeout_seconds: Option<i32>,
    pub max_call_seconds: Option<i32>,
    pub caller_id: Option<String>,
    pub campaign_id: Option<i64>,
    pub decision: Option<String>,
}

impl Target {
    pub fn is_ok(&self) -> bool {
        self.status == "ok"
    }

    /// The link that the call was given; a reject is a failure of the test.
    pub fn link(&self) -> i64 {
        assert!(self.is_ok(), "the call was rejected: {self:?}");
        self.link_id.expect("a routed call has a link")
    }

    /// The reason of a reject; a routed call is a failure of the test.
    pub fn reject_reason(&self) -> &str {
        assert_eq!(self.status, "reject", "the call was routed: {self:?}");
        self.reason.as_deref().expect("a reject has a reason")
    }
}

/// What a switch knows about a call that has ended.
#[derive(Debug, Clone, Default)]
pub struct Record {
    pub uniqueid: String,
    pub did: String,
    pub call_status: String,
    pub node: Option<String>,
    pub linkedid: Option<String>,
    pub caller_number: Option<String>,
    pub caller_name: Option<String>,
    pub started_at: Option<Timestamp>,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    pub duration_seconds: Option<i32>,
    pub billsec_seconds: Option<i32>,
    pub hangup_cause_code: Option<i32>,
    pub hangup_cause_text: Option<String>,
    pub hangup_by: Option<String>,
    pub sip_call_id: Option<String>,
    pub decision: Option<String>,
    pub link_id: Option<i64>,
    pub campaign_id: Option<i64>,
    pub client_id: Option<i64>,
    pub did_id: Option<i64>,
    pub user_id: Option<i64>,
}

impl Record {
    pub fn new(uniqueid: &str, did: &str, call_status: &str) -> Self {
        Self {
            uniqueid: uniqueid.into(),
            did: did.into(),
            call_status: call_status.into(),
            ..Self::default()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// logged, corrected or duplicate
    pub status: String,
    pub cdr_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    pub status: String,
    pub listed: Option<i32>,
    pub absent: Option<i32>,
    pub closed: Option<i32>,
}

/// `node_started`: how many calls of before its start were closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    pub status: String,
    pub closed: Option<i32>,
}

/// `release_expired` and `release_node`: how many calls were closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    pub status: String,
    pub released: Option<i32>,
}

/// One link in `explain_route`.
#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    pub campaign_id: Option<i64>,
    pub link_id: Option<i64>,
    pub client_identifier: Option<String>,
    pub eligible: Option<bool>,
    pub reason: Option<String>,
    pub active: Option<i32>,
    pub max_concurrency: Option<i32>,
    pub counted: Option<i64>,
    pub total_calls_allowed: Option<i64>,
    pub place: Option<i32>,
    pub share: Option<f64>,
}

/// The call functions on any connection or transaction.
#[allow(async_fn_in_trait)] // used on concrete connections only, whose futures can be spawned
pub trait Calls {
    /// Routes a call from nowhere in particular.
    async fn route(&self, did: &str, uniqueid: &str) -> Result<Target, Error>;
    /// Routes a call that came in on a node.
    async fn route_on(&self, did: &str, uniqueid: &str, caller: &str, node: &str) -> Result<Target, Error>;
    async fn next(&self, uniqueid: &str, failed_attempt: i32, dial_status: &str) -> Result<Target, Error>;
    async fn answered(&self, uniqueid: &str) -> Result<String, Error>;
    /// Logs a call with nothing but its outcome.
    async fn log(&self, uniqueid: &str, did: &str, call_status: &str) -> Result<Logged, Error>;
    async fn log_record(&self, record: &Record) -> Result<Logged, Error>;
    async fn node_started(&self, node: &str, booted_at: Timestamp, instance: &str) -> Result<Ended, Error>;
    async fn heartbeat(
        &self,
        node: &str,
        instance: &str,
        taken_at: Timestamp,
        uniqueids: &[&str],
    ) -> Result<Heartbeat, Error>;
    /// What an agent knows of its switch without a list.
    async fn report(&self, node: &str, instance: &str, state: &str) -> Result<String, Error>;
    async fn release_expired(&self, max: i32) -> Result<Released, Error>;
    async fn release_node(&self, node: &str, reason: &str) -> Result<Released, Error>;
    async fn release(&self, uniqueid: &str, reason: &str) -> Result<Logged, Error>;
    async fn explain(&self, did: &str) -> Result<Vec<Explained>, Error>;
    async fn preview(&self, did: &str) -> Result<Preview, Error>;
    /// The database's clock, for `taken_at` and `booted_at`.
    async fn database_time(&self) -> Result<Timestamp, Error>;
}

impl<C: GenericClient + Sync> Calls for C {
    async fn route(&self, did: &str, uniqueid: &str) -> Result<Target, Error> {
        let sql = "select * from capconduit.route_call($1, $2)";
        let row = self.query_typed_one(sql, &[text(&did), text(&uniqueid)]).await?;
        Ok(Target::from(&row))
    }

    async fn route_on(&self, did: &str, uniqueid: &str, caller: &str, node: &str) -> Result<Target, Error> {
        let sql = "select * from capconduit.route_call($1, $2, $3, null, null, $4)";
        let params = [text(&did), text(&uniqueid), text(&caller), text(&node)];
        Ok(Target::from(&self.query_typed_one(sql, &params).await?))
    }

    async fn next(&self, uniqueid: &str, failed_attempt: i32, dial_status: &str) -> Result<Target, Error> {
        let sql = "select * from capconduit.next_target($1, $2, $3)";
        let params = [
            text(&uniqueid),
            (&failed_attempt as _, Type::INT4),
            text(&dial_status),
        ];
        Ok(Target::from(&self.query_typed_one(sql, &params).await?))
    }

    async fn answered(&self, uniqueid: &str) -> Result<String, Error> {
        let sql = "select status from capconduit.call_answered($1)";
        Ok(self.query_typed_one(sql, &[text(&uniqueid)]).await?.get(0))
    }

    async fn log(&self, uniqueid: &str, did: &str, call_status: &str) -> Result<Logged, Error> {
        let sql = "select status, cdr_id from capconduit.log_call($1, $2, $3)";
        let params = [text(&uniqueid), text(&did), text(&call_status)];
        Ok(Logged::from(&self.query_typed_one(sql, &params).await?))
    }

    async fn log_record(&self, r: &Record) -> Result<Logged, Error> {
        let sql = "select status, cdr_id from capconduit.log_call(uniqueid => $1, did => $2, call_status => $3,
            node => $4, linkedid => $5, caller_number => $6, caller_name => $7, started_at => $8,
            answered_at => $9, ended_at => $10, duration_seconds => $11, billsec_seconds => $12,
            hangup_cause_code => $13, hangup_cause_text => $14, hangup_by => $15, sip_call_id => $16,
            decision => $17, link_id => $18, campaign_id => $19, client_id => $20, did_id => $21, user_id => $22)";
        let params = [
            text(&r.uniqueid),
            text(&r.did),
            text(&r.call_status),
            text(&r.node),
            text(&r.linkedid),
            text(&r.caller_number),
            text(&r.caller_name),
            instant(&r.started_at),
            instant(&r.answered_at),
            instant(&r.ended_at),
            (&r.duration_seconds as _, Type::INT4),
            (&r.billsec_seconds as _, Type::INT4),
            (&r.hangup_cause_code as _, Type::INT4),
            text(&r.hangup_cause_text),
            text(&r.hangup_by),
            text(&r.sip_call_id),
            text(&r.decision),
            id(&r.link_id),
            id(&r.campaign_id),
            id(&r.client_id),
            id(&r.did_id),
            id(&r.user_id),
        ];
        Ok(Logged::from(&self.query_typed_one(sql, &params).await?))
    }

    async fn node_started(&self, node: &str, booted_at: Timestamp, instance: &str) -> Result<Ended, Error> {
        let sql = "select status, closed from capconduit.node_started($1, $2, $3)";
        let params = [text(&node), instant(&booted_at), text(&instance)];
        let row = self.query_typed_one(sql, &params).await?;
        Ok(Ended {
            status: row.get(0),
            closed: row.get(1),
        })
    }

    async fn heartbeat(
        &self,
        node: &str,
        instance: &str,
        taken_at: Timestamp,
        uniqueids: &[&str],
    ) -> Result<Heartbeat, Error> {
        let sql = "select status, listed, absent, closed from capconduit.node_heartbeat($1, $2, $3, $4)";
        let params = [
            text(&node),
            text(&instance),
            instant(&taken_at),
            (&uniqueids as _, Type::TEXT_ARRAY),
        ];
        let row = self.query_typed_one(sql, &params).await?;
        Ok(Heartbeat {
            status: row.get(0),
            listed: row.get(1),
            absent: row.get(2),
            closed: row.get(3),
        })
    }

    async fn report(&self, node: &str, instance: &str, state: &str) -> Result<String, Error> {
        let sql = "select capconduit.node_report($1, $2, $3)";
        let params = [text(&node), text(&instance), text(&state)];
        Ok(self.query_typed_one(sql, &params).await?.get(0))
    }

    async fn release_expired(&self, max: i32) -> Result<Released, Error> {
        let sql = "select status, released from capconduit.release_expired($1)";
        let row = self.query_typed_one(sql, &[(&max as _, Type::INT4)]).await?;
        Ok(Released::from(&row))
    }

    async fn release_node(&self, node: &str, reason: &str) -> Result<Released, Error> {
        let sql = "select status, released from capconduit.release_node($1, $2)";
        let row = self.query_typed_one(sql, &[text(&node), text(&reason)]).await?;
        Ok(Released::from(&row))
    }

    async fn release(&self, uniqueid: &str, reason: &str) -> Result<Logged, Error> {
        let sql = "select status, cdr_id from capconduit.release_call($1, $2)";
        Ok(Logged::from(
            &self
                .query_typed_one(sql, &[text(&uniqueid), text(&reason)])
                .await?,
        ))
    }

    async fn explain(&self, did: &str) -> Result<Vec<Explained>, Error> {
        let rows = self
            .query_typed("select * from capconduit.explain_route($1)", &[text(&did)])
            .await?;
        Ok(rows.iter().map(Explained::from).collect())
    }

    async fn preview(&self, did: &str) -> Result<Preview, Error> {
        let sql = "select * from capconduit.preview_route($1)";
        Ok(Preview::from(&self.query_typed_one(sql, &[text(&did)]).await?))
    }

    async fn database_time(&self) -> Result<Timestamp, Error> {
        Ok(self
            .query_typed_one("select clock_timestamp()", &[])
            .await?
            .get(0))
    }
}

type Param<'a> = (&'a (dyn ToSql + Sync), Type);

fn text<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::TEXT)
}

fn id(value: &Option<i64>) -> Param<'_> {
    (value, Type::INT8)
}

fn instant<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::TIMESTAMPTZ)
}

impl From<&Row> for Target {
    fn from(row: &Row) -> Self {
        Target {
            status: row.get("status"),
            reason: row.get("reason"),
            hangup_cause: row.get("hangup_cause"),
            attempt: row.get("attempt"),
            link_id: row.get("link_id"),
            client_identifier: row.get("client_identifier"),
            dial: row.get("dial"),
            dial_timeout_seconds: row.get("dial_timeout_seconds"),
            max_call_seconds: row.get("max_call_seconds"),
            caller_id: row.get("caller_id"),
            campaign_id: row.get("campaign_id"),
            decision: row.get("decision"),
        }
    }
}

impl From<&Row> for Released {
    fn from(row: &Row) -> Self {
        Released {
            status: row.get("status"),
            released: row.get("released"),
        }
    }
}

impl From<&Row> for Logged {
    fn from(row: &Row) -> Self {
        Logged {
            status: row.get("status"),
            cdr_id: row.get("cdr_id"),
        }
    }
}

impl From<&Row> for Explained {
    fn from(row: &Row) -> Self {
        Explained {
            campaign_id: row.get("campaign_id"),
            link_id: row.get("link_id"),
            client_identifier: row.get("client_identifier"),
            eligible: row.get("eligible"),
            reason: row.get("reason"),
            active: row.get("active"),
            max_concurrency: row.get("max_concurrency"),
            counted: row.get("counted"),
            total_calls_allowed: row.get("total_calls_allowed"),
            place: row.get("place"),
            share: row.get("share"),
        }
    }
}

/// What `preview_route` answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub status: String,
    pub reason: Option<String>,
    pub hangup_cause: Option<i32>,
    pub did_id: Option<i64>,
    pub campaign_id: Option<i64>,
    pub link_id: Option<i64>,
    pub client_id: Option<i64>,
    pub client_identifier: Option<String>,
}

impl From<&Row> for Preview {
    fn from(row: &Row) -> Self {
        Preview {
            status: row.get("status"),
            reason: row.get("reason"),
            hangup_cause: row.get("hangup_cause"),
            did_id: row.get("did_id"),
            campaign_id: row.get("campaign_id"),
            link_id: row.get("link_id"),
            client_id: row.get("client_id"),
            client_identifier: row.get("client_identifier"),
        }
    }
}
