//! What is done with marks of callers, in SQL. Row level security shows a seller those of its own scopes, and lets staff change those of the
//! platform and of clients alone.

use std::collections::{HashMap, HashSet};

use capconduit_core::SetBy;
use capconduit_core::callers::Scope;
use jiff::Timestamp;

use super::list::columns;
use super::objects::{Erased, ImportedMark, ImportedMarks, Mark, NewMark};
use crate::error::{ApiError, ApiResult};
use crate::http::import::Line;
use crate::http::list::{Listed, Request};
use crate::http::page::Page;
use crate::store::tx::Tx;

const ONE: &str = concat!("select ", columns!(), " from callers_view where id = $1");
const DELETE: &str = "delete from caller_marks where id = $1";
const ERASE: &str = "select marks, calls, records from erase_caller($1)";

/// Which of these there are, as far as one sees them.
const CAMPAIGNS: &str = "select id from campaigns where id = any($1)";
const LINKS: &str = "select id from campaign_client_settings where id = any($1)";
const CLIENTS: &str = "select id from clients where id = any($1)";

/// In the order of keys: two that mark the same callers cannot deadlock. One that is there is replaced by an import; by hand only if it has
/// ended.
macro_rules! mark {
    ($columns:literal, $given:literal) => {
        concat!(
            "insert into caller_marks as old (",
            $columns,
            ", caller, kind, until, note, source) select ",
            $given,
            ", m.caller, m.kind, m.until, m.note, $7 \
             from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::timestamptz[], $6::text[]) \
             m(first, second, caller, kind, until, note) order by m.first, m.second, m.caller, m.kind \
             on conflict (key, kind, after) do update \
             set until = excluded.until, note = excluded.note, source = excluded.source, created_by = session_user_id(), at = now() \
             where $8 or old.until <= now() \
             returning id, key, kind, xmax = 0 as is_new"
        )
    };
}

const MARK_OWN: &str = mark!(
    "campaign_id, link_id, user_id",
    "m.first, m.second, case when num_nonnulls(m.first, m.second) = 0 then session_user_id() end"
);
const MARK_PLATFORMS: &str = mark!("client_id, link_id", "m.first, m.second");

pub const STATEMENTS: &[&str] = &[ONE, DELETE];
pub const SELLER_STATEMENTS: &[&str] = &[CAMPAIGNS, LINKS, MARK_OWN];
pub const STAFF_STATEMENTS: &[&str] = &[CLIENTS, MARK_PLATFORMS, ERASE];

fn unknown(id: i64) -> ApiError {
    ApiError::not_found(format!("Mark with ID {id} not found."))
}

pub async fn list<L: Listed<Item = Mark>>(tx: &Tx, request: &Request<L>) -> ApiResult<Page<Mark>> {
    request.page(tx).await
}

pub async fn find(tx: &Tx, id: i64) -> ApiResult<Mark> {
    let row = tx.optional_row(ONE, &[&id]).await?;
    row.as_ref().map(Mark::from).ok_or_else(|| unknown(id))
}

/// Who marks.
#[derive(Debug, Clone, Copy)]
pub struct Marker {
    pub by: SetBy,
    pub user_id: i64,
}

