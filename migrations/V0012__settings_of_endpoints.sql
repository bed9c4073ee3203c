lock table pjsip_endpoints, pjsip_aors, pjsip_contacts in access exclusive mode;

-- A name for exactly these settings of an endpoint. A switch may keep an endpoint in memory for some seconds: by this name it
-- tells whether what it keeps is what is set, and asks for nothing else. Two rows with one name hold the same, whoever wrote
-- them, on whichever server: it is made of what is set, of nothing secret.
alter table pjsip_endpoints add column settings_id text generated always as (
    id || '~' || lpad(to_hex(hashtextextended(
        quote_nullable(transport) || ',' || quote_nullable(aors) || ',' || quote_nullable(auth) || ','
        || quote_nullable(context) || ',' || quote_nullable(disallow) || ',' || quote_nullable(allow) || ','
        || quote_nullable(direct_media) || ',' || quote_nullable(outbound_auth) || ',' || quote_nullable(from_user) || ','
        || quote_nullable(from_domain) || ',' || quote_nullable(callerid), 0)), 16, '0')) stored;
-- A switch that keeps other settings asks for these.
create unique index pjsip_endpoints_settings_id_idx on pjsip_endpoints (settings_id);

-- Asterisk asks for one endpoint or AOR by its name, and for the registrations of one AOR by what their names begin with.
create unique index pjsip_endpoints_id_idx on pjsip_endpoints (id);
create unique index pjsip_aors_id_idx on pjsip_aors (id);
create index pjsip_contacts_id_pattern_idx on pjsip_contacts (id text_pattern_ops);
