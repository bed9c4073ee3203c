\set id random(:low, :counters)
begin;
update bench.counters set n = n + 1 where id = :id;
insert into bench.log (counter) values (:id);
commit;
