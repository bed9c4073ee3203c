\set id random(:low, :high)
\set call :call + 1
select * from capconduit.route_call('+1777' || lpad(:id::text, 7, '0'), 'pbx' || :client_id || '-' || :run || '.' || :call);
select * from capconduit.log_call('pbx' || :client_id || '-' || :run || '.' || :call, '+1777' || lpad(:id::text, 7, '0'), 'ANSWERED');