/// What keeps somebody from marking there: the field, and why.
type Fault = (&'static str, String);

impl Marker {
    /// Where the mark is made, if this one may.
    fn scope(self, new: &NewMark) -> Result<Scope, Fault> {
        let default = match self.by {
            SetBy::Seller => "seller",
            SetBy::Platform => "platform",
        };
        let name = new.scope.as_deref().unwrap_or(default);
        let of = |scope: fn(i64) -> Scope| match new.scope_id {
            Some(id) => Ok(scope(id)),
            None => Err(("scopeId", format!("Which {name}? Its ID is expected."))),
        };
        match (self.by, name) {
            (SetBy::Seller, "seller") if new.scope_id.is_none_or(|id| id == self.user_id) => {
                Ok(Scope::Seller(self.user_id))
            }
            (SetBy::Seller, "seller") => Err(("scopeId", "Another seller's list.".to_owned())),
            (SetBy::Seller, "campaign") => of(Scope::Campaign),
            (SetBy::Seller, "link") => of(Scope::Link),
            (SetBy::Platform, "client") => of(Scope::Client),
            (SetBy::Platform, "platform") if new.scope_id.is_none() => Ok(Scope::Platform),
            (SetBy::Platform, "platform") => Err(("scopeId", "The platform has none.".to_owned())),
            (SetBy::Seller, _) => Err((
                "scope",
                "One of one's own is expected: seller, campaign or link.".to_owned(),
            )),
            (SetBy::Platform, _) => Err((
                "scope",
                "One of the platform's is expected: platform or client. A seller's lists are its own."
                    .to_owned(),
            )),
        }
    }

    /// Those of the scopes that there are.
    async fn existing(self, tx: &Tx, scopes: &[Scope]) -> ApiResult<HashSet<(&'static str, i64)>> {
        let mut found = HashSet::new();
        let tables = match self.by {
            SetBy::Seller => &[("campaign", CAMPAIGNS), ("link", LINKS)][..],
            SetBy::Platform => &[("client", CLIENTS)],
        };
        for (name, sql) in tables {
            let ids: Vec<i64> = scopes
                .iter()
                .filter(|scope| scope.name() == *name)
                .filter_map(id)
                .collect();
            if !ids.is_empty() {
                let rows = tx.rows(sql, &[&ids]).await?;
                found.extend(rows.iter().map(|row| (*name, row.get(0))));
            }
        }
        Ok(found)
    }

    /// By key and kind, the id and whether it is new; nothing of one that was there and is to stay.
    async fn mark(
        self,
        tx: &Tx,
        marks: &[(Scope, &NewMark)],
        source: &str,
    ) -> ApiResult<HashMap<Kept, (i64, bool)>> {
        let one = |scope: &Scope, name: &str| id(scope).filter(|_| scope.name() == name);
        let (sql, names) = match self.by {
            SetBy::Seller => (MARK_OWN, ["campaign", "link"]),
            SetBy::Platform => (MARK_PLATFORMS, ["client", "link"]),
        };
        let [first, second] = names
            .map(|name| -> Vec<Option<i64>> { marks.iter().map(|(scope, _)| one(scope, name)).collect() });
        let callers: Vec<&str> = marks.iter().map(|(_, new)| new.caller.as_str()).collect();
        let kinds: Vec<&str> = marks.iter().map(|(_, new)| new.kind.as_str()).collect();
        let untils: Vec<Option<Timestamp>> = marks.iter().map(|(_, new)| new.until).collect();
        let notes: Vec<Option<&str>> = marks.iter().map(|(_, new)| new.note.as_deref()).collect();
        let replaces = source == "import";
        let rows = tx
            .rows(
                sql,
                &[
                    &first, &second, &callers, &kinds, &untils, &notes, &source, &replaces,
                ],
            )
            .await?;
        let made = rows.iter().map(|row| {
            let kept = (row.get("key"), row.get("kind"));
            (kept, (row.get("id"), row.get("is_new")))
        });
        Ok(made.collect())
    }
}

/// A mark's key and its kind: no two have the same.
type Kept = (String, String);

fn kept(scope: Scope, new: &NewMark) -> Kept {
    (scope.key(&new.caller), new.kind.clone())
}

fn id(scope: &Scope) -> Option<i64> {
    match *scope {
        Scope::Platform => None,
        Scope::Seller(id) | Scope::Campaign(id) | Scope::Client(id) | Scope::Link(id) => Some(id),
    }
}

fn is_there(scope: Scope, existing: &HashSet<(&'static str, i64)>) -> bool {
    matches!(scope, Scope::Platform | Scope::Seller(_))
        || id(&scope).is_some_and(|id| existing.contains(&(scope.name(), id)))
}

fn missing(scope: Scope) -> String {
    format!(
        "There is no {} with ID {}.",
        scope.name(),
        id(&scope).unwrap_or_default()
    )
}

pub async fn create(tx: &Tx, marker: Marker, new: &NewMark) -> ApiResult<Mark> {
    let scope = marker
        .scope(new)
        .map_err(|(field, text)| ApiError::field(&[field], text))?;
    if !is_there(scope, &marker.existing(tx, &[scope]).await?) {
        return Err(ApiError::not_found(missing(scope)));
    }
    match marker.mark(tx, &[(scope, new)], "hand").await?.values().next() {
        Some((id, _)) => find(tx, *id).await,
        None => Err(ApiError::conflict(
            "mark_exists",
            format!(
                "{} is {} there already: delete that one first.",
                new.caller, new.kind
            ),
        )),
    }
}

/// All lines that can be stored are. Whether that is to stay is decided by who calls.
pub async fn import(
    tx: &Tx,
    marker: Marker,
    mut lines: Vec<Line<NewMark>>,
    dry_run: bool,
) -> ApiResult<ImportedMarks> {
    let mut scopes: Vec<Option<Scope>> = Vec::with_capacity(lines.len());
    for line in &mut lines {
        let scope = line.read.as_ref().ok().map(|new| marker.scope(new));
        scopes.push(match scope {
            Some(Err((field, text))) => {
                line.fault(field, text);
                None
            }
            scope => scope.and_then(Result::ok),
        });
    }
    let named: Vec<Scope> = scopes.iter().copied().flatten().collect();
    let existing = marker.existing(tx, &named).await?;
    let mut seen: HashMap<Kept, u64> = HashMap::new();
    for (line, scope) in lines.iter_mut().zip(&mut scopes) {
        let (Some(of), Ok(new)) = (*scope, &line.read) else {
            continue;
        };
        let twice = seen.get(&kept(of, new)).copied();
        if !is_there(of, &existing) {
            line.fault("scopeId", missing(of));
            *scope = None;
        } else if let Some(first) = twice {
            line.fault("caller", format!("The same as in line {first}."));
            *scope = None;
        } else {
            seen.insert(kept(of, new), line.line);
        }
    }
    let marks: Vec<(Scope, &NewMark)> = lines
        .iter()
        .zip(&scopes)
        .filter_map(|(line, scope)| Some(((*scope)?, line.read.as_ref().ok()?)))
        .collect();
    let made = marker.mark(tx, &marks, "import").await?;
    let told = |(line, scope): (Line<NewMark>, Option<Scope>)| match (line.read, scope) {
        (Ok(new), Some(scope)) => {
            let made = made.get(&kept(scope, &new));
            ImportedMark {
                line: line.line,
                status: if made.is_some_and(|(_, is_new)| *is_new) {
                    "created"
                } else {
                    "replaced"
                },
                id: made.map(|(id, _)| *id).filter(|_| !dry_run),
                caller: Some(new.caller),
                errors: None,
            }
        }
        (read, _) => ImportedMark {
            line: line.line,
            status: "faulty",
            caller: None,
            id: None,
            errors: read.err(),
        },
    };
    let lines: Vec<ImportedMark> = lines.into_iter().zip(scopes).map(told).collect();
    let number = |status: &str| lines.iter().filter(|line| line.status == status).count();
    Ok(ImportedMarks {
        dry_run,
        created: number("created"),
        replaced: number("replaced"),
        faulty: number("faulty"),
        lines,
    })
}

/// A seller's is the seller's.
pub async fn delete(tx: &Tx, id: i64) -> ApiResult<()> {
    let mark = find(tx, id).await?;
    match tx.execute(DELETE, &[&id]).await? {
        0 => Err(ApiError::forbidden(
            "set_by_another",
            format!(
                "Mark {id} is of a {}: the seller alone takes it away.",
                mark.scope
            ),
        )),
        _ => Ok(()),
    }
}

/// Everywhere. Audited, without the number.
pub async fn erase(tx: &Tx, caller: &str) -> ApiResult<Erased> {
    let row = tx.row(ERASE, &[&caller]).await?;
    Ok(Erased {
        marks: row.get("marks"),
        calls: row.get("calls"),
        records: row.get("records"),
    })
}
