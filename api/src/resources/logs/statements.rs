//! The statements that read call records.

/// The arguments of `Filter::args`. Each is planned with its value, so that what is not given costs nothing.
macro_rules! filter {
    () => {
        "($1::timestamptz is null or g.timestamp_start >= $1) and ($2::timestamptz is null or g.timestamp_start < $2) \
         and ($3::bigint is null or g.campaign_id = $3) and ($4::bigint is null or g.did_id = $4) \
         and ($5::bigint is null or g.client_id = $5) and ($6::bigint is null or g.link_id = $6) \
         and ($7::text is null or g.call_status = $7) and ($8::text is null or g.caller_id_num = $8) \
         and ($9::text is null or g.asterisk_uniqueid = $9) and ($10::bigint is null or g.user_id = $10) \
         and ($11::integer is null or g.billsec_seconds >= $11) and ($12::text is null or g.hangup_by = $12) \
         and ($13::text is null or g.node = $13) and ($14::text is null or g.sip_call_id = $14) \
         and ($15::text is null or starts_with(g.caller_id_num, $15) \
              or starts_with(lower(g.caller_id_name), lower($15)))"
    };
}

/// What `CallRecord` is made of. A name is null when what it belonged to is gone.
macro_rules! columns {
    () => {
        "g.id, g.campaign_id, c.name as campaign_name, g.did_id, d.number as did_number, g.client_id, \
         k.name as client_name, k.client_identifier, g.incoming_did_number, g.caller_id_num, g.caller_id_name, \
         g.timestamp_start, g.timestamp_answered, g.timestamp_end, g.duration_seconds, g.billsec_seconds, g.call_status, \
         g.hangup_cause_code, g.hangup_cause_text, g.hangup_by, g.link_id, g.node, g.sip_call_id, g.counted, \
         g.asterisk_uniqueid, g.asterisk_linkedid, g.created_at, u.id as owner_id, g.qualified, g.reserved_at, g.overflow_exit, \
         g.overflowed_from"
    };
}

macro_rules! names {
    () => {
        "left join campaigns c on c.id = g.campaign_id \
         left join dids d on d.id = g.did_id \
         left join clients k on k.id = g.client_id \
         left join users u on u.id = g.user_id"
    };
}

/// The records first, by index and limited, then the names: at any depth a page reads a page.
macro_rules! records {
    ($continue:literal, $order:literal, $limit:literal) => {
        concat!(
            "select ",
            columns!(),
            " from (select * from call_logs g where ",
            filter!(),
            $continue,
            " order by ",
            $order,
            $limit,
            ") g ",
            names!(),
            " order by ",
            $order
        )
    };
}

pub const BY_PAGE: &str = records!("", "g.timestamp_start desc, g.id desc", " limit $16 offset $17");
pub const BY_PAGE_AS_RECORDED: &str = records!("", "g.id desc", " limit $16 offset $17");
pub const BY_CURSOR: &str = records!(
    " and ($17::timestamptz is null or (g.timestamp_start, g.id) < ($17, $18))",
    "g.timestamp_start desc, g.id desc",
    " limit $16"
);
/// $17 is the same cursor's start; only its id counts in this order.
pub const BY_CURSOR_AS_RECORDED: &str = records!(
    " and ($17::timestamptz is null or g.id < $18)",
    "g.id desc",
    " limit $16"
);
/// Behind $3 of transaction $2, before transaction $4. PostgreSQL's numbers of transactions are text on their way.
pub const CHANGED: &str = concat!(
    "select ",
    columns!(),
    ", g.changed_xid::text as changed_xid from (\
         select * from call_logs g \
          where (g.changed_xid, g.id) > ($2::text::xid8, $3) and g.changed_xid < $4::text::xid8 \
            and ($5::bigint is null or g.user_id = $5) \
          order by g.changed_xid, g.id limit $1) g ",
    names!(),
    " order by g.changed_xid, g.id"
);
/// Below `settled` every transaction has ended, whatever is read later. The timeline is the one that is written now: the control
/// file's may lag behind a promotion.
pub const HORIZON: &str = "\
    select concat_ws('.', c.system_identifier, d.oid) as database, left(pg_walfile_name(pg_current_wal_lsn()), 8) as timeline,
           pg_snapshot_xmin(pg_current_snapshot())::text as settled, pg_snapshot_xmax(pg_current_snapshot())::text as next
      from pg_control_system() c
      join pg_database d on d.datname = current_database()";
pub const FLUSH: &str = "select flush_seen()";

pub const COUNT: &str = concat!("select count(*) from call_logs g where ", filter!());

/// One record, by the id in $1.
pub const ONE: &str = concat!(
    "select ",
    columns!(),
    ", g.decision, g.attempts from call_logs g ",
    names!(),
    " where g.id = $1"
);
pub const ATTEMPTS: &str = "\
    select a.attempt, a.link_id, a.client_id, k.name as client_name, k.client_identifier, a.dial_status, a.hangup_cause, a.started_at,
           a.ended_at
      from call_attempts a
      left join clients k on k.id = a.client_id
     where a.uniqueid = $1
     order by a.attempt";

pub const SELLER_STATEMENTS: &[&str] = &[BY_PAGE, BY_CURSOR, COUNT, ONE, ATTEMPTS, CHANGED, HORIZON, FLUSH];
pub const STAFF_STATEMENTS: &[&str] = &[
    BY_PAGE_AS_RECORDED,
    BY_CURSOR_AS_RECORDED,
    CHANGED,
    HORIZON,
    FLUSH,
];
