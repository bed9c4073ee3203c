//! Encryption towards the database.

pub type Tls = tokio_postgres::NoTls;
