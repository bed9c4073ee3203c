-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, clients, campaigns, campaign_client_settings, link_counters, call_logs in access exclusive mode;

-- The zone in which the days of a client's links begin and end.
alter table clients add column time_zone text not null default 'UTC';
create trigger clients_check_time_zone before insert or update of time_zone on clients
    for each row execute function check_time_zone();

-- What a good call is: answered, and talked for so long. A link may have its own; a call keeps what was set when it was routed.
alter table campaigns add column qualify_seconds integer not null default 30
    constraint campaigns_qualify_seconds_check check (qualify_seconds between 0 and 86400);
alter table campaign_client_settings add column qualify_seconds integer
    constraint campaign_client_settings_qualify_seconds_check check (qualify_seconds between 0 and 86400);
alter table live_calls add column qualify_seconds integer;

-- When the call got its slot, which decides the window that it belongs to, and whether it was a good one.
alter table call_logs
    add column reserved_at timestamptz,
    add column qualify_seconds integer,
    add column qualified boolean not null default false;

-- What a link's calls came to since this migration. From the last window's start to the first one's end no window turns.
alter table link_counters
    add column offered bigint not null default 0,
    add column answered bigint not null default 0,
    add column qualified bigint not null default 0,
    add column unsettled integer not null default 0,
    add column windows_from timestamptz not null default '-infinity',
    add column windows_until timestamptz not null default '-infinity';

-- The present window of each span, with the counts of link_counters as they stood at its start: what was used since is the
-- difference. Written where a window turns, or a call ends that was reserved before.
create table link_windows (
    link_id bigint not null,
    span text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    time_zone text not null,
    active integer not null,
    unsettled integer not null,
    offered bigint not null,
    answered bigint not null,
    qualified bigint not null,
    constraint link_windows_pkey primary key (link_id, span),
    constraint link_windows_span_check check (span in ('hour', 'day', 'week', 'month')),
    constraint link_windows_bounds_check check (starts_at < ends_at)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

-- What an open window has used without a row behind it: records that were purged, corrections by hand.
create table link_adjustments (
    id bigint generated always as identity,
    link_id bigint not null,
    span text not null,
    starts_at timestamptz not null,
    offered bigint not null default 0,
    answered bigint not null default 0,
    qualified bigint not null default 0,
    reason text not null,
    user_id bigint,
    created_at timestamptz not null default now(),
    constraint link_adjustments_pkey primary key (id)
);
create unique index link_adjustments_purged_idx on link_adjustments (link_id, span, starts_at) where reason = 'purged';
-- A foreign key would do it, too. But it would be asked at each change of the counters.
create trigger link_counters_delete_windows after delete on link_counters
    for each row execute function delete_windows();
