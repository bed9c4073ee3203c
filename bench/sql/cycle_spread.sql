\set id random(1, 1000)
\set call random(1, 9000000000000000)
select * from capconduit.route_call('+1777' || lpad(:id::text, 7, '0'), 'b-' || :client_id || '-' || :call);
select * from capconduit.log_call('b-' || :client_id || '-' || :call, '+1777' || lpad(:id::text, 7, '0'), 'ANSWERED');
