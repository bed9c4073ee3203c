-- The indexes of lists that filter what grows. Apart from the columns of before: who changes numbers waits while they are
-- built, a call only reads there and goes on.

-- A seller's numbers by how they begin, in the order of their digits whatever the database's collation.
create index dids_user_id_digits_idx on dids (user_id, (number collate "C"));
-- The same over all sellers.
create index dids_digits_idx on dids ((number collate "C"));
-- The audit of a time, of a user, of an action, newest first.
create index audit_log_at_idx on audit_log (at);
create index audit_log_user_id_id_idx on audit_log (user_id, id);
create index audit_log_action_id_idx on audit_log (action, id);
