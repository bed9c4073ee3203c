\set id random(:low, :high)
\set call :call + 1
select * from bench.plpgsql_route('+1777' || lpad(:id::text, 7, '0'), 'pbx' || :client_id || '-' || :run || '.' || :call);
