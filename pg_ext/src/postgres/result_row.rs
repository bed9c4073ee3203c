//! A function's result, one row or many, in the shape that the SQL declares.

use std::cell::RefCell;

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{PgMemoryContexts, PgSqlErrorCode, pg_sys};

use crate::postgres::catalogue;
use crate::postgres::error::raise;
use crate::postgres::server::server;
use crate::postgres::spi::Argument;

pub struct Record<const COLUMNS: usize>(pub [Argument; COLUMNS]);

/// All rows at once: asked for one after the other, each would enter the function anew, with its rights and settings.
pub struct Records<const COLUMNS: usize>(pub Vec<[Argument; COLUMNS]>);

server! {
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    fn heap_form_tuple(shape: pg_sys::TupleDesc, values: *mut pg_sys::Datum, nulls: *mut bool) -> pg_sys::HeapTuple;
    #[cfg(not(any(feature = "pg15", feature = "pg16")))]
    fn heap_form_tuple(shape: pg_sys::TupleDesc, values: *const pg_sys::Datum, nulls: *const bool) -> pg_sys::HeapTuple;
    fn HeapTupleHeaderGetDatum(row: pg_sys::HeapTupleHeader) -> pg_sys::Datum;
}

/// The row that a function is declared to return, as of a state of the catalogue. No function's declaration can change, but
/// a type that it names can.
struct Shape {
    function: pg_sys::Oid,
    generation: u64,
    row: pg_sys::TupleDesc,
}

thread_local! {
    /// What was found once: to put it together takes as long as a look-up of three rows.
    static SHAPES: RefCell<Vec<Shape>> = const { RefCell::new(Vec::new()) };
}

/// Null where the function declares no row.
unsafe fn declared_shape(call: pg_sys::FunctionCallInfo) -> pg_sys::TupleDesc {
    // SAFETY: the call is going on; copies live as long as the backend, or until they are replaced.
    unsafe {
        let function = (*(*call).flinfo).fn_oid;
        let known = SHAPES.with_borrow(|shapes| {
            let mut found = shapes.iter().filter(|shape| shape.function == function);
            found.next().map(|shape| (shape.generation, shape.row))
        });
        if let Some((generation, row)) = known
            && generation == catalogue::generation()
        {
            return row;
        }
        let generation = catalogue::generation();
        let mut row: pg_sys::TupleDesc = std::ptr::null_mut();
        pg_sys::get_call_result_type(call, std::ptr::null_mut(), &mut row);
        if row.is_null() {
            return row;
        }
        let row = PgMemoryContexts::TopMemoryContext
            .switch_to(|_| pg_sys::CreateTupleDescCopy(pg_sys::BlessTupleDesc(row)));
        SHAPES.with_borrow_mut(|shapes| {
            shapes.retain(|shape| shape.function != function);
            shapes.push(Shape {
                function,
                generation,
                row,
            });
        });
        if let Some((_, replaced)) = known {
            pg_sys::FreeTupleDesc(replaced);
        }
        row
    }
}

/// An extension script of another release may declare another row.
unsafe fn require_columns(shape: pg_sys::TupleDesc, columns: usize) {
    // SAFETY: null, or a descriptor that lives as long as the call.
    if shape.is_null() || unsafe { (*shape).natts } as usize != columns {
        raise(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "the loaded library and the extension in this database are of different releases: reconnect, or run \
             capconduit migrate",
        );
    }
}

// SAFETY: the datum is a composite of the type that PostgreSQL resolved for this very call.
unsafe impl<const COLUMNS: usize> BoxRet for Record<COLUMNS> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        unsafe {
            let shape = declared_shape(fcinfo.as_mut_ptr());
            require_columns(shape, COLUMNS);
            let (mut values, mut nulls) = split(self.0);
            let row = pg_guard_ffi_boundary(|| {
                let tuple = heap_form_tuple(shape, values.as_mut_ptr(), nulls.as_mut_ptr());
                HeapTupleHeaderGetDatum((*tuple).t_data)
            });
            fcinfo.return_raw_datum(row)
        }
    }
}

// SAFETY: the rows are of the type that the caller expects, which it read from the catalogue.
unsafe impl<const COLUMNS: usize> BoxRet for Records<COLUMNS> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        unsafe {
            let call = fcinfo.as_mut_ptr();
            pg_sys::InitMaterializedSRF(call, pg_sys::MAT_SRF_USE_EXPECTED_DESC);
            let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let (rows, shape) = ((*result).setResult, (*result).setDesc);
            require_columns(shape, COLUMNS);
            for row in self.0 {
                let (mut values, mut nulls) = split(row);
                pg_sys::tuplestore_putvalues(rows, shape, values.as_mut_ptr(), nulls.as_mut_ptr());
            }
            fcinfo.return_null()
        }
    }
}

fn split<const COLUMNS: usize>(row: [Argument; COLUMNS]) -> ([pg_sys::Datum; COLUMNS], [bool; COLUMNS]) {
    (
        row.map(|value| value.unwrap_or(pg_sys::Datum::from(0))),
        row.map(|value| value.is_none()),
    )
}

// SAFETY: never used to generate SQL; the declarations are written by hand.
unsafe impl<const COLUMNS: usize> SqlTranslatable for Record<COLUMNS> {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("record")));
}

// SAFETY: never used to generate SQL; the declarations are written by hand.
unsafe impl<const COLUMNS: usize> SqlTranslatable for Records<COLUMNS> {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::SetOf(SqlMappingRef::literal("record")));
}
