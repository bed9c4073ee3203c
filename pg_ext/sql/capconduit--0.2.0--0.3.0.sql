\echo Use "alter extension capconduit update to '0.3.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql, then each step up to this one, so what is upgraded is what is installed.
-- The library and the service of 0.2.0 go on working with it.
set local check_function_bodies = off;

------------------------------------------------------------------------------------------------------------
-- What a switch's agent says without a list, and the end of a switch by hand.
------------------------------------------------------------------------------------------------------------

create function node_report(node text, instance text, state text, out status text)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'node_report_wrapper';

create function release_node(node text, reason text, out status text, out released integer)
language c volatile parallel unsafe security definer set search_path = pg_catalog, pg_temp
as 'MODULE_PATHNAME', 'release_node_wrapper';

alter function node_report(text, text, text) owner to capconduit_owner;
alter function release_node(text, text) owner to capconduit_owner;
revoke all on function node_report(text, text, text) from public;
revoke all on function release_node(text, text) from public;

comment on function node_report is 'Takes what an agent says without a list: its switch lives, is down, or is no longer watched';
comment on function release_node is 'Closes every call of a switch by hand as LOST and frees its name; audited';
comment on function release_expired is 'Gives back slots whose lease has ended, and those of switches that are dead';
