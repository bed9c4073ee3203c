//! What PostgreSQL's executor would do beside a change, and a direct change would not: triggers, rules, checks and publications
//! that others have put on a table.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::postgres::table::{Operation, Table};

pub enum SideEffect {
    None,
    /// A statement calls it.
    Called(String),
    /// Nothing can be done with it there.
    Refused(String),
}

/// # Safety
/// The table is open and locked.
pub unsafe fn others_on(open: pg_sys::Relation, table: &Table, operation: Operation) -> SideEffect {
    // SAFETY: the table is open.
    unsafe {
        if let Some(why) = publication_in_the_way(open, operation) {
            return SideEffect::Refused(why);
        }
        match rule(open, operation) {
            Some(Rule::Instead) => return SideEffect::Refused("a rule does something instead".to_owned()),
            Some(Rule::Also) => return SideEffect::Called("a rule".to_owned()),
            None => {}
        }
        let called = trigger(open, table, operation);
        let called = match operation {
            Operation::Update => called.or_else(|| constraint(open, table)),
            _ => called,
        };
        called.map_or(SideEffect::None, SideEffect::Called)
    }
}

/// What PostgreSQL's cache tells of a trigger, copied: any look into the catalogue may let it write its entry anew, and whoever
/// makes a trigger does not wait for readers.
struct Trigger {
    kind: u32,
    function: pg_sys::Oid,
    constraint: pg_sys::Oid,
    /// Of a foreign key, the index that it refers to.
    index: pg_sys::Oid,
    has_transition_table: bool,
    name: String,
}

unsafe fn triggers(open: pg_sys::Relation) -> Vec<Trigger> {
    // SAFETY: null, or as many triggers as it says; nothing here looks into the catalogue.
    unsafe {
        let Some(triggers) = (*open).trigdesc.as_ref() else {
            return Vec::new();
        };
        let triggers = std::slice::from_raw_parts(triggers.triggers, triggers.numtriggers as usize);
        let enabled = triggers
            .iter()
            .filter(|trigger| trigger.tgenabled as u8 != pg_sys::TRIGGER_DISABLED);
        let copied = enabled.map(|trigger| Trigger {
            kind: trigger.tgtype as u32,
            function: trigger.tgfoid,
            constraint: trigger.tgconstraint,
            index: trigger.tgconstrindid,
            has_transition_table: !trigger.tgnewtable.is_null(),
            name: CStr::from_ptr(trigger.tgname).to_string_lossy().into_owned(),
        });
        copied.collect()
    }
}

/// The foreign keys of this table with their columns, copied as well.
unsafe fn foreign_keys(open: pg_sys::Relation) -> Vec<(pg_sys::Oid, Vec<i16>)> {
    // SAFETY: the list is the cache's own, and nothing looks into the catalogue while it is read.
    unsafe {
        let Some(keys) = pg_sys::RelationGetFKeyList(open).as_ref() else {
            return Vec::new();
        };
        let keys = std::slice::from_raw_parts(keys.elements, keys.length as usize);
        let keys = keys
            .iter()
            .map(|cell| &*cell.ptr_value.cast::<pg_sys::ForeignKeyCacheInfo>());
        keys.map(|key| (key.conoid, key.conkey[..key.nkeys as usize].to_vec()))
            .collect()
    }
}

/// What a direct insert leaves out is what belongs to a statement; what belongs to its row it calls.
unsafe fn trigger(open: pg_sys::Relation, table: &Table, operation: Operation) -> Option<String> {
    let event = match operation {
        Operation::Insert => pg_sys::TRIGGER_TYPE_INSERT,
        Operation::Update => pg_sys::TRIGGER_TYPE_UPDATE,
        Operation::Delete => pg_sys::TRIGGER_TYPE_DELETE,
    };
    // SAFETY: the table is open and locked.
    let of_event = unsafe { triggers(open) }
        .into_iter()
        .filter(|trigger| trigger.kind & event != 0);
    let called: Vec<Trigger> = match operation {
        Operation::Insert => of_event
            .filter(|trigger| trigger.kind & pg_sys::TRIGGER_TYPE_ROW == 0 || trigger.has_transition_table)
            .collect(),
        Operation::Update => unsafe { without_unchanged_keys(open, table, of_event.collect()) },
        Operation::Delete => of_event.collect(),
    };
    called.first().map(|trigger| format!("trigger {}", trigger.name))
}

