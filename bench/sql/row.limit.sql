\set id random(:low, :counters)
select n from bench.counters where id = :id;
