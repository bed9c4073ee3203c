-- Calls come first: they lock live_calls before any other table, so none waits with a table in hand.
lock table live_calls, campaign_client_settings, link_counters in access exclusive mode;

-- The least time between two calls that a link gets. Calls reserved before this migration are not known.
alter table campaign_client_settings add column min_seconds_between integer
    constraint campaign_client_settings_min_seconds_between_check check (min_seconds_between between 1 and 86400);
alter table link_counters add column reserved_at timestamptz;
