-- The SIP Call-ID of the caller's leg, for the record of a call whose end nobody tells.
alter table live_calls add column sip_call_id text;
