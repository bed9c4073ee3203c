-- Rejected calls by minute, reason, number and switch. A backend adds a row for each about four times a minute at most, and
-- takes rows of more than a week ago away.
create table reject_counts (
    id bigint generated always as identity,
    minute timestamptz not null,
    reason text collate "C" not null,
    did text,
    node text collate "C",
    calls bigint not null,
    created_at timestamptz not null default now(),
    constraint reject_counts_pkey primary key (id),
    constraint reject_counts_calls_check check (calls > 0)
);

-- An operator's last minutes; and what is a week old.
create index reject_counts_minute_idx on reject_counts (minute);
