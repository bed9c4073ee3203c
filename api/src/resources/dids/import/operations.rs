//! An import in SQL: four statements, however many lines.

use std::collections::HashMap;

use super::lines::Line;
use super::objects::{Imported, ImportedLine};
use crate::error::ApiResult;
use crate::store::tx::Tx;

/// In the order of ids: two imports into the same campaigns cannot deadlock.
const CAMPAIGNS: &str = "select id, name from campaigns where name = any($1) order by id for no key update";
/// In the order of numbers, for the same reason.
const INSERT: &str = "\
    insert into dids (user_id, number, status, description)
    select session_user_id(), l.number, 'active', l.description
      from unnest($1::text[], $2::text[]) l(number, description) order by l.number
    on conflict (number) do nothing
    returning id, number";
const OWN: &str = "select id, number from dids where number = any($1)";
const ATTACH: &str =
    "insert into campaign_dids (campaign_id, did_id) select * from unnest($1::bigint[], $2::bigint[])";

pub const SELLER_STATEMENTS: &[&str] = &[CAMPAIGNS, INSERT, OWN, ATTACH];

/// All lines that can be stored are. Whether that is to stay is decided by who calls.
pub async fn import(tx: &Tx, mut lines: Vec<Line>, dry_run: bool) -> ApiResult<Imported> {
    let campaigns = campaigns(tx, &mut lines).await?;
    refuse_repeated(&mut lines);
    let made = insert(tx, &mut lines).await?;
    attach(tx, &lines, &campaigns, &made).await?;
    let done = if dry_run { "valid" } else { "created" };
    let lines: Vec<ImportedLine> = lines
        .into_iter()
        .map(|Line { line, read }| match read {
            Ok(new) => ImportedLine {
                line,
                status: done,
                id: made.get(&new.number).copied().filter(|_| !dry_run),
                number: Some(new.number),
                errors: None,
            },
            Err(errors) => ImportedLine {
                line,
                status: "faulty",
                id: None,
                number: None,
                errors: Some(errors),
            },
        })
        .collect();
    let faulty = lines.iter().filter(|line| line.errors.is_some()).count();
    Ok(Imported {
        dry_run,
        created: lines.len() - faulty,
        faulty,
        lines,
    })
}

fn refuse_repeated(lines: &mut [Line]) {
    let mut seen: HashMap<String, u64> = HashMap::new();
    for line in lines {
        let Ok(new) = &line.read else { continue };
        match seen.get(&new.number) {
            Some(first) => {
                let text = format!("The same number as in line {first}.");
                line.fault("number", text);
            }
            None => {
                seen.insert(new.number.clone(), line.line);
            }
        }
    }
}

/// The own campaigns that are named, locked like every change of a campaign's numbers.
async fn campaigns(tx: &Tx, lines: &mut [Line]) -> ApiResult<HashMap<String, i64>> {
    let valid = lines.iter().filter_map(|line| line.read.as_ref().ok());
    let mut names: Vec<&str> = valid.filter_map(|new| new.campaign.as_deref()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = tx.rows(CAMPAIGNS, &[&names]).await?;
    let found: HashMap<String, i64> = rows.iter().map(|row| (row.get("name"), row.get("id"))).collect();
    for line in lines {
        let name = line.read.as_ref().ok().and_then(|new| new.campaign.clone());
        if let Some(name) = name.filter(|name| !found.contains_key(name)) {
            line.fault("campaign", format!("There is no own campaign named '{name}'."));
        }
    }
    Ok(found)
}

/// The ids of what is new, by number.
async fn insert(tx: &Tx, lines: &mut [Line]) -> ApiResult<HashMap<String, i64>> {
    let valid: Vec<_> = lines.iter().filter_map(|line| line.read.as_ref().ok()).collect();
    let numbers: Vec<&str> = valid.iter().map(|new| new.number.as_str()).collect();
    let descriptions: Vec<Option<&str>> = valid.iter().map(|new| new.description.as_deref()).collect();
    let rows = tx.rows(INSERT, &[&numbers, &descriptions]).await?;
    let made: HashMap<String, i64> = rows
        .iter()
        .map(|row| (row.get("number"), row.get("id")))
        .collect();
    let taken: Vec<&str> = numbers
        .into_iter()
        .filter(|number| !made.contains_key(*number))
        .collect();
    if taken.is_empty() {
        return Ok(made);
    }
    let own = tx.rows(OWN, &[&taken]).await?;
    let own: HashMap<String, i64> = own.iter().map(|row| (row.get("number"), row.get("id"))).collect();
    for line in lines {
        let Ok(new) = &line.read else { continue };
        if made.contains_key(&new.number) {
            continue;
        }
        let mut text = format!("DID number '{}' already exists", new.number);
        if let Some(id) = own.get(&new.number) {
            text = format!("{text}: it is your own, with ID {id}");
        }
        line.fault("number", text);
    }
    Ok(made)
}

async fn attach(
    tx: &Tx,
    lines: &[Line],
    campaigns: &HashMap<String, i64>,
    made: &HashMap<String, i64>,
) -> ApiResult<()> {
    let valid = lines.iter().filter_map(|line| line.read.as_ref().ok());
    let pairs = valid.filter_map(|new| {
        let campaign = campaigns.get(new.campaign.as_ref()?)?;
        Some((*campaign, *made.get(&new.number)?))
    });
    let (campaign_ids, did_ids): (Vec<i64>, Vec<i64>) = pairs.unzip();
    if !did_ids.is_empty() {
        tx.execute(ATTACH, &[&campaign_ids, &did_ids]).await?;
    }
    Ok(())
}
