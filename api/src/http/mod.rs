//! What every request has in common, whatever it asks for: errors, bodies, fields, pages, the outer layers.

pub mod body;
pub mod clock;
pub mod error;
pub mod fields;
pub mod layers;
pub mod page;
pub mod params;
pub mod sql_error;
pub mod version;
pub mod zone;
