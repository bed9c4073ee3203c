\echo Use "alter extension capconduit update to '0.3.0'" to load this file. \quit

-- A fresh installation runs capconduit--0.1.0.sql, then each step up to this one, so what is upgraded is what is installed.
-- The library and the service of 0.2.0 go on working with it.
set local check_function_bodies = off;
