//! A function's one result row, in the shape that the SQL declares.

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::Datum;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{PgSqlErrorCode, pg_sys};

use crate::error::raise;
use crate::spi::Argument;

pub struct Record<const COLUMNS: usize>(pub [Argument; COLUMNS]);

/// The row that the catalogue declares for this very call. An extension script of another release may declare another.
///
/// # Safety
/// `fcinfo` is the call under way.
pub unsafe fn shape(fcinfo: pg_sys::FunctionCallInfo, columns: usize) -> pg_sys::TupleDesc {
    unsafe {
        let mut shape: pg_sys::TupleDesc = std::ptr::null_mut();
        let class = pg_sys::get_call_result_type(fcinfo, std::ptr::null_mut(), &mut shape);
        let is_row = class == pg_sys::TypeFuncClass::TYPEFUNC_COMPOSITE;
        if !is_row || (*shape).natts as usize != columns {
            raise(
                PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                "the loaded library and the extension in this database are of different releases: reconnect, or run \
                 capconduit migrate",
            );
        }
        shape
    }
}

// SAFETY: the datum is a composite of the type that PostgreSQL resolved for this very call.
unsafe impl<const COLUMNS: usize> BoxRet for Record<COLUMNS> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        unsafe {
            let shape = shape(fcinfo.as_mut_ptr(), COLUMNS);
            let shape = pg_sys::BlessTupleDesc(shape);
            let mut values = self.0.map(|value| value.unwrap_or(pg_sys::Datum::from(0)));
            let mut nulls = self.0.map(|value| value.is_none());
            let tuple = pg_sys::heap_form_tuple(shape, values.as_mut_ptr(), nulls.as_mut_ptr());
            fcinfo.return_raw_datum(pg_sys::HeapTupleHeaderGetDatum((*tuple).t_data))
        }
    }
}

// SAFETY: never used to generate SQL; the declarations are written by hand.
unsafe impl<const COLUMNS: usize> SqlTranslatable for Record<COLUMNS> {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("record")));
}
