lock table pjsip_endpoints, pjsip_aors, pjsip_contacts in access exclusive mode;

-- A name for exactly these settings of an endpoint. A switch caches an endpoint for some seconds: by this name it sees whether
-- its cached settings are the present ones. Rows with equal names have equal settings, on whichever server they were written.
-- It contains a hash of every column that is set; none is secret.
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
