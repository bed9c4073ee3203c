//! The tables that are reached without a plan, and what is taken for granted of them: columns, indexes, what is written.
//! `access` looks whether it is so.

use std::ffi::CStr;

use pgrx::pg_sys::{BOOLOID, INT4OID, INT8ARRAYOID, INT8OID, Oid, TEXTOID, TIMESTAMPTZOID};

/// A column and its type.
pub type Column = (&'static CStr, Oid);

pub struct Table {
    pub name: &'static CStr,
    pub columns: &'static [Column],
    /// What an optional index holds; an older schema has none of them.
    pub copies: &'static [Column],
    pub indexes: &'static [Index],
    pub written: &'static [Operation],
    /// Columns that are changed; no others ever are.
    pub changed: &'static [&'static CStr],
    /// Checks that the changes themselves hold.
    pub own_checks: &'static [&'static CStr],
}

/// Found by its columns, whatever its name; of several the one of this name.
pub struct Index {
    pub name: &'static CStr,
    /// Its first columns, in this order.
    pub columns: &'static [&'static CStr],
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It keeps these columns single.
    Unique,
    Plain,
    /// It holds copies for decisions, and may be missing.
    Optional,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    Insert,
    Update,
    Delete,
}

const fn unique(name: &'static CStr, columns: &'static [&'static CStr]) -> Index {
    let kind = Kind::Unique;
    Index { name, columns, kind }
}

const fn plain(name: &'static CStr, columns: &'static [&'static CStr]) -> Index {
    let kind = Kind::Plain;
    Index { name, columns, kind }
}

const fn optional(name: &'static CStr, columns: &'static [&'static CStr]) -> Index {
    let kind = Kind::Optional;
    Index { name, columns, kind }
}

const fn read_only(name: &'static CStr, columns: &'static [Column], indexes: &'static [Index]) -> Table {
    Table {
        name,
        columns,
        copies: &[],
        indexes,
        written: &[],
        changed: &[],
        own_checks: &[],
    }
}

const fn with_copies(copies: &'static [Column], table: Table) -> Table {
    Table { copies, ..table }
}

pub const TABLES: &[Table] = &[
    Table {
        name: c"live_calls",
        columns: &[
            (c"uniqueid", TEXTOID),
            (c"linkedid", TEXTOID),
            (c"node", TEXTOID),
            (c"user_id", INT8OID),
            (c"campaign_id", INT8OID),
            (c"did_id", INT8OID),
            (c"did_number", TEXTOID),
            (c"routing_strategy", TEXTOID),
            (c"link_id", INT8OID),
            (c"client_id", INT8OID),
            (c"holds_slot", BOOLOID),
            (c"attempt", INT4OID),
            (c"tried", INT8ARRAYOID),
            (c"caller_number", TEXTOID),
            (c"caller_name", TEXTOID),
            (c"routed_at", TIMESTAMPTZOID),
            (c"attempt_at", TIMESTAMPTZOID),
            (c"answered_at", TIMESTAMPTZOID),
            (c"dial_timeout_seconds", INT4OID),
            (c"attempt_timeout_seconds", INT4OID),
            (c"ring_deadline", TIMESTAMPTZOID),
            (c"max_call_seconds", INT4OID),
            (c"lease_until", TIMESTAMPTZOID),
            (c"end_reason", TEXTOID),
            (c"end_cause", INT4OID),
            (c"decision", TEXTOID),
        ],
        copies: &[],
        indexes: &[
            unique(c"live_calls_pkey", &[c"uniqueid"]),
            plain(c"live_calls_lease_until_idx", &[c"lease_until"]),
        ],
        written: &[Operation::Insert, Operation::Update, Operation::Delete],
        changed: &[
            c"tried",
            c"link_id",
            c"client_id",
            c"holds_slot",
            c"attempt",
            c"attempt_at",
            c"attempt_timeout_seconds",
            c"end_reason",
            c"end_cause",
            c"decision",
        ],
        own_checks: &[],
    },
    Table {
        name: c"link_counters",
        columns: &[
            (c"link_id", INT8OID),
            (c"active", INT4OID),
            (c"total", INT8OID),
            (c"last_seq", INT8OID),
        ],
        copies: &[],
        indexes: &[unique(c"link_counters_pkey", &[c"link_id"])],
        written: &[Operation::Update],
        changed: &[c"active", c"total", c"last_seq"],
        own_checks: &[c"link_counters_active_check"],
    },
    Table {
        name: c"call_logs",
        columns: &[
            (c"id", INT8OID),
            (c"asterisk_uniqueid", TEXTOID),
            (c"asterisk_linkedid", TEXTOID),
            (c"user_id", INT8OID),
            (c"campaign_id", INT8OID),
            (c"did_id", INT8OID),
            (c"client_id", INT8OID),
            (c"link_id", INT8OID),
            (c"node", TEXTOID),
            (c"incoming_did_number", TEXTOID),
            (c"caller_id_num", TEXTOID),
            (c"caller_id_name", TEXTOID),
            (c"timestamp_start", TIMESTAMPTZOID),
            (c"timestamp_answered", TIMESTAMPTZOID),
            (c"timestamp_end", TIMESTAMPTZOID),
            (c"duration_seconds", INT4OID),
            (c"billsec_seconds", INT4OID),
            (c"call_status", TEXTOID),
            (c"hangup_cause_code", INT4OID),
            (c"hangup_cause_text", TEXTOID),
            (c"hangup_by", TEXTOID),
            (c"sip_call_id", TEXTOID),
            (c"attempts", INT4OID),
            (c"counted", BOOLOID),
            (c"late_excess", BOOLOID),
            (c"decision", TEXTOID),
            (c"created_at", TIMESTAMPTZOID),
        ],
        copies: &[],
        indexes: &[unique(
            c"call_logs_asterisk_uniqueid_key",
            &[c"asterisk_uniqueid"],
        )],
        written: &[Operation::Insert],
        changed: &[],
        own_checks: &[],
    },
    Table {
        name: c"call_attempts",
        columns: &[
            (c"uniqueid", TEXTOID),
            (c"attempt", INT4OID),
            (c"user_id", INT8OID),
            (c"link_id", INT8OID),
            (c"client_id", INT8OID),
            (c"dial_status", TEXTOID),
            (c"hangup_cause", INT4OID),
            (c"started_at", TIMESTAMPTZOID),
            (c"ended_at", TIMESTAMPTZOID),
        ],
        copies: &[],
        indexes: &[],
        written: &[Operation::Insert],
        changed: &[],
        own_checks: &[],
    },
    read_only(
        c"dids",
        &[
            (c"id", INT8OID),
            (c"user_id", INT8OID),
            (c"number", TEXTOID),
            (c"status", TEXTOID),
        ],
        &[unique(c"dids_number_key", &[c"number"])],
    ),
    read_only(
        c"users",
        &[(c"id", INT8OID), (c"status", TEXTOID)],
        &[unique(c"users_pkey", &[c"id"])],
    ),
    read_only(
        c"campaigns",
        &[
            (c"id", INT8OID),
            (c"user_id", INT8OID),
            (c"status", TEXTOID),
            (c"name", TEXTOID),
            (c"routing_strategy", TEXTOID),
            (c"dial_timeout_seconds", INT4OID),
            (c"max_ring_seconds", INT4OID),
        ],
        &[unique(c"campaigns_pkey", &[c"id"])],
    ),
    with_copies(
        &[
            (c"did_number", TEXTOID),
            (c"did_user_id", INT8OID),
            (c"did_status", TEXTOID),
        ],
        read_only(
            c"campaign_dids",
            &[(c"did_id", INT8OID), (c"campaign_id", INT8OID)],
            &[
                unique(c"campaign_dids_pkey", &[c"did_id", c"campaign_id"]),
                optional(c"campaign_dids_number_idx", &[c"did_number", c"campaign_id"]),
            ],
        ),
    ),
    with_copies(
        &[
            (c"client_endpoint", TEXTOID),
            (c"client_status", TEXTOID),
            (c"client_has_contact", BOOLOID),
            (c"campaign_user_id", INT8OID),
            (c"campaign_owner_status", TEXTOID),
            (c"campaign_status", TEXTOID),
            (c"campaign_strategy", TEXTOID),
        ],
        read_only(
            c"campaign_client_settings",
            &[
                (c"id", INT8OID),
                (c"campaign_id", INT8OID),
                (c"client_id", INT8OID),
                (c"status", TEXTOID),
                (c"max_concurrency", INT4OID),
                (c"total_calls_allowed", INT8OID),
                (c"forwarding_priority", INT4OID),
                (c"weight", INT4OID),
            ],
            &[
                unique(c"campaign_client_settings_pkey", &[c"id"]),
                plain(
                    c"campaign_client_settings_campaign_id_client_id_key",
                    &[c"campaign_id"],
                ),
                optional(c"campaign_client_settings_decision_idx", &[c"campaign_id", c"id"]),
            ],
        ),
    ),
    read_only(
        c"clients",
        &[
            (c"id", INT8OID),
            (c"client_identifier", TEXTOID),
            (c"status", TEXTOID),
        ],
        &[unique(c"clients_pkey", &[c"id"])],
    ),
    read_only(
        c"pjsip_aors",
        &[(c"client_id", INT8OID), (c"contact", TEXTOID)],
        &[unique(c"pjsip_aors_pkey", &[c"client_id"])],
    ),
    read_only(
        c"pjsip_endpoints",
        &[(c"client_id", INT8OID), (c"callerid", TEXTOID)],
        &[unique(c"pjsip_endpoints_pkey", &[c"client_id"])],
    ),
    read_only(
        c"pjsip_contacts",
        &[(c"endpoint", TEXTOID), (c"expiration_time", INT8OID)],
        &[plain(c"pjsip_contacts_endpoint_idx", &[c"endpoint"])],
    ),
];

impl Table {
    /// One of ours, with its place among them.
    pub fn find(name: &CStr) -> (usize, &'static Table) {
        let mut found = TABLES.iter().enumerate().filter(|(_, table)| table.name == name);
        found
            .next()
            .unwrap_or_else(|| panic!("{name:?} is not among the tables that are reached without a plan"))
    }

    /// A column's type.
    pub fn type_of(&self, column: &CStr) -> Oid {
        let columns = self.columns.iter().chain(self.copies);
        let mut found = columns.filter(|(name, _)| *name == column);
        let (_, kind) = found
            .next()
            .unwrap_or_else(|| panic!("column {column:?} of {:?} is not declared", self.name));
        *kind
    }
}
