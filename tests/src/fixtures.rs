//! The rows that a test needs, in plain SQL. Names and numbers are unique within the process.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio_postgres::Client;

/// A number that nobody else in this process has had.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A hash of no password: these users cannot log in.
const NO_PASSWORD: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    Priority,
    RoundRobin,
    Weighted,
}

impl Strategy {
    pub const ALL: [Strategy; 3] = [Strategy::Priority, Strategy::RoundRobin, Strategy::Weighted];

    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::Priority => "priority",
            Strategy::RoundRobin => "round_robin",
            Strategy::Weighted => "weighted",
        }
    }
}

/// One client's share of a campaign.
#[derive(Debug, Clone, Copy)]
pub struct Link {
    pub max_concurrency: i32,
    /// None: no limit.
    pub total_calls_allowed: Option<i64>,
    pub forwarding_priority: i32,
    pub weight: i32,
}

impl Link {
    pub const fn cap(max_concurrency: i32) -> Self {
        Self {
            max_concurrency,
            total_calls_allowed: None,
            forwarding_priority: 0,
            weight: 100,
        }
    }

    pub fn allowed(self, total_calls_allowed: i64) -> Self {
        Self {
            total_calls_allowed: Some(total_calls_allowed),
            ..self
        }
    }

    pub fn priority(self, forwarding_priority: i32) -> Self {
        Self {
            forwarding_priority,
            ..self
        }
    }

    pub fn weight(self, weight: i32) -> Self {
        Self { weight, ..self }
    }
}

pub async fn seller(db: &Client) -> i64 {
    let name = format!("seller_{}", unique());
    insert(
        db,
        "insert into capconduit.users (username, email, password_hash, role)
         values ($1, $1 || '@example.com', $2, 'user') returning id",
        &[&name, &NO_PASSWORD],
    )
    .await
}

/// An active client with an endpoint and an AOR at a fixed address.
pub async fn client(db: &Client) -> i64 {
    let identifier = format!("client_{}", unique());
    insert(
        db,
        "with c as (insert into capconduit.clients (client_identifier, name) values ($1, $1) returning id),
              e as (insert into capconduit.pjsip_endpoints (client_id, id, aors, context)
                    select id, $1, $1, 'from-capconduit' from c),
              a as (insert into capconduit.pjsip_aors (client_id, id, contact)
                    select id, $1, 'sip:127.0.0.1:5060' from c)
         select id from c",
        &[&identifier],
    )
    .await
}

/// A DID of its own number: its id and the number.
pub async fn did(db: &Client, user_id: i64) -> (i64, String) {
    let number = format!("+1555{:07}", unique());
    let sql = "insert into capconduit.dids (user_id, number) values ($1, $2) returning id";
    (insert(db, sql, &[&user_id, &number]).await, number)
}

pub async fn campaign(db: &Client, user_id: i64, strategy: Strategy) -> i64 {
    let name = format!("campaign {}", unique());
    insert(
        db,
        "insert into capconduit.campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
         values ($1, $2, $3, 20) returning id",
        &[&user_id, &name, &strategy.as_str()],
    )
    .await
}

pub async fn link(db: &Client, campaign_id: i64, client_id: i64, link: Link) -> i64 {
    insert(
        db,
        "insert into capconduit.campaign_client_settings
             (campaign_id, client_id, max_concurrency, total_calls_allowed, forwarding_priority, weight)
         values ($1, $2, $3, $4, $5, $6) returning id",
        &[
            &campaign_id,
            &client_id,
            &link.max_concurrency,
            &link.total_calls_allowed,
            &link.forwarding_priority,
            &link.weight,
        ],
    )
    .await
}

/// A seller with one DID on one campaign, and a client for each link, in the order given.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub user_id: i64,
    pub did_id: i64,
    pub did: String,
    pub campaign_id: i64,
    pub client_ids: Vec<i64>,
    pub link_ids: Vec<i64>,
}

impl Scenario {
    pub async fn new(db: &Client, strategy: Strategy, links: &[Link]) -> Self {
        let user_id = seller(db).await;
        let (did_id, number) = did(db, user_id).await;
        let campaign_id = campaign(db, user_id, strategy).await;
        let attach = "insert into capconduit.campaign_dids (campaign_id, did_id) values ($1, $2)";
        db.execute(attach, &[&campaign_id, &did_id])
            .await
            .expect("the DID joins the campaign");
        let mut client_ids = Vec::new();
        let mut link_ids = Vec::new();
        for settings in links {
            let client_id = client(db).await;
            link_ids.push(link(db, campaign_id, client_id, *settings).await);
            client_ids.push(client_id);
        }
        Self {
            user_id,
            did_id,
            did: number,
            campaign_id,
            client_ids,
            link_ids,
        }
    }
}

async fn insert(db: &Client, sql: &str, params: &[&(dyn tokio_postgres::types::ToSql + Sync)]) -> i64 {
    db.query_one(sql, params)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
        .get(0)
}
