-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, clients, meters in access exclusive mode;

-- The least time between two calls that a client gets, over all links of all sellers. Its meter says when the last was.
alter table clients add column min_seconds_between integer
    constraint clients_min_seconds_between_check check (min_seconds_between between 1 and 86400);
alter table meters add column reserved_at timestamptz;

create trigger clients_meter_spacing after insert or update of min_seconds_between on clients
    for each row when (new.min_seconds_between is not null) execute function meter_spaced();
