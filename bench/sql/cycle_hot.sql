\set call random(1, 9000000000000000)
select * from capconduit.route_call('+17770000000', 'b-' || :client_id || '-' || :call);
select * from capconduit.log_call('b-' || :client_id || '-' || :call, '+17770000000', 'ANSWERED');