/// The columns of an index, copied.
unsafe fn columns_of(index: pg_sys::Oid) -> Vec<i16> {
    // SAFETY: the entry is held while its columns are copied.
    unsafe {
        let kind = pg_sys::SysCacheIdentifier::INDEXRELID as i32;
        let entry = pg_sys::SearchSysCache1(kind, index.into());
        if entry.is_null() {
            return Vec::new();
        }
        let form = pg_sys::GETSTRUCT(entry).cast::<pg_sys::FormData_pg_index>();
        let columns = (*form).indkey.values.as_slice((*form).indnatts as usize).to_vec();
        pg_sys::ReleaseSysCache(entry);
        columns
    }
}

/// Those of foreign keys are not called where calls never change the columns: of this table's keys, and of those of others that
/// refer to it.
unsafe fn without_unchanged_keys(
    open: pg_sys::Relation,
    table: &Table,
    mut triggers: Vec<Trigger>,
) -> Vec<Trigger> {
    // SAFETY: the table is open; look-ups by its number and C strings.
    unsafe {
        let is_of =
            |trigger: &Trigger, end: u32| pg_sys::RI_FKey_trigger_type(trigger.function) == end as i32;
        let is_of_key = |trigger: &Trigger| {
            is_of(trigger, pg_sys::RI_TRIGGER_FK) || is_of(trigger, pg_sys::RI_TRIGGER_PK)
        };
        if triggers.iter().any(is_of_key) {
            let changed: Vec<i16> = table
                .changed
                .iter()
                .map(|name| pg_sys::get_attnum((*open).rd_id, name.as_ptr()))
                .collect();
            let keys = foreign_keys(open);
            let changes_none = |columns: &[i16]| {
                !columns.is_empty() && !columns.iter().any(|column| changed.contains(column))
            };
            triggers.retain(|trigger| {
                if is_of(trigger, pg_sys::RI_TRIGGER_PK) {
                    return !changes_none(&columns_of(trigger.index));
                }
                let key = keys
                    .iter()
                    .find(|(constraint, _)| *constraint == trigger.constraint);
                let is_unchanged = key.is_some_and(|(_, columns)| changes_none(columns));
                !(is_of_key(trigger) && is_unchanged)
            });
        }
        triggers
    }
}

/// What a new version of a row would have to be asked.
unsafe fn constraint(open: pg_sys::Relation, table: &Table) -> Option<String> {
    // SAFETY: null, or what the descriptor holds as long as the table is open.
    unsafe {
        if (*(*open).rd_rel).relispartition {
            return Some("the bounds of a partition".to_owned());
        }
        let constraints = (*(*open).rd_att).constr.as_ref()?;
        #[cfg(feature = "pg18")]
        let is_generated = constraints.has_generated_stored || constraints.has_generated_virtual;
        #[cfg(not(feature = "pg18"))]
        let is_generated = constraints.has_generated_stored;
        if is_generated {
            return Some("a generated column".to_owned());
        }
        (0..constraints.num_check as usize)
            .map(|place| CStr::from_ptr((*constraints.check.add(place)).ccname))
            .find(|name| !table.own_checks.contains(name))
            .map(|name| format!("check {}", name.to_string_lossy()))
    }
}

enum Rule {
    Also,
    Instead,
}

