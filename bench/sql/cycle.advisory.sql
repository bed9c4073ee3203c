\set id random(:low, :high)
\set call :call + 1
select * from bench.advisory_route('+1777' || lpad(:id::text, 7, '0'), 'pbx' || :client_id || '-' || :run || '.' || :call);
select * from bench.advisory_log('pbx' || :client_id || '-' || :run || '.' || :call, 'ANSWERED');
