-- The copies beside numbers and links go (V0014). First nobody reads them any more: a library of 0.2.0 finds their indexes by
-- these names, and without them it reads the tables. Whoever has just found one may still open it, under its new name; a call
-- that has looked for it and not yet opened it holds this table, and is waited for.

lock table live_calls in access exclusive mode;

alter index campaign_dids_number_idx rename to campaign_dids_unread_idx;
alter index campaign_client_settings_decision_idx rename to campaign_client_settings_unread_idx;
