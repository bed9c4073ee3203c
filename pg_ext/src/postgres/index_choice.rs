//! Which index of a table serves a look-up: found by its columns, whatever its name.

use std::ffi::CStr;

use pgrx::pg_sys;

use crate::postgres::table::{Index, IndexKind, Table};

#[derive(Clone, Copy)]
pub struct FoundIndex {
    pub oid: pg_sys::Oid,
    /// A snapshot older than this transaction may miss rows in it.
    pub not_before: Option<pg_sys::TransactionId>,
}

pub fn missing(index: &Index) -> String {
    let columns: Vec<_> = index.columns.iter().map(|name| name.to_string_lossy()).collect();
    let kind = if index.kind == IndexKind::Unique {
        "unique "
    } else {
        ""
    };
    format!(
        "it has no valid {kind}B-tree index of all rows on ({})",
        columns.join(", ")
    )
}

/// The index by its columns: a new one may bear another name.
pub unsafe fn find_index(open: pg_sys::Relation, table: &Table, wanted: &Index) -> Option<FoundIndex> {
    // SAFETY: the table is locked, so its indexes stay.
    unsafe {
        let all = pg_sys::RelationGetIndexList(open).as_ref()?;
        let all = std::slice::from_raw_parts(all.elements, all.length as usize);
        let mut found = None;
        for cell in all {
            let index = pg_sys::RelationIdGetRelation(cell.oid_value);
            if index.is_null() {
                continue;
            }
            let suits = suits(index, (*open).rd_id, table, wanted);
            let named = CStr::from_ptr((*(*index).rd_rel).relname.data.as_ptr()) == wanted.name;
            if suits && (found.is_none() || named) {
                found = Some(FoundIndex {
                    oid: (*index).rd_id,
                    not_before: not_before(index),
                });
            }
            pg_sys::RelationClose(index);
        }
        found
    }
}

/// The transaction whose snapshots and later ones find every row in it.
unsafe fn not_before(index: pg_sys::Relation) -> Option<pg_sys::TransactionId> {
    // SAFETY: an index's descriptor holds its row of the catalogue.
    unsafe {
        let row = &*(*(*index).rd_indextuple).t_data;
        let frozen = pg_sys::HEAP_XMIN_FROZEN as u16;
        let is_old = row.t_infomask & frozen == frozen;
        ((*(*index).rd_index).indcheckxmin && !is_old).then_some(row.t_choice.t_heap.t_xmin)
    }
}

unsafe fn suits(index: pg_sys::Relation, owner: pg_sys::Oid, table: &Table, wanted: &Index) -> bool {
    // SAFETY: a B-tree's descriptor has these arrays, as long as its columns.
    unsafe {
        let form = &*(*index).rd_index;
        let is_whole = form.indisvalid
            && form.indisready
            && form.indislive
            && (*(*index).rd_rel).relam == pg_sys::BTREE_AM_OID
            && pg_sys::heap_attisnull(
                (*index).rd_indextuple,
                pg_sys::Anum_pg_index_indpred as i32,
                std::ptr::null_mut(),
            );
        let width = wanted.columns.len();
        if !is_whole || (form.indnkeyatts as usize) < width {
            return false;
        }
        if wanted.kind == IndexKind::Unique
            && !(form.indisunique && form.indimmediate && form.indnkeyatts as usize == width)
        {
            return false;
        }
        let holds = form.indkey.values.as_slice(form.indnatts as usize);
        wanted.columns.iter().enumerate().all(|(place, name)| {
            let ascending = *(*index).rd_indoption.add(place) as u32 & pg_sys::INDOPTION_DESC == 0;
            holds[place] == pg_sys::get_attnum(owner, name.as_ptr())
                && *(*index).rd_opfamily.add(place) == family(table.type_of(name))
                && (place == 0 || ascending)
        })
    }
}

/// The usual order of a type; others (`text_pattern_ops`) compare otherwise.
fn family(kind: pg_sys::Oid) -> pg_sys::Oid {
    const DATETIME_OPS: u32 = 434;
    match kind {
        pg_sys::INT8OID => pg_sys::INTEGER_BTREE_FAM_OID,
        pg_sys::TEXTOID => pg_sys::TEXT_BTREE_FAM_OID,
        pg_sys::TIMESTAMPTZOID => DATETIME_OPS.into(),
        other => panic!("no index begins with a column of type {other:?}"),
    }
}
