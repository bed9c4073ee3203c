-- For whoever copies records: which transaction wrote a record last. Those of before have 0, without being written anew.
alter table call_logs add column changed_xid xid8 not null default '0';
alter table call_logs alter column changed_xid set default pg_current_xact_id();
create trigger call_logs_changed before update on call_logs
    for each row execute function mark_changed();
