-- What a login needs beside the password, of users who have set it up: codes by the clock (RFC 6238), and codes for whoever has lost
-- what makes them. A row of its own: a login moves it, and no account's version.
create table second_factors (
    user_id bigint not null,
    totp_secret bytea not null,
    totp_key text,
    created_at timestamptz not null default now(),
    confirmed_at timestamptz,
    last_step bigint,
    recovery_hashes bytea[] not null default '{}',
    constraint second_factors_pkey primary key (user_id),
    constraint second_factors_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint second_factors_totp_secret_check check (length(totp_secret) = 32),
    constraint second_factors_confirmed_at_check check (confirmed_at is not null or recovery_hashes = '{}')
);

-- Setting up is told when it is done, and what ends then; a login by a recovery code, too.
create trigger second_factors_audit after update on second_factors
    for each row when (old.confirmed_at is distinct from new.confirmed_at or old.recovery_hashes is distinct from new.recovery_hashes)
    execute function audit_change('user_id');
create trigger second_factors_audit_delete after delete on second_factors
    for each row when (old.confirmed_at is not null) execute function audit_change('user_id');

-- Sessions of before were opened with less, or by somebody else.
create trigger second_factors_end_sessions after update on second_factors
    for each row when (old.confirmed_at is null and new.confirmed_at is not null) execute function end_other_sessions();
create trigger second_factors_end_sessions_delete after delete on second_factors
    for each row when (old.confirmed_at is not null) execute function end_other_sessions();

-- Whoever opens a session, a service of before too, which knows no codes.
alter table sessions add column by_code boolean not null default false;
create trigger sessions_second_factor before insert on sessions for each row execute function need_second_factor();
