-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, meters in access exclusive mode;

-- How many calls at one time a client says that it can take, and until when that holds.
alter table meters
    add column seats integer,
    add column seats_until timestamptz,
    add column seats_close boolean,
    add column seats_sequence bigint,
    add constraint meters_seats_check check (
        case
            when seats is null then (seats_until, seats_close, seats_sequence) is null
            else subject_type = 'client' and seats between 0 and 100000 and (seats_until, seats_close) is not null
        end);
