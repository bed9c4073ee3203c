//! What needs a hand: each rule has one statement, and what it finds is told with what to do about it.

use super::objects::{Attention, Concern};
use super::statements::{
    CAMPAIGNS_WITHOUT_LINK, CLIENTS_WITHOUT_CONTACT, EXCEEDED_TOTALS, EXPIRED_LEASES, RECENT_RECORDS,
    SILENT_NODES, STALE_SEATS, TABLES_NOT_DIRECT,
};
use crate::error::ApiResult;
use crate::http::clock::Instant;
use crate::store::tx::Tx;

/// A hundred of each kind at most.
pub async fn attention(tx: &Tx) -> ApiResult<Attention> {
    let mut items = Vec::new();
    tables(tx, &mut items).await?;
    nodes(tx, &mut items).await?;
    leases(tx, &mut items).await?;
    records(tx, &mut items).await?;
    campaigns(tx, &mut items).await?;
    clients(tx, &mut items).await?;
    links(tx, &mut items).await?;
    Ok(Attention { items })
}

/// About the platform as a whole.
fn concern(code: &'static str, text: String, what_to_do: impl Into<String>) -> Concern {
    Concern {
        code,
        text,
        what_to_do: what_to_do.into(),
        object_type: None,
        object_id: None,
        since: None,
    }
}

impl Concern {
    fn about(self, object_type: &'static str, id: impl ToString) -> Self {
        Concern {
            object_type: Some(object_type),
            object_id: Some(id.to_string()),
            ..self
        }
    }

    fn since(self, since: Option<Instant>) -> Self {
        Concern { since, ..self }
    }
}

async fn tables(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    for row in tx.rows(TABLES_NOT_DIRECT, &[]).await? {
        let told: String = row.get("told");
        items.push(match row.get("access") {
            "refused" => concern(
                "calls_refused",
                format!("Calls are refused: {told}."),
                "Take away what was added to the table; docs/TABLES.md says what it may have.",
            ),
            _ => concern(
                "calls_dearer",
                format!("Calls cost more than they need: {told}."),
                "Take away what was added to the table, if it is not needed; docs/TABLES.md says what slows calls.",
            ),
        });
    }
    Ok(())
}

async fn nodes(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    for row in tx.rows(SILENT_NODES, &[]).await? {
        let (name, held): (String, i64) = (row.get("name"), row.get("slots_held"));
        let holds = match held {
            0 => "no call on it holds room".to_owned(),
            held => format!("{} under caps", hold_room(held)),
        };
        let to_do = format!(
            "Start its agent, capconduit node. If the switch is gone for good: select * from release_node('{name}', 'why') as \
             capconduit_admin."
        );
        let concern = concern("node_silent", format!("Switch {name} is silent; {holds}."), to_do);
        items.push(concern.about("node", name).since(row.get("since")));
    }
    Ok(())
}

fn hold_room(calls: i64) -> String {
    if calls == 1 {
        "1 call on it holds room".to_owned()
    } else {
        format!("{calls} calls on it hold room")
    }
}

async fn leases(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    let row = tx.row(EXPIRED_LEASES, &[]).await?;
    let count: i64 = row.get("count");
    if count > 0 {
        let concern = concern(
            "calls_overdue",
            format!("Calls beyond their lease: {count}."),
            "Is a transaction open that holds their links? See pg_stat_activity. By hand: POST /api/admin/live_calls/{uniqueid}/release.",
        );
        items.push(concern.since(row.get("since")));
    }
    Ok(())
}

async fn records(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    let row = tx.row(RECENT_RECORDS, &[]).await?;
    let (lost, excess): (i64, i64) = (row.get("lost"), row.get("late_excess"));
    if lost > 0 {
        items.push(concern(
            "records_missing",
            format!("Calls of the last hour without their switch's record: {lost}."),
            "Look at the spool on their switches, GET /api/admin/logs?call_status=LOST names them; the agent sends what lies \
             there, and each record replaces its LOST one.",
        ));
    }
    if excess > 0 {
        items.push(concern(
            "late_excess",
            format!("Records of the last hour that counted beyond a cap, having come late: {excess}."),
            "select * from late_excess_view names them; POST /api/admin/links/{id}/adjust, or /api/admin/caps/{id}/adjust, takes back what is not to count.",
        ));
    }
    Ok(())
}

async fn campaigns(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    for row in tx.rows(CAMPAIGNS_WITHOUT_LINK, &[]).await? {
        let (name, username): (String, String) = (row.get("name"), row.get("username"));
        let concern = concern(
            "campaign_leads_nowhere",
            format!("No link of campaign {name} of {username} can take a call, and its numbers are active."),
            "GET /api/admin/explain?did= says why, link by link; its seller activates or adds a link, or raises a total.",
        );
        items.push(concern.about("campaign", row.get::<_, i64>("id")));
    }
    Ok(())
}

async fn clients(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    for row in tx.rows(CLIENTS_WITHOUT_CONTACT, &[]).await? {
        let (name, identifier): (String, String) = (row.get("name"), row.get("client_identifier"));
        let concern = concern(
            "client_without_contact",
            format!("Client {name} ({identifier}) has no fixed address and is not registered."),
            "Ask the call center to register, or give the client a contact.",
        );
        items.push(concern.about("client", row.get::<_, i64>("id")));
    }
    for row in tx.rows(STALE_SEATS, &[]).await? {
        let (name, identifier): (String, String) = (row.get("name"), row.get("client_identifier"));
        let then = if row.get("seats_close") {
            "it gets no calls"
        } else {
            "its caps alone count"
        };
        let concern = concern(
            "seats_stale",
            format!("Client {name} ({identifier}) has stopped telling its seats; {then}."),
            "Ask the call center why its dialler is silent. If it tells none any more: DELETE /api/admin/clients/{id}/capacity.",
        );
        items.push(
            concern
                .about("client", row.get::<_, i64>("id"))
                .since(row.get("seats_until")),
        );
    }
    Ok(())
}

async fn links(tx: &Tx, items: &mut Vec<Concern>) -> ApiResult<()> {
    for row in tx.rows(EXCEEDED_TOTALS, &[]).await? {
        let (campaign, client): (String, String) = (row.get("campaign_name"), row.get("client_name"));
        let (counted, allowed): (i64, i64) = (row.get("counted"), row.get("allowed"));
        let concern = concern(
            "total_exceeded",
            format!("{client} in {campaign} has {counted} counted calls of {allowed} allowed."),
            "Raise the total, or adjust it if records are not to count.",
        );
        items.push(concern.about("link", row.get::<_, i64>("link_id")));
    }
    Ok(())
}
