-- The answers to POSTs with an Idempotency-Key, for a day. Written in the transaction of the request's own effect, at its end: a
-- foreign key would lock the user's row after the objects, and the deletion of a user locks them the other way round. What a deleted
-- user leaves here goes with the day.
create table idempotency_keys (
    user_id bigint not null,
    key_hash bytea not null,
    fingerprint bytea not null,
    status smallint not null,
    etag text,
    body text not null,
    created_at timestamptz not null default now(),
    constraint idempotency_keys_pkey primary key (user_id, key_hash)
);

-- For the hourly deletion of those that are older than a day.
create index idempotency_keys_created_at_idx on idempotency_keys (created_at);
