\set call :call + 1
select * from capconduit.route_call('+17779000003', 'pbx' || :client_id || '-' || :run || '.' || :call);
select * from capconduit.next_target('pbx' || :client_id || '-' || :run || '.' || :call, 1, 'BUSY', 17);
select * from capconduit.next_target('pbx' || :client_id || '-' || :run || '.' || :call, 2, 'NOANSWER', 19);
select * from capconduit.log_call('pbx' || :client_id || '-' || :run || '.' || :call, '+17779000003', 'ANSWERED');
