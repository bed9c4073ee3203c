//! A function's result, one row or many, in the shape that the SQL declares.

use std::cell::RefCell;
use std::rc::Rc;

use pgrx::callconv::{BoxRet, FcInfo};
use pgrx::datum::{Datum, TimestampWithTimeZone};
use pgrx::pg_sys::ffi::pg_guard_ffi_boundary;
use pgrx::pgrx_sql_entity_graph::metadata::{
    ArgumentError, ReturnsError, ReturnsRef, SqlMappingRef, SqlTranslatable, TypeOrigin,
};
use pgrx::{IntoDatum, PgMemoryContexts, PgSqlErrorCode, PgTupleDesc, pg_sys};

use crate::postgres::catalogue;
use crate::postgres::error::raise;
use crate::postgres::server::server;

/// A function's result is one row.
pub struct ResultRow<R>(pub R);

/// All rows at once: asked for one after the other, each would enter the function anew, with its rights and settings.
pub struct ResultRows<R>(pub Vec<R>);

/// A row by the names of its columns, as the SQL declares them: see `result_row`.
pub trait ResultColumns {
    const NAMES: &'static [&'static str];
    fn fill(self, row: &mut Filled);
}

/// Declares a function's row: `result_row! { struct Closed { status: &'static str, closed: i32 } }`. What is known beside it and
/// is no column of it follows as `beside { … }`.
macro_rules! result_row {
    ($(#[$doc:meta])* $visible:vis struct $name:ident {
        $($(#[$field_doc:meta])* $field_visible:vis $field:ident: $type:ty),+ $(,)?
    } $(beside { $($known:ident: $known_type:ty),+ $(,)? })?) => {
        $(#[$doc])*
        $visible struct $name {
            $($(#[$field_doc])* $field_visible $field: $type,)+
            $($($known: $known_type,)+)?
        }

        impl $crate::postgres::result_row::ResultColumns for $name {
            const NAMES: &'static [&'static str] = &[$(stringify!($field)),+];

            fn fill(self, row: &mut $crate::postgres::result_row::Filled) {
                $(row.put(self.$field);)+
            }
        }
    };
}
pub(crate) use result_row;

/// Declares a row that is another one with a column behind it: `longer_row! { struct Decision { target: Answer, settings_id: String } }`.
macro_rules! longer_row {
    ($(#[$doc:meta])* $visible:vis struct $name:ident {
        $row:ident: $columns:ident,
        $field:ident: $type:ty $(,)?
    }) => {
        $(#[$doc])*
        $visible struct $name {
            $row: $columns,
            $field: $type,
        }

        impl $crate::postgres::result_row::ResultColumns for $name {
            const NAMES: &'static [&'static str] = &{
                const BEFORE: &[&str] = <$columns as $crate::postgres::result_row::ResultColumns>::NAMES;
                let mut names = [stringify!($field); BEFORE.len() + 1];
                let mut n = 0;
                while n < BEFORE.len() {
                    names[n] = BEFORE[n];
                    n += 1;
                }
                names
            };

            fn fill(self, row: &mut $crate::postgres::result_row::Filled) {
                self.$row.fill(row);
                row.put(self.$field);
            }
        }
    };
}
pub(crate) use longer_row;

/// The widest row that a function gives.
const MOST: usize = 24;

/// A row's values, one after the other.
pub struct Filled {
    values: [pg_sys::Datum; MOST],
    nulls: [bool; MOST],
    count: usize,
}

impl Filled {
    fn of<R: ResultColumns>(row: R) -> Self {
        const { assert!(R::NAMES.len() <= MOST) };
        let mut filled = Filled {
            values: [pg_sys::Datum::null(); MOST],
            nulls: [true; MOST],
            count: 0,
        };
        row.fill(&mut filled);
        filled
    }

    pub fn put(&mut self, value: impl IntoColumn) {
        if let Some(datum) = value.into_column() {
            self.values[self.count] = datum;
            self.nulls[self.count] = false;
        }
        self.count += 1;
    }
}

/// What can be a column of a function's row; `None` is NULL.
pub trait IntoColumn {
    fn into_column(self) -> Option<pg_sys::Datum>;
}

impl<T: IntoColumn> IntoColumn for Option<T> {
    fn into_column(self) -> Option<pg_sys::Datum> {
        self.and_then(T::into_column)
    }
}

impl IntoColumn for Rc<str> {
    fn into_column(self) -> Option<pg_sys::Datum> {
        (&*self).into_datum()
    }
}

macro_rules! into_column {
    ($($type:ty),*) => {$(
        impl IntoColumn for $type {
            fn into_column(self) -> Option<pg_sys::Datum> {
                self.into_datum()
            }
        }
    )*};
}
into_column!(bool, i32, i64, f64, &'static str, String, TimestampWithTimeZone);

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
    /// Functions of many rows whose columns were looked at, each as of a state of the catalogue.
    static LOOKED_AT: RefCell<Vec<(pg_sys::Oid, u64)>> = const { RefCell::new(Vec::new()) };
}

/// The row that the function declares, which has these columns.
unsafe fn declared_shape(call: pg_sys::FunctionCallInfo, names: &[&str]) -> pg_sys::TupleDesc {
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
        require_columns(row, names);
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
unsafe fn require_columns(shape: pg_sys::TupleDesc, names: &[&str]) {
    // SAFETY: null, or a descriptor that lives as long as the call.
    let is_so = unsafe {
        !shape.is_null()
            && (*shape).natts as usize == names.len()
            && PgTupleDesc::from_pg_unchecked(shape)
                .iter()
                .zip(names)
                .all(|(column, name)| column.name() == *name)
    };
    if !is_so {
        raise(
            PgSqlErrorCode::ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "the loaded library and the extension in this database are of different releases: reconnect, or run \
             capconduit migrate",
        );
    }
}

// SAFETY: the datum is a composite of the type that PostgreSQL resolved for this very call.
unsafe impl<R: ResultColumns> BoxRet for ResultRow<R> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        unsafe {
            let shape = declared_shape(fcinfo.as_mut_ptr(), R::NAMES);
            let mut filled = Filled::of(self.0);
            let row = pg_guard_ffi_boundary(|| {
                let tuple = heap_form_tuple(shape, filled.values.as_mut_ptr(), filled.nulls.as_mut_ptr());
                HeapTupleHeaderGetDatum((*tuple).t_data)
            });
            fcinfo.return_raw_datum(row)
        }
    }
}

// SAFETY: the rows are of the type that the caller expects, which it read from the catalogue.
unsafe impl<R: ResultColumns> BoxRet for ResultRows<R> {
    unsafe fn box_into<'fcx>(self, fcinfo: &mut FcInfo<'fcx>) -> Datum<'fcx> {
        unsafe {
            let call = fcinfo.as_mut_ptr();
            pg_sys::InitMaterializedSRF(call, pg_sys::MAT_SRF_USE_EXPECTED_DESC);
            let result = (*call).resultinfo.cast::<pg_sys::ReturnSetInfo>();
            let (rows, shape) = ((*result).setResult, (*result).setDesc);
            let looked_at = ((*(*call).flinfo).fn_oid, catalogue::generation());
            if !LOOKED_AT.with_borrow(|known| known.contains(&looked_at)) {
                require_columns(shape, R::NAMES);
                LOOKED_AT.with_borrow_mut(|known| {
                    known.retain(|(function, _)| *function != looked_at.0);
                    known.push(looked_at);
                });
            }
            for row in self.0 {
                let mut filled = Filled::of(row);
                pg_sys::tuplestore_putvalues(
                    rows,
                    shape,
                    filled.values.as_mut_ptr(),
                    filled.nulls.as_mut_ptr(),
                );
            }
            fcinfo.return_null()
        }
    }
}

// SAFETY: never used to generate SQL; the declarations are written by hand.
unsafe impl<R> SqlTranslatable for ResultRow<R> {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::One(SqlMappingRef::literal("record")));
}

// SAFETY: never used to generate SQL; the declarations are written by hand.
unsafe impl<R> SqlTranslatable for ResultRows<R> {
    const TYPE_IDENT: &'static str = "record";
    const TYPE_ORIGIN: TypeOrigin = TypeOrigin::External;
    const ARGUMENT_SQL: Result<SqlMappingRef, ArgumentError> = Ok(SqlMappingRef::literal("record"));
    const RETURN_SQL: Result<ReturnsRef, ReturnsError> =
        Ok(ReturnsRef::SetOf(SqlMappingRef::literal("record")));
}
