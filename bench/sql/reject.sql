\set call :call + 1
select * from capconduit.route_call('+17770001001', 'pbx' || :client_id || '-' || :run || '.' || :call);
