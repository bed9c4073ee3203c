-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, call_logs, campaigns in access exclusive mode;

-- Where the calls go that a campaign has nobody for: see overflow_fault. In the row that a decision reads anyway: it touches no further page.
alter table campaigns add column overflow jsonb;
create trigger campaigns_check_overflow before insert or update of overflow, user_id on campaigns
    for each row when (new.overflow is not null) execute function check_overflow();
create trigger campaigns_forget_overflow after delete or update of user_id on campaigns
    for each row execute function forget_overflow('campaign');
create trigger campaign_client_settings_forget_overflow after delete on campaign_client_settings
    for each row execute function forget_overflow('link');

-- Why a call, or the call of a record, went beyond those that its campaign asks first; and where it went to another campaign, whose it is now:
-- which one it left, and when it got its first slot in the other. It counts in both. No foreign keys: what is gone has no counters.
alter table live_calls
    add column overflow_exit text,
    add column overflowed_from bigint,
    add column overflowed_at timestamptz;
alter table call_logs
    add column overflow_exit text,
    add column overflowed_from bigint,
    add column overflowed_at timestamptz;
