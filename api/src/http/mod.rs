//! What every request has in common, whatever it asks for: bodies, fields, parameters, lists, pages, versions,
//! repeats, instants, imports, exports.

pub mod body;
pub mod clock;
pub mod csv;
pub mod fields;
pub mod import;
pub mod list;
pub mod once;
pub mod page;
pub mod params;
pub mod period;
pub mod text;
pub mod version;
