-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, clients, link_counters, caps in access exclusive mode;

-- Whether a client has counters of its own, and its links' move them, too. Both are set with the client's first cap and stay: a
-- cap that is made again has forgotten nothing.
alter table clients add column metered boolean not null default false;
alter table link_counters add column client_metered boolean not null default false;

-- That a client is metered is no change of what people set of it.
create or replace trigger clients_version before update on clients
    for each row when (old.metered = new.metered) execute function move_version();
create or replace trigger clients_updated_at before update on clients
    for each row when (old.metered = new.metered) execute function set_updated_at();

-- What the calls of all links of a client come to: as link_counters and its windows.
create table client_counters (
    client_id bigint not null,
    active integer not null,
    unsettled integer not null,
    offered bigint not null,
    answered bigint not null,
    qualified bigint not null,
    windows_from timestamptz not null default '-infinity',
    windows_until timestamptz not null default '-infinity',
    constraint client_counters_pkey primary key (client_id),
    constraint client_counters_client_id_fkey foreign key (client_id) references clients (id) on delete cascade,
    constraint client_counters_active_check check (active >= 0)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

create table client_windows (
    client_id bigint not null,
    span text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    time_zone text not null,
    active integer not null,
    unsettled integer not null,
    offered bigint not null,
    answered bigint not null,
    qualified bigint not null,
    constraint client_windows_pkey primary key (client_id, span),
    constraint client_windows_span_check check (span in ('hour', 'day', 'week', 'month')),
    constraint client_windows_bounds_check check (starts_at < ends_at)
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 200,
        autovacuum_analyze_threshold = 1000000, autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off);

create table client_adjustments (
    id bigint generated always as identity,
    client_id bigint not null,
    span text not null,
    starts_at timestamptz not null,
    offered bigint not null default 0,
    answered bigint not null default 0,
    qualified bigint not null default 0,
    reason text not null,
    user_id bigint,
    created_at timestamptz not null default now(),
    constraint client_adjustments_pkey primary key (id)
);
create unique index client_adjustments_purged_idx on client_adjustments (client_id, span, starts_at) where reason = 'purged';
create trigger client_counters_delete_windows after delete on client_counters
    for each row execute function delete_client_windows();
-- Links that were deleted, of clients without counters of their own: only their records are left.
create table gone_links (
    id bigint generated always as identity,
    link_id bigint not null,
    client_id bigint not null,
    gone_at timestamptz not null default now(),
    constraint gone_links_pkey primary key (id)
);
create index gone_links_client_id_idx on gone_links (client_id);
create trigger campaign_client_settings_gone after delete on campaign_client_settings
    for each row execute function note_gone_link();
-- A link that is new belongs to a client that may have counters.
create trigger link_counters_client before insert on link_counters
    for each row execute function note_client_metered();

-- A cap is of a link or of a client: the platform's, over all sellers.
alter table caps
    alter column link_id drop not null,
    add column client_id bigint,
    add constraint caps_subject_check check (num_nonnulls(link_id, client_id) = 1),
    add constraint caps_client_set_by_check check (client_id is null or set_by = 'platform'),
    add constraint caps_client_id_key unique (client_id, counts, span, set_by),
    add constraint caps_client_id_fkey foreign key (client_id) references clients (id) on delete cascade;
create trigger caps_meter before insert or update of client_id on caps
    for each row when (new.client_id is not null) execute function meter_capped_client();
