-- What V0002 makes triggers of, in a database that never had it: releases up to 0.2.0 had these functions in the extension. They
-- stand until V0014 drops them; no row is written in between, and none could be.
create or replace function capconduit.copy_for_decisions() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the tables are not complete: run `capconduit migrate`' using errcode = 'object_not_in_prerequisite_state';
end
$$;
create or replace function capconduit.note_contact() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the tables are not complete: run `capconduit migrate`' using errcode = 'object_not_in_prerequisite_state';
end
$$;
create or replace function capconduit.lock_links_in_order() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception 'the tables are not complete: run `capconduit migrate`' using errcode = 'object_not_in_prerequisite_state';
end
$$;
