-- An admin's link with which a user sets a new password, once. It ends with any change of the account, a new password among them.
create table password_links (
    id bigint generated always as identity,
    user_id bigint not null,
    user_version bigint not null,
    token_hash bytea not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    constraint password_links_pkey primary key (id),
    constraint password_links_user_id_key unique (user_id),
    constraint password_links_token_hash_key unique (token_hash),
    constraint password_links_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint password_links_token_hash_check check (length(token_hash) = 32)
);

create trigger password_links_audit after insert or delete on password_links
    for each row execute function audit_change('user_id');
