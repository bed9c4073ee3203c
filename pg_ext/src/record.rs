//! A function's result, one row or many, in the shape that the SQL declares.

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{PgSqlErrorCode, pg_sys};

use crate::error::raise;
use crate::spi::Argument;

pub struct Record<const COLUMNS: usize>(pub [Argument; COLUMNS]);

/// All rows at once: asked for one after the other, each would enter the function anew, with its rights and settings.
pub struct Records<const COLUMNS: usize>(pub Vec<[Argument; COLUMNS]>);

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
            let mut shape: pg_sys::TupleDesc = std::ptr::null_mut();
            pg_sys::get_call_result_type(fcinfo.as_mut_ptr(), std::ptr::null_mut(), &mut shape);
            require_columns(shape, COLUMNS);
            let shape = pg_sys::BlessTupleDesc(shape);
            let (mut values, mut nulls) = split(self.0);
            let tuple = pg_sys::heap_form_tuple(shape, values.as_mut_ptr(), nulls.as_mut_ptr());
            fcinfo.return_raw_datum(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data))
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
