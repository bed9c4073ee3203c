-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, campaign_client_settings in access exclusive mode;

-- Whether a link has rows in caps: others' calls look there no further.
alter table campaign_client_settings add column capped boolean not null default false;

-- How many calls a link may have over a window, beside its two columns for calls at one time and for life.
create table caps (
    id bigint generated always as identity,
    link_id bigint not null,
    counts text not null,
    span text not null,
    set_by text not null,
    max_calls bigint not null,
    enforce boolean not null default true,
    note text,
    created_by bigint default session_user_id(),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    version bigint not null default 1,
    constraint caps_pkey primary key (id),
    constraint caps_link_id_key unique (link_id, counts, span, set_by),
    constraint caps_link_id_fkey foreign key (link_id) references campaign_client_settings (id) on delete cascade,
    constraint caps_created_by_fkey foreign key (created_by) references users (id) on delete set null,
    constraint caps_counts_check check (counts in ('offered', 'answered', 'qualified')),
    constraint caps_span_check check (span in ('concurrent', 'hour', 'day', 'week', 'month', 'total')),
    -- A call that is up is one that was offered.
    constraint caps_concurrent_check check (span <> 'concurrent' or counts = 'offered'),
    constraint caps_set_by_check check (set_by in ('platform', 'seller')),
    constraint caps_max_calls_check check (max_calls between 0 and 1000000000000),
    constraint caps_note_check check (length(note) <= 200)
);
create index caps_created_by_idx on caps (created_by);

create trigger caps_mark after insert or delete or update of link_id on caps for each row execute function mark_capped();
-- That its maker's account goes is no change of a cap.
create trigger caps_updated_at before update on caps
    for each row when (old.created_by is not distinct from new.created_by) execute function set_updated_at();
create trigger caps_version before update on caps
    for each row when (old.created_by is not distinct from new.created_by) execute function move_version();
create trigger caps_check_texts before insert or update of note on caps
    for each row execute function check_texts('note');
create trigger caps_audit after insert or update or delete on caps for each row execute function audit_change('id');

-- A seller takes no link away that the platform has capped: made again, it would not be.
create trigger campaign_client_settings_capped before delete on campaign_client_settings
    for each row when (old.capped) execute function refuse_capped_delete();

-- That a link is capped is no change of what people set of it.
create or replace trigger campaign_client_settings_version before update on campaign_client_settings
    for each row when (old.capped = new.capped) execute function move_version();
create or replace trigger campaign_client_settings_updated_at before update on campaign_client_settings
    for each row when (old.capped = new.capped) execute function set_updated_at();
