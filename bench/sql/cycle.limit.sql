\set id random(:low, :counters)
with u as (update bench.counters set n = n + 1 where id = :id) insert into bench.log (counter) values (:id);
