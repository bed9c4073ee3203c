\echo Use "alter extension capconduit update to '0.3.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql, then each step up to this one, so what is upgraded is what is installed.
-- The library and the service of 0.2.0 go on working with it.
set local check_function_bodies = off;

------------------------------------------------------------------------------------------------------------
-- How calls reach each table.
------------------------------------------------------------------------------------------------------------

create function table_access(out table_name text, out operation text, out access text, out reason text)
returns setof record
language c stable parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'table_access_wrapper';
alter function table_access() owner to capconduit_owner;
revoke execute on function table_access() from public;
comment on function table_access is 'How calls reach each table: directly, as SQL statements, or not at all, and why';
