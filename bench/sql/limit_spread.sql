\set id random(1, 1000)
with u as (update bench.counters set n = n + 1 where id = :id) insert into bench.log (counter) values (:id);
