-- Records of calls that went to another campaign, by the one that they left: its first cap counts them. Where there are records, `migrate` has
-- built it before, while calls went on.
create index if not exists call_logs_overflowed_from_idx on call_logs (overflowed_from) where overflowed_from is not null;
