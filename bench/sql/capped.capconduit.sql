\set id random(:low, :high)
\set call :call + 1
select (status = 'ok')::integer as taken
  from capconduit.route_call('+1777' || lpad(:id::text, 7, '0'), 'pbx' || :client_id || '-' || :run || '.' || :call) \gset
\if :taken
select * from capconduit.log_call('pbx' || :client_id || '-' || :run || '.' || :call, '+1777' || lpad(:id::text, 7, '0'), 'ANSWERED');
\endif
