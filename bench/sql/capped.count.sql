\set id random(:low, :high)
\set call :call + 1
select (status = 'ok')::integer as taken
  from bench.count_route('+1777' || lpad(:id::text, 7, '0'), 'pbx' || :client_id || '-' || :run || '.' || :call) \gset
\if :taken
select * from bench.count_log('pbx' || :client_id || '-' || :run || '.' || :call, 'ANSWERED');
\endif
