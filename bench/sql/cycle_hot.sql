\set call :call + 1
select * from capconduit.route_call('+17770000000', 'pbx' || :client_id || '-' || :run || '.' || :call);
select * from capconduit.log_call('pbx' || :client_id || '-' || :run || '.' || :call, '+17770000000', 'ANSWERED');
