-- When a cap came to three quarters, nine tenths and all of its limit: once for each window. Plain ids, for an event outlives its cap,
-- its link and its campaign.
create table cap_events (
    id bigint generated always as identity,
    at timestamptz not null default now(),
    cap_id bigint not null,
    user_id bigint,
    campaign_id bigint,
    link_id bigint,
    client_id bigint,
    did_id bigint,
    subject_type text not null,
    subject_id bigint not null,
    subject_name text not null,
    counts text not null,
    span text not null,
    set_by text not null,
    enforce boolean not null,
    max_calls bigint not null,
    threshold smallint not null,
    used bigint not null,
    in_flight bigint not null,
    starts_at timestamptz,
    ends_at timestamptz,
    constraint cap_events_pkey primary key (id),
    constraint cap_events_cap_id_starts_at_threshold_key unique (cap_id, starts_at, threshold),
    constraint cap_events_threshold_check check (threshold in (75, 90, 100))
);

-- A total has no window: once for each limit that it had.
create unique index cap_events_cap_id_max_calls_threshold_idx on cap_events (cap_id, max_calls, threshold) where starts_at is null;
-- A seller's events, newest first.
create index cap_events_user_id_id_idx on cap_events (user_id, id);
-- A link's.
create index cap_events_link_id_id_idx on cap_events (link_id, id);
-- Those of some days; and what is too old.
create index cap_events_at_idx on cap_events (at);