unsafe fn rule(open: pg_sys::Relation, operation: Operation) -> Option<Rule> {
    let event = match operation {
        Operation::Insert => pg_sys::CmdType::CMD_INSERT,
        Operation::Update => pg_sys::CmdType::CMD_UPDATE,
        Operation::Delete => pg_sys::CmdType::CMD_DELETE,
    };
    // SAFETY: null, or as many rules as it says, which live as long as the table is open.
    unsafe {
        let rules = (*open).rd_rules.as_ref()?;
        let rules = std::slice::from_raw_parts(rules.rules, rules.numLocks as usize);
        let mut on_event = rules
            .iter()
            .map(|rule| &**rule)
            .filter(|rule| rule.event == event && rule.enabled as u8 != pg_sys::TRIGGER_DISABLED)
            .peekable();
        on_event.peek()?;
        let instead = on_event.any(|rule| rule.isInstead);
        Some(if instead { Rule::Instead } else { Rule::Also })
    }
}

/// A change that subscribers would not hear of, or could not follow: the executor refuses it, too.
unsafe fn publication_in_the_way(open: pg_sys::Relation, operation: Operation) -> Option<String> {
    if operation == Operation::Insert {
        return None;
    }
    // SAFETY: the table is open; the description is filled here.
    unsafe {
        let mut published = pg_sys::PublicationDesc::default();
        pg_sys::RelationBuildPublicationDesc(open, &raw mut published);
        let (is_published, filters, columns) = match operation {
            Operation::Update => (
                published.pubactions.pubupdate,
                published.rf_valid_for_update,
                published.cols_valid_for_update,
            ),
            _ => (
                published.pubactions.pubdelete,
                published.rf_valid_for_delete,
                published.cols_valid_for_delete,
            ),
        };
        let what = if operation == Operation::Update {
            "updates"
        } else {
            "deletes"
        };
        if !(filters && columns) {
            return Some(format!(
                "it publishes {what}, and the publication's row filter or column list goes beyond its replica identity"
            ));
        }
        let is_told = (*(*open).rd_rel).relreplident as u8 == pg_sys::REPLICA_IDENTITY_FULL
            || pg_sys::RelationGetReplicaIndex(open) != pg_sys::Oid::INVALID;
        (is_published && !is_told).then(|| format!("it publishes {what} and has no replica identity"))
    }
}

/// Whether it has checks or generated columns: ours have none where calls are inserted.
pub unsafe fn has_checks(table: pg_sys::Relation) -> bool {
    // SAFETY: null, or what the descriptor holds as long as the table is open.
    unsafe { (*(*table).rd_att).constr.as_ref() }
        .is_some_and(|constraints| constraints.num_check > 0 || constraints.has_generated_stored)
}

/// Whether one of its indexes computes something, or asks a condition: ours do not.
pub unsafe fn has_computed_indexes(table: pg_sys::Relation) -> bool {
    // SAFETY: the table is open and locked, so its indexes stay; each reference is given back, or by the abort.
    unsafe {
        let Some(indexes) = pg_sys::RelationGetIndexList(table).as_ref() else {
            return false;
        };
        let indexes = std::slice::from_raw_parts(indexes.elements, indexes.length as usize);
        indexes.iter().any(|cell| {
            let index = pg_sys::RelationIdGetRelation(cell.oid_value);
            if index.is_null() {
                return false;
            }
            let row = (*index).rd_indextuple;
            let computes = [pg_sys::Anum_pg_index_indexprs, pg_sys::Anum_pg_index_indpred]
                .iter()
                .any(|column| !pg_sys::heap_attisnull(row, *column as i32, std::ptr::null_mut()));
            pg_sys::RelationClose(index);
            computes
        })
    }
}

/// Whether an insert calls others than those of foreign keys, which write their names out.
pub unsafe fn has_insert_triggers(table: pg_sys::Relation) -> bool {
    // SAFETY: null, or as many triggers as it says, which live as long as the table is open.
    unsafe {
        let Some(triggers) = (*table).trigdesc.as_ref() else {
            return false;
        };
        let triggers = std::slice::from_raw_parts(triggers.triggers, triggers.numtriggers as usize);
        triggers
            .iter()
            .any(|trigger| !trigger.tgisinternal && trigger.tgtype as u32 & pg_sys::TRIGGER_TYPE_INSERT != 0)
    }
}
