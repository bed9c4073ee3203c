-- People see their sessions and end one of them. The id is of the hash, so whoever holds a session knows its id without asking.
-- The table is written anew: it has a row for each browser, and requests wait for some milliseconds.
alter table sessions
    add column id bigint generated always as ((('x' || left(encode(token_hash, 'hex'), 13))::bit(52))::bigint) stored,
    add column network text,
    add column agent text
        constraint sessions_agent_check check (length(agent) <= 200);

-- Logins stand in the audit. Checked in a file of its own: reading all of it takes a while.
alter table audit_log drop constraint audit_log_action_check;
alter table audit_log add constraint audit_log_action_check
    check (action in ('insert', 'update', 'delete', 'adjust', 'release', 'reconcile', 'login', 'login_failed')) not valid;
