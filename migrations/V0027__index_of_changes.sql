-- Records in the order of their changes: `changed_after` of the REST API. Where there are records, `migrate` has built it before,
-- while calls went on.
create index if not exists call_logs_changed_xid_id_idx on call_logs (changed_xid, id);
