//! Objects from rows, by the names of columns: never by their places.

/// Declares an object whose fields are columns of the same names: `row! { struct Did { id: i64, number: String } }`.
macro_rules! row {
    ($(#[$attribute:meta])* $visible:vis struct $name:ident {
        $($(#[$field_attribute:meta])* $field_visible:vis $field:ident: $type:ty),+ $(,)?
    }) => {
        $(#[$attribute])*
        $visible struct $name {
            $($(#[$field_attribute])* $field_visible $field: $type,)+
        }

        impl From<&tokio_postgres::Row> for $name {
            fn from(row: &tokio_postgres::Row) -> Self {
                $name {
                    $($field: row.get(stringify!($field)),)+
                }
            }
        }
    };
}
pub(crate) use row;
