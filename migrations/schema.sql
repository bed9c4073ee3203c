--
-- PostgreSQL database dump
--



SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: asterisk; Type: SCHEMA; Schema: -; Owner: capconduit_owner
--

CREATE SCHEMA asterisk;


ALTER SCHEMA asterisk OWNER TO capconduit_owner;

--
-- Name: SCHEMA asterisk; Type: COMMENT; Schema: -; Owner: capconduit_owner
--

COMMENT ON SCHEMA asterisk IS 'What a switch may see of CapConduit: Asterisk''s realtime names and value syntax';


--
-- Name: capconduit; Type: SCHEMA; Schema: -; Owner: capconduit_owner
--

CREATE SCHEMA capconduit;


ALTER SCHEMA capconduit OWNER TO capconduit_owner;

--
-- Name: SCHEMA capconduit; Type: COMMENT; Schema: -; Owner: capconduit_owner
--

COMMENT ON SCHEMA capconduit IS 'CapConduit: call routing under exact caps, and the records of the calls';


--
-- Name: capconduit; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS capconduit WITH SCHEMA capconduit;


--
-- Name: EXTENSION capconduit; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION capconduit IS 'Call routing under exact caps: picks the client for each inbound call and writes its record';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: clients; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.clients (
    id bigint NOT NULL,
    client_identifier text NOT NULL,
    name text NOT NULL,
    department text,
    status text DEFAULT 'active'::text NOT NULL,
    notes text,
    created_by bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    metered boolean DEFAULT false NOT NULL,
    platform_paused_until timestamp with time zone,
    platform_pause_reason text,
    schedule_id bigint,
    min_seconds_between integer,
    screened boolean DEFAULT false NOT NULL,
    caller_rules jsonb,
    CONSTRAINT clients_client_identifier_check CHECK ((client_identifier ~ '^[A-Za-z0-9_.-]{1,40}$'::text)),
    CONSTRAINT clients_department_check CHECK ((length(department) <= 100)),
    CONSTRAINT clients_min_seconds_between_check CHECK (((min_seconds_between >= 1) AND (min_seconds_between <= 86400))),
    CONSTRAINT clients_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT clients_platform_pause_check CHECK (((num_nulls(platform_paused_until, platform_pause_reason) = ANY (ARRAY[0, 2])) AND ((length(platform_pause_reason) >= 1) AND (length(platform_pause_reason) <= 200)))),
    CONSTRAINT clients_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);


ALTER TABLE capconduit.clients OWNER TO capconduit_owner;

--
-- Name: TABLE clients; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.clients IS 'Call centers that take calls';


--
-- Name: COLUMN clients.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.id IS 'Never used again, also after a deletion';


--
-- Name: COLUMN clients.client_identifier; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.client_identifier IS 'Unique name; also the id of its PJSIP endpoint and AOR. Never changes';


--
-- Name: COLUMN clients.name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.name IS 'Name for people';


--
-- Name: COLUMN clients.department; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.department IS 'Department that answers';


--
-- Name: COLUMN clients.status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.status IS 'Calls go to active clients only; switches see no others';


--
-- Name: COLUMN clients.notes; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.notes IS 'Free text of the staff';


--
-- Name: COLUMN clients.created_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.created_by IS 'User who made it; null once that user is deleted';


--
-- Name: COLUMN clients.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.created_at IS 'When the row was made';


--
-- Name: COLUMN clients.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN clients.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.version IS 'Moves with every change of the row; If-Match of the REST API names it';


--
-- Name: COLUMN clients.time_zone; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.time_zone IS 'Zone in which the hours, days, weeks and months of its links begin and end';


--
-- Name: COLUMN clients.metered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.metered IS 'Whether it has a meter: since its first cap or spacing';


--
-- Name: COLUMN clients.platform_paused_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.platform_paused_until IS 'Until then it gets no new call, the platform says; infinity: for good; null: it was not paused';


--
-- Name: COLUMN clients.platform_pause_reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.platform_pause_reason IS 'Why, in the platform''s words';


--
-- Name: COLUMN clients.schedule_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.schedule_id IS 'When calls are taken; null: always';


--
-- Name: COLUMN clients.min_seconds_between; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.min_seconds_between IS 'The least seconds between two calls that it gets over all its links, 1 to 86400; null: none';


--
-- Name: COLUMN clients.screened; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.screened IS 'Whether callers are blocked or allowed there; moves with caller_marks alone';


--
-- Name: COLUMN clients.caller_rules; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.clients.caller_rules IS 'What becomes of callers that call again: [{"after": offered, answered or qualified, "seconds": null is for ever, "action": skip}]';


--
-- Name: pjsip_aors; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.pjsip_aors (
    client_id bigint NOT NULL,
    id text NOT NULL,
    contact text,
    max_contacts integer DEFAULT 1 NOT NULL,
    qualify_frequency integer DEFAULT 60 NOT NULL,
    CONSTRAINT pjsip_aors_contact_check CHECK ((contact <> ''::text)),
    CONSTRAINT pjsip_aors_max_contacts_check CHECK ((max_contacts >= 1)),
    CONSTRAINT pjsip_aors_qualify_frequency_check CHECK ((qualify_frequency >= 0))
);


ALTER TABLE capconduit.pjsip_aors OWNER TO capconduit_owner;

--
-- Name: TABLE pjsip_aors; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.pjsip_aors IS 'Where a client is reached: Asterisk''s address of record, one row per client';


--
-- Name: COLUMN pjsip_aors.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_aors.client_id IS 'Client';


--
-- Name: COLUMN pjsip_aors.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_aors.id IS 'Equal to the client''s identifier';


--
-- Name: COLUMN pjsip_aors.contact; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_aors.contact IS 'Static SIP addresses, separated by commas; null: the client registers';


--
-- Name: COLUMN pjsip_aors.max_contacts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_aors.max_contacts IS 'How many registrations may stand at once';


--
-- Name: COLUMN pjsip_aors.qualify_frequency; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_aors.qualify_frequency IS 'Seconds between reachability checks; 0: none';


--
-- Name: ps_aors; Type: VIEW; Schema: asterisk; Owner: capconduit_owner
--

CREATE VIEW asterisk.ps_aors AS
 SELECT a.id,
    replace(replace(a.contact, '^'::text, '^5E'::text), ';'::text, '^3B'::text) AS contact,
    a.max_contacts,
    a.qualify_frequency,
    'yes'::text AS remove_existing
   FROM capconduit.pjsip_aors a
  WHERE (( SELECT c.status
           FROM capconduit.clients c
          WHERE (c.id = a.client_id)) = 'active'::text);


ALTER TABLE asterisk.ps_aors OWNER TO capconduit_owner;

--
-- Name: VIEW ps_aors; Type: COMMENT; Schema: asterisk; Owner: capconduit_owner
--

COMMENT ON VIEW asterisk.ps_aors IS 'Addresses of active clients; ; and ^ are written as ^3B and ^5E';


--
-- Name: pjsip_auths; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.pjsip_auths (
    client_id bigint NOT NULL,
    id text NOT NULL,
    auth_type text DEFAULT 'userpass'::text NOT NULL,
    username text,
    password text,
    md5_cred text,
    realm text,
    CONSTRAINT pjsip_auths_auth_type_check CHECK ((((auth_type = 'userpass'::text) AND (username IS NOT NULL) AND (password IS NOT NULL)) OR ((auth_type = 'md5'::text) AND (md5_cred ~ '^[0-9A-Fa-f]{32}$'::text)))),
    CONSTRAINT pjsip_auths_id_check CHECK ((id ~ '^[A-Za-z0-9_.-]{1,40}$'::text))
);


ALTER TABLE capconduit.pjsip_auths OWNER TO capconduit_owner;

--
-- Name: TABLE pjsip_auths; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.pjsip_auths IS 'Credentials between a switch and a client: at most one set per client, for both directions';


--
-- Name: COLUMN pjsip_auths.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.client_id IS 'Client';


--
-- Name: COLUMN pjsip_auths.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.id IS 'Asterisk''s name of the auth object, unique';


--
-- Name: COLUMN pjsip_auths.auth_type; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.auth_type IS 'userpass (user name and password) or md5 (md5_cred)';


--
-- Name: COLUMN pjsip_auths.username; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.username IS 'SIP user name';


--
-- Name: COLUMN pjsip_auths.password; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.password IS 'SIP password, as Asterisk needs it: in clear text. Readable by the owner and the switch only';


--
-- Name: COLUMN pjsip_auths.md5_cred; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.md5_cred IS 'MD5 of user:realm:password, instead of a password';


--
-- Name: COLUMN pjsip_auths.realm; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_auths.realm IS 'SIP realm; null: the one in the challenge';


--
-- Name: ps_auths; Type: VIEW; Schema: asterisk; Owner: capconduit_owner
--

CREATE VIEW asterisk.ps_auths AS
 SELECT u.id,
    u.auth_type,
    replace(replace(u.username, '^'::text, '^5E'::text), ';'::text, '^3B'::text) AS username,
    replace(replace(u.password, '^'::text, '^5E'::text), ';'::text, '^3B'::text) AS password,
    u.md5_cred,
    replace(replace(u.realm, '^'::text, '^5E'::text), ';'::text, '^3B'::text) AS realm
   FROM capconduit.pjsip_auths u
  WHERE (( SELECT c.status
           FROM capconduit.clients c
          WHERE (c.id = u.client_id)) = 'active'::text);


ALTER TABLE asterisk.ps_auths OWNER TO capconduit_owner;

--
-- Name: VIEW ps_auths; Type: COMMENT; Schema: asterisk; Owner: capconduit_owner
--

COMMENT ON VIEW asterisk.ps_auths IS 'Credentials of active clients';


--
-- Name: pjsip_contacts; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.pjsip_contacts (
    id text NOT NULL,
    uri text,
    expiration_time bigint,
    qualify_frequency integer,
    outbound_proxy text,
    path text,
    user_agent text,
    qualify_timeout text,
    reg_server text,
    authenticate_qualify text,
    via_addr text,
    via_port integer,
    call_id text,
    endpoint text,
    prune_on_boot text,
    qualify_2xx_only text
);


ALTER TABLE capconduit.pjsip_contacts OWNER TO capconduit_owner;

--
-- Name: TABLE pjsip_contacts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.pjsip_contacts IS 'Registrations of clients, written by Asterisk itself under its own column names';


--
-- Name: COLUMN pjsip_contacts.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.id IS 'Asterisk''s name of the registration';


--
-- Name: COLUMN pjsip_contacts.uri; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.uri IS 'Where the phone is';


--
-- Name: COLUMN pjsip_contacts.expiration_time; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.expiration_time IS 'End of the registration, in seconds since 1970';


--
-- Name: COLUMN pjsip_contacts.qualify_frequency; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.qualify_frequency IS 'Seconds between reachability checks';


--
-- Name: COLUMN pjsip_contacts.outbound_proxy; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.outbound_proxy IS 'Proxy on the way to the phone';


--
-- Name: COLUMN pjsip_contacts.path; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.path IS 'SIP Path of the registration';


--
-- Name: COLUMN pjsip_contacts.user_agent; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.user_agent IS 'What the phone calls itself';


--
-- Name: COLUMN pjsip_contacts.qualify_timeout; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.qualify_timeout IS 'Seconds that a reachability check may take';


--
-- Name: COLUMN pjsip_contacts.reg_server; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.reg_server IS 'Switch that took the registration';


--
-- Name: COLUMN pjsip_contacts.authenticate_qualify; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.authenticate_qualify IS 'yes: reachability checks answer a challenge';


--
-- Name: COLUMN pjsip_contacts.via_addr; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.via_addr IS 'Address in the topmost Via';


--
-- Name: COLUMN pjsip_contacts.via_port; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.via_port IS 'Port in the topmost Via';


--
-- Name: COLUMN pjsip_contacts.call_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.call_id IS 'SIP Call-ID of the registration';


--
-- Name: COLUMN pjsip_contacts.endpoint; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.endpoint IS 'Endpoint that registered: the client''s identifier';


--
-- Name: COLUMN pjsip_contacts.prune_on_boot; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.prune_on_boot IS 'yes: the switch drops it when it starts';


--
-- Name: COLUMN pjsip_contacts.qualify_2xx_only; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_contacts.qualify_2xx_only IS 'yes: only a 2xx answer counts as reachable';


--
-- Name: ps_contacts; Type: VIEW; Schema: asterisk; Owner: capconduit_owner
--

CREATE VIEW asterisk.ps_contacts AS
 SELECT pjsip_contacts.id,
    pjsip_contacts.uri,
    pjsip_contacts.expiration_time,
    pjsip_contacts.qualify_frequency,
    pjsip_contacts.outbound_proxy,
    pjsip_contacts.path,
    pjsip_contacts.user_agent,
    pjsip_contacts.qualify_timeout,
    pjsip_contacts.reg_server,
    pjsip_contacts.authenticate_qualify,
    pjsip_contacts.via_addr,
    pjsip_contacts.via_port,
    pjsip_contacts.call_id,
    pjsip_contacts.endpoint,
    pjsip_contacts.prune_on_boot,
    pjsip_contacts.qualify_2xx_only
   FROM capconduit.pjsip_contacts
  WHERE ((strpos(current_query(), '^3B@%'''::text) = 0) OR (strpos(current_query(), ((''''::text || "left"(pjsip_contacts.id, (strpos(pjsip_contacts.id, '^3B@'::text) - 1))) || '^3B@%'''::text)) > 0));


ALTER TABLE asterisk.ps_contacts OWNER TO capconduit_owner;

--
-- Name: VIEW ps_contacts; Type: COMMENT; Schema: asterisk; Owner: capconduit_owner
--

COMMENT ON VIEW asterisk.ps_contacts IS 'Registrations, written by Asterisk';


--
-- Name: pjsip_endpoints; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.pjsip_endpoints (
    client_id bigint NOT NULL,
    id text NOT NULL,
    transport text,
    aors text NOT NULL,
    auth text,
    context text NOT NULL,
    disallow text DEFAULT 'all'::text NOT NULL,
    allow text DEFAULT 'ulaw,alaw,gsm'::text NOT NULL,
    direct_media text DEFAULT 'no'::text NOT NULL,
    outbound_auth text,
    from_user text,
    from_domain text,
    callerid text,
    settings_id text GENERATED ALWAYS AS (((id || '~'::text) || lpad(to_hex(hashtextextended(((((((((((((((((((((quote_nullable(transport) || ','::text) || quote_nullable(aors)) || ','::text) || quote_nullable(auth)) || ','::text) || quote_nullable(context)) || ','::text) || quote_nullable(disallow)) || ','::text) || quote_nullable(allow)) || ','::text) || quote_nullable(direct_media)) || ','::text) || quote_nullable(outbound_auth)) || ','::text) || quote_nullable(from_user)) || ','::text) || quote_nullable(from_domain)) || ','::text) || quote_nullable(callerid)), (0)::bigint)), 16, '0'::text))) STORED,
    CONSTRAINT pjsip_endpoints_allow_check CHECK ((allow <> ''::text)),
    CONSTRAINT pjsip_endpoints_aors_check CHECK ((aors = id)),
    CONSTRAINT pjsip_endpoints_direct_media_check CHECK ((direct_media = ANY (ARRAY['yes'::text, 'no'::text])))
);


ALTER TABLE capconduit.pjsip_endpoints OWNER TO capconduit_owner;

--
-- Name: TABLE pjsip_endpoints; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.pjsip_endpoints IS 'How a switch talks to a client: Asterisk''s endpoint settings, one row per client';


--
-- Name: COLUMN pjsip_endpoints.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.client_id IS 'Client';


--
-- Name: COLUMN pjsip_endpoints.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.id IS 'Equal to the client''s identifier';


--
-- Name: COLUMN pjsip_endpoints.transport; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.transport IS 'Name of the switch''s transport; null: the switch''s default';


--
-- Name: COLUMN pjsip_endpoints.aors; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.aors IS 'Equal to the id';


--
-- Name: COLUMN pjsip_endpoints.auth; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.auth IS 'Auth object that the client must use when it registers or calls; null: by address';


--
-- Name: COLUMN pjsip_endpoints.context; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.context IS 'Dialplan context for what the client sends';


--
-- Name: COLUMN pjsip_endpoints.disallow; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.disallow IS 'Codecs refused first; Asterisk 22 looks at allow alone';


--
-- Name: COLUMN pjsip_endpoints.allow; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.allow IS 'Codecs in order of preference';


--
-- Name: COLUMN pjsip_endpoints.direct_media; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.direct_media IS 'yes: media goes past the switch';


--
-- Name: COLUMN pjsip_endpoints.outbound_auth; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.outbound_auth IS 'Auth object that the switch uses when it calls the client';


--
-- Name: COLUMN pjsip_endpoints.from_user; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.from_user IS 'User part of From on calls to the client';


--
-- Name: COLUMN pjsip_endpoints.from_domain; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.from_domain IS 'Domain of From on calls to the client';


--
-- Name: COLUMN pjsip_endpoints.callerid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.callerid IS 'Caller id that the client sees instead of the caller''s own; null: the caller''s own';


--
-- Name: COLUMN pjsip_endpoints.settings_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.pjsip_endpoints.settings_id IS 'A name for exactly these settings: by it a switch tells whether what it keeps is what is set';


--
-- Name: ps_endpoints; Type: VIEW; Schema: asterisk; Owner: capconduit_owner
--

CREATE VIEW asterisk.ps_endpoints AS
 SELECT e.id,
    e.transport,
    e.aors,
    e.auth,
    e.context,
    e.disallow,
    e.allow,
    e.direct_media,
    e.outbound_auth,
    e.from_user,
    e.from_domain,
    replace(replace(e.callerid, '^'::text, '^5E'::text), ';'::text, '^3B'::text) AS callerid,
        CASE
            WHEN (e.auth IS NULL) THEN 'ip'::text
            ELSE 'auth_username,username'::text
        END AS identify_by,
    'no'::text AS allow_transfer,
    'uri_core'::text AS redirect_method,
    'yes'::text AS rtp_symmetric,
    'yes'::text AS force_rport,
    'yes'::text AS rewrite_contact,
    30 AS rtp_timeout,
    300 AS rtp_timeout_hold,
    'yes'::text AS timers,
    'yes'::text AS send_pai,
    'no'::text AS send_connected_line,
    ('CC_SETTINGS_ID='::text || e.settings_id) AS set_var
   FROM ( SELECT p.id,
            p.client_id,
            p.transport,
            p.aors,
            p.auth,
            p.context,
            p.disallow,
            p.allow,
            p.direct_media,
            p.outbound_auth,
            p.from_user,
            p.from_domain,
            p.callerid,
            p.settings_id
           FROM capconduit.pjsip_endpoints p
        UNION ALL
         SELECT p.settings_id,
            p.client_id,
            p.transport,
            p.aors,
            p.auth,
            p.context,
            p.disallow,
            p.allow,
            p.direct_media,
            p.outbound_auth,
            p.from_user,
            p.from_domain,
            p.callerid,
            p.settings_id
           FROM capconduit.pjsip_endpoints p
          WHERE (current_query() ~* 'where id *='::text)) e
  WHERE (( SELECT c.status
           FROM capconduit.clients c
          WHERE (c.id = e.client_id)) = 'active'::text);


ALTER TABLE asterisk.ps_endpoints OWNER TO capconduit_owner;

--
-- Name: VIEW ps_endpoints; Type: COMMENT; Schema: asterisk; Owner: capconduit_owner
--

COMMENT ON VIEW asterisk.ps_endpoints IS 'Endpoints of active clients, as Asterisk''s realtime driver reads them; also under their settings_id, to whoever asks for one id';


--
-- Name: api_tokens; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.api_tokens (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    CONSTRAINT api_tokens_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT api_tokens_token_hash_check CHECK ((length(token_hash) = 32))
);


ALTER TABLE capconduit.api_tokens OWNER TO capconduit_owner;

--
-- Name: TABLE api_tokens; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.api_tokens IS 'Bearer tokens that users made for their scripts';


--
-- Name: COLUMN api_tokens.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.id IS 'Names the token when it is revoked';


--
-- Name: COLUMN api_tokens.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.user_id IS 'Whose rights the token gives';


--
-- Name: COLUMN api_tokens.name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.name IS 'The user''s own name for it, unique per user';


--
-- Name: COLUMN api_tokens.token_hash; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.token_hash IS 'SHA-256 of the token; the token itself was shown once';


--
-- Name: COLUMN api_tokens.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.created_at IS 'When the token was made';


--
-- Name: COLUMN api_tokens.expires_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.expires_at IS 'From then on the token is refused';


--
-- Name: COLUMN api_tokens.last_used_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.api_tokens.last_used_at IS 'Last request, to the minute; null: never used';


--
-- Name: api_tokens_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.api_tokens ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.api_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: applied_rights; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.applied_rights (
    only_one boolean DEFAULT true NOT NULL,
    fingerprint text NOT NULL,
    applied_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT applied_rights_only_one_check CHECK (only_one)
);


ALTER TABLE capconduit.applied_rights OWNER TO capconduit_owner;

--
-- Name: TABLE applied_rights; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.applied_rights IS 'What after.sql was last applied as, so that it is applied again only after a change';


--
-- Name: COLUMN applied_rights.only_one; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.applied_rights.only_one IS 'Keeps the table at one row';


--
-- Name: COLUMN applied_rights.fingerprint; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.applied_rights.fingerprint IS 'Checksum of the files, schema version and extension';


--
-- Name: COLUMN applied_rights.applied_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.applied_rights.applied_at IS 'When they were applied';


--
-- Name: audit_log; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.audit_log (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    user_id bigint,
    db_role text NOT NULL,
    action text NOT NULL,
    object_type text NOT NULL,
    object_id text,
    before jsonb,
    after jsonb,
    CONSTRAINT audit_log_action_check CHECK ((action = ANY (ARRAY['insert'::text, 'update'::text, 'delete'::text, 'adjust'::text, 'release'::text, 'reconcile'::text, 'login'::text, 'login_failed'::text])))
);


ALTER TABLE capconduit.audit_log OWNER TO capconduit_owner;

--
-- Name: TABLE audit_log; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.audit_log IS 'Who changed what: rows before and after, never a hash or a secret';


--
-- Name: COLUMN audit_log.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.id IS 'Order of the changes';


--
-- Name: COLUMN audit_log.at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.at IS 'When the change''s transaction began';


--
-- Name: COLUMN audit_log.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.user_id IS 'User on whose behalf it was done; null: by hand or by the platform';


--
-- Name: COLUMN audit_log.db_role; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.db_role IS 'Database login that did it';


--
-- Name: COLUMN audit_log.action; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.action IS 'insert, update, delete, adjust, release, reconcile, login or login_failed';


--
-- Name: COLUMN audit_log.object_type; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.object_type IS 'Table that was changed';


--
-- Name: COLUMN audit_log.object_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.object_id IS 'Key of the row that was changed';


--
-- Name: COLUMN audit_log.before; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.before IS 'The row before, without secrets';


--
-- Name: COLUMN audit_log.after; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.audit_log.after IS 'The row after, without secrets; secrets_changed names those that changed';


--
-- Name: audit_log_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.audit_log ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.audit_log_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: call_attempts; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.call_attempts (
    uniqueid text NOT NULL COLLATE pg_catalog."C",
    attempt integer NOT NULL,
    user_id bigint,
    link_id bigint NOT NULL,
    client_id bigint NOT NULL,
    dial_status text NOT NULL,
    hangup_cause integer,
    started_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone NOT NULL
);


ALTER TABLE capconduit.call_attempts OWNER TO capconduit_owner;

--
-- Name: TABLE call_attempts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.call_attempts IS 'Attempts that failed before the last one, which is in call_logs';


--
-- Name: COLUMN call_attempts.uniqueid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.uniqueid IS 'Asterisk''s id of the call';


--
-- Name: COLUMN call_attempts.attempt; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.attempt IS 'Number of the attempt, from 1';


--
-- Name: COLUMN call_attempts.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.user_id IS 'Seller who owned the number when the call came';


--
-- Name: COLUMN call_attempts.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.link_id IS 'Link that was tried';


--
-- Name: COLUMN call_attempts.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.client_id IS 'Client that was tried';


--
-- Name: COLUMN call_attempts.dial_status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.dial_status IS 'Asterisk''s DIALSTATUS';


--
-- Name: COLUMN call_attempts.hangup_cause; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.hangup_cause IS 'Q.850 cause';


--
-- Name: COLUMN call_attempts.started_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.started_at IS 'When the attempt began';


--
-- Name: COLUMN call_attempts.ended_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_attempts.ended_at IS 'When the next target was asked for';


--
-- Name: call_logs; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.call_logs (
    id bigint NOT NULL,
    asterisk_uniqueid text NOT NULL COLLATE pg_catalog."C",
    asterisk_linkedid text,
    user_id bigint,
    campaign_id bigint,
    did_id bigint,
    client_id bigint,
    link_id bigint,
    node text,
    incoming_did_number text NOT NULL,
    caller_id_num text,
    caller_id_name text,
    timestamp_start timestamp with time zone NOT NULL,
    timestamp_answered timestamp with time zone,
    timestamp_end timestamp with time zone,
    duration_seconds integer DEFAULT 0 NOT NULL,
    billsec_seconds integer DEFAULT 0 NOT NULL,
    call_status text NOT NULL,
    hangup_cause_code integer,
    hangup_cause_text text,
    hangup_by text,
    sip_call_id text,
    attempts integer DEFAULT 0 NOT NULL,
    counted boolean NOT NULL,
    late_excess boolean DEFAULT false NOT NULL,
    decision text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    reserved_at timestamp with time zone,
    qualify_seconds integer,
    qualified boolean DEFAULT false NOT NULL,
    changed_xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    overflow_exit text,
    overflowed_from bigint,
    overflowed_at timestamp with time zone
)
WITH (autovacuum_vacuum_insert_scale_factor='0.02', autovacuum_vacuum_insert_threshold='20000', autovacuum_analyze_scale_factor='0.02', autovacuum_analyze_threshold='20000');


ALTER TABLE capconduit.call_logs OWNER TO capconduit_owner;

--
-- Name: TABLE call_logs; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.call_logs IS 'One record per call that ever came, whatever became of it; plain ids, which may be gone';


--
-- Name: COLUMN call_logs.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.id IS 'Number of the record';


--
-- Name: COLUMN call_logs.asterisk_uniqueid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.asterisk_uniqueid IS 'Asterisk''s id of the call: the reason why no call is recorded twice';


--
-- Name: COLUMN call_logs.asterisk_linkedid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.asterisk_linkedid IS 'Asterisk''s id that links the legs of a call';


--
-- Name: COLUMN call_logs.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.user_id IS 'Seller who owned the number when the call came; null: unknown number or deleted seller';


--
-- Name: COLUMN call_logs.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.campaign_id IS 'Campaign that the call was routed by';


--
-- Name: COLUMN call_logs.did_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.did_id IS 'Number that was dialled';


--
-- Name: COLUMN call_logs.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.client_id IS 'Client of the last attempt, answered or not';


--
-- Name: COLUMN call_logs.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.link_id IS 'Link of the last attempt, answered or not';


--
-- Name: COLUMN call_logs.node; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.node IS 'Switch that had the call';


--
-- Name: COLUMN call_logs.incoming_did_number; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.incoming_did_number IS 'The number as it was dialled';


--
-- Name: COLUMN call_logs.caller_id_num; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.caller_id_num IS 'Caller''s number; null: withheld';


--
-- Name: COLUMN call_logs.caller_id_name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.caller_id_name IS 'Caller''s name';


--
-- Name: COLUMN call_logs.timestamp_start; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.timestamp_start IS 'When the call came in';


--
-- Name: COLUMN call_logs.timestamp_answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.timestamp_answered IS 'When a client answered; null: nobody did';


--
-- Name: COLUMN call_logs.timestamp_end; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.timestamp_end IS 'When the call ended';


--
-- Name: COLUMN call_logs.duration_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.duration_seconds IS 'From start to end';


--
-- Name: COLUMN call_logs.billsec_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.billsec_seconds IS 'From answer to end';


--
-- Name: COLUMN call_logs.call_status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.call_status IS 'ANSWERED, else the last dial status, REJECTED_<REASON> if nothing was dialled, FAILED_DATABASE, or LOST';


--
-- Name: COLUMN call_logs.hangup_cause_code; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.hangup_cause_code IS 'Q.850 cause';


--
-- Name: COLUMN call_logs.hangup_cause_text; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.hangup_cause_text IS 'Text of the cause';


--
-- Name: COLUMN call_logs.hangup_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.hangup_by IS 'Who ended the call: caller, client or system';


--
-- Name: COLUMN call_logs.sip_call_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.sip_call_id IS 'SIP Call-ID of the caller''s leg';


--
-- Name: COLUMN call_logs.attempts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.attempts IS 'How many clients were tried';


--
-- Name: COLUMN call_logs.counted; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.counted IS 'Whether the call counts against the link''s total: answered calls do, once';


--
-- Name: COLUMN call_logs.late_excess; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.late_excess IS 'Counted beyond a cap: without a slot, or after a total was lowered';


--
-- Name: COLUMN call_logs.decision; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.decision IS 'Why each link was or was not taken, as decided then';


--
-- Name: COLUMN call_logs.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.created_at IS 'When the record was written';


--
-- Name: COLUMN call_logs.reserved_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.reserved_at IS 'When the last slot was reserved: the windows of its link that the call belongs to. NULL: none, or before windows';


--
-- Name: COLUMN call_logs.qualify_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.qualify_seconds IS 'How long a good call had to talk';


--
-- Name: COLUMN call_logs.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.qualified IS 'Whether it was a good call: counted, and talked so long';


--
-- Name: COLUMN call_logs.changed_xid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.changed_xid IS 'Transaction that wrote the record last; 0: before it was noted';


--
-- Name: COLUMN call_logs.overflow_exit; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.overflow_exit IS 'Why the call went beyond those that its campaign asks first: all_closed, all_capped, no_more_targets; null: it did not';


--
-- Name: COLUMN call_logs.overflowed_from; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.overflowed_from IS 'The campaign that the call left for another one, campaign_id; it counts in both';


--
-- Name: COLUMN call_logs.overflowed_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.call_logs.overflowed_at IS 'When the call got its first slot in campaign_id';


--
-- Name: call_logs_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.call_logs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.call_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: caller_calls; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.caller_calls (
    uniqueid text NOT NULL,
    link_id bigint,
    client_id bigint,
    campaign_id bigint,
    user_id bigint,
    caller text NOT NULL,
    key text GENERATED ALWAYS AS (((COALESCE(('link:'::text || (link_id)::text), ('client:'::text || (client_id)::text), ('campaign:'::text || (campaign_id)::text), ('seller:'::text || (user_id)::text)) || ' '::text) || caller)) STORED NOT NULL,
    taken_by bigint NOT NULL,
    at timestamp with time zone NOT NULL,
    answered_seconds integer,
    qualified_seconds integer,
    lost_at timestamp with time zone,
    until timestamp with time zone,
    CONSTRAINT caller_calls_lost_check CHECK (((lost_at IS NULL) = (until IS NULL))),
    CONSTRAINT caller_calls_scope_check CHECK ((num_nonnulls(link_id, client_id, campaign_id, user_id) = 1)),
    CONSTRAINT caller_calls_seconds_check CHECK ((num_nonnulls(answered_seconds, qualified_seconds) > 0))
);


ALTER TABLE capconduit.caller_calls OWNER TO capconduit_owner;

--
-- Name: TABLE caller_calls; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.caller_calls IS 'Calls whose outcome is not known yet, in each scope that will remember their caller by it: those in flight, and those that were lost';


--
-- Name: COLUMN caller_calls.uniqueid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.uniqueid IS 'The call';


--
-- Name: COLUMN caller_calls.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.link_id IS 'Link that will remember it';


--
-- Name: COLUMN caller_calls.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.client_id IS 'Or client, over all its links';


--
-- Name: COLUMN caller_calls.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.campaign_id IS 'Or campaign';


--
-- Name: COLUMN caller_calls.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.user_id IS 'Or seller, over all its campaigns';


--
-- Name: COLUMN caller_calls.caller; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.caller IS 'Caller''s number, as in caller_marks';


--
-- Name: COLUMN caller_calls.key; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.key IS 'Scope and caller, as a call looks for them';


--
-- Name: COLUMN caller_calls.taken_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.taken_by IS 'Client that has the call';


--
-- Name: COLUMN caller_calls.at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.at IS 'When its slot was reserved';


--
-- Name: COLUMN caller_calls.answered_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.answered_seconds IS 'How long it is remembered if it is answered; null: it is not, -1: for ever';


--
-- Name: COLUMN caller_calls.qualified_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.qualified_seconds IS 'How long it is remembered if it is a good call; null: it is not, -1: for ever';


--
-- Name: COLUMN caller_calls.lost_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.lost_at IS 'When it was lost; null: it is in flight';


--
-- Name: COLUMN caller_calls.until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_calls.until IS 'Of one that was lost: until then it is remembered as one that may have been answered, unless its record comes';


--
-- Name: caller_marks; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.caller_marks (
    id bigint NOT NULL,
    link_id bigint,
    client_id bigint,
    campaign_id bigint,
    user_id bigint,
    caller text NOT NULL,
    kind text NOT NULL,
    until timestamp with time zone,
    source text DEFAULT 'hand'::text NOT NULL,
    note text,
    created_by bigint DEFAULT capconduit.session_user_id(),
    at timestamp with time zone DEFAULT now() NOT NULL,
    key text GENERATED ALWAYS AS (((COALESCE(('link:'::text || (link_id)::text), ('client:'::text || (client_id)::text), ('campaign:'::text || (campaign_id)::text), ('seller:'::text || (user_id)::text), 'platform'::text) || ' '::text) || caller)) STORED NOT NULL,
    after text,
    taken_by bigint,
    CONSTRAINT caller_marks_after_check CHECK ((after = ANY (ARRAY['offered'::text, 'answered'::text, 'qualified'::text]))),
    CONSTRAINT caller_marks_caller_check CHECK (((length(caller) <= 50) AND (caller = btrim(caller)) AND (caller ~ '[0-9]'::text) AND (caller !~ '^[1-9][0-9]{1,14}$'::text))),
    CONSTRAINT caller_marks_kind_check CHECK ((kind = ANY (ARRAY['seen'::text, 'blocked'::text, 'allowed'::text]))),
    CONSTRAINT caller_marks_note_check CHECK ((length(note) <= 200)),
    CONSTRAINT caller_marks_scope_check CHECK ((num_nonnulls(link_id, client_id, campaign_id, user_id) <= 1)),
    CONSTRAINT caller_marks_seen_check CHECK (((kind = 'seen'::text) = (after IS NOT NULL))),
    CONSTRAINT caller_marks_source_check CHECK ((source = ANY (ARRAY['hand'::text, 'import'::text, 'call'::text])))
);


ALTER TABLE capconduit.caller_marks OWNER TO capconduit_owner;

--
-- Name: TABLE caller_marks; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.caller_marks IS 'What is marked of callers: blocked and allowed by people, seen by their calls; of a link, client, campaign, seller, or of the platform';


--
-- Name: COLUMN caller_marks.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.id IS 'Number of the mark';


--
-- Name: COLUMN caller_marks.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.link_id IS 'Link that it is of; null as the three columns below: the platform';


--
-- Name: COLUMN caller_marks.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.client_id IS 'Client, over all its links';


--
-- Name: COLUMN caller_marks.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.campaign_id IS 'Campaign';


--
-- Name: COLUMN caller_marks.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.user_id IS 'Seller, over all its campaigns';


--
-- Name: COLUMN caller_marks.caller; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.caller IS 'Caller''s number: E.164 with its plus where it can be that, or else as the switch gives it';


--
-- Name: COLUMN caller_marks.kind; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.kind IS 'blocked: its calls are refused. allowed: it is blocked nowhere on the same side. seen: it has called';


--
-- Name: COLUMN caller_marks.until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.until IS 'Until then; null: for ever';


--
-- Name: COLUMN caller_marks.source; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.source IS 'hand, import, or call: how it came here';


--
-- Name: COLUMN caller_marks.note; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.note IS 'Why, for people';


--
-- Name: COLUMN caller_marks.created_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.created_by IS 'User who made it; null: a call';


--
-- Name: COLUMN caller_marks.at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.at IS 'When it was made; of one that is seen, when its last call came';


--
-- Name: COLUMN caller_marks.key; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.key IS 'Scope and caller, as a call looks for them';


--
-- Name: COLUMN caller_marks.after; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.after IS 'Of one that is seen: offered, answered or qualified, what a call had come to';


--
-- Name: COLUMN caller_marks.taken_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caller_marks.taken_by IS 'Of one that is seen: client that had the call';


--
-- Name: caller_marks_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.caller_marks ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.caller_marks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: campaign_client_settings; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.campaign_client_settings (
    id bigint NOT NULL,
    campaign_id bigint NOT NULL,
    client_id bigint NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    max_concurrency integer NOT NULL,
    total_calls_allowed bigint,
    forwarding_priority integer DEFAULT 0 NOT NULL,
    weight integer DEFAULT 100 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    min_seconds_between integer,
    qualify_seconds integer,
    capped boolean DEFAULT false NOT NULL,
    paused_until timestamp with time zone,
    pause_reason text,
    platform_paused_until timestamp with time zone,
    platform_pause_reason text,
    schedule_id bigint,
    screened boolean DEFAULT false NOT NULL,
    caller_rules jsonb,
    CONSTRAINT campaign_client_settings_forwarding_priority_check CHECK ((forwarding_priority >= 0)),
    CONSTRAINT campaign_client_settings_max_concurrency_check CHECK ((max_concurrency >= 1)),
    CONSTRAINT campaign_client_settings_min_seconds_between_check CHECK (((min_seconds_between >= 1) AND (min_seconds_between <= 86400))),
    CONSTRAINT campaign_client_settings_pause_check CHECK (((num_nulls(paused_until, pause_reason) = ANY (ARRAY[0, 2])) AND ((length(pause_reason) >= 1) AND (length(pause_reason) <= 200)))),
    CONSTRAINT campaign_client_settings_platform_pause_check CHECK (((num_nulls(platform_paused_until, platform_pause_reason) = ANY (ARRAY[0, 2])) AND ((length(platform_pause_reason) >= 1) AND (length(platform_pause_reason) <= 200)))),
    CONSTRAINT campaign_client_settings_qualify_seconds_check CHECK (((qualify_seconds >= 0) AND (qualify_seconds <= 86400))),
    CONSTRAINT campaign_client_settings_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text]))),
    CONSTRAINT campaign_client_settings_total_calls_allowed_check CHECK ((total_calls_allowed >= 0)),
    CONSTRAINT campaign_client_settings_weight_check CHECK (((weight >= 1) AND (weight <= 1000000)))
);


ALTER TABLE capconduit.campaign_client_settings OWNER TO capconduit_owner;

--
-- Name: TABLE campaign_client_settings; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.campaign_client_settings IS 'Links: which clients a campaign may send calls to, and how many';


--
-- Name: COLUMN campaign_client_settings.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.id IS 'Names the link; never used again, also after a deletion';


--
-- Name: COLUMN campaign_client_settings.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.campaign_id IS 'Campaign; never changes';


--
-- Name: COLUMN campaign_client_settings.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.client_id IS 'Client; never changes';


--
-- Name: COLUMN campaign_client_settings.status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.status IS 'Calls go over active links only';


--
-- Name: COLUMN campaign_client_settings.max_concurrency; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.max_concurrency IS 'Cap on calls at one time, from INVITE to hangup, ringing included';


--
-- Name: COLUMN campaign_client_settings.total_calls_allowed; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.total_calls_allowed IS 'Cap on counted calls for the life of the link; null: no limit, 0: closed';


--
-- Name: COLUMN campaign_client_settings.forwarding_priority; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.forwarding_priority IS 'Strategy priority: lower numbers first';


--
-- Name: COLUMN campaign_client_settings.weight; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.weight IS 'Strategy weighted: share of the offers';


--
-- Name: COLUMN campaign_client_settings.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.created_at IS 'When the row was made';


--
-- Name: COLUMN campaign_client_settings.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN campaign_client_settings.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.version IS 'Moves with every change of the row; If-Match of the REST API names it';


--
-- Name: COLUMN campaign_client_settings.min_seconds_between; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.min_seconds_between IS 'Spacing: the least seconds between two calls that the link gets, 1 to 86400; NULL: none';


--
-- Name: COLUMN campaign_client_settings.qualify_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.qualify_seconds IS 'The same for calls of this link; NULL: as the campaign says';


--
-- Name: COLUMN campaign_client_settings.capped; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.capped IS 'Whether it has rows in caps; moves with them alone';


--
-- Name: COLUMN campaign_client_settings.paused_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.paused_until IS 'Until then it gets no new call, its seller says; infinity: for good; null: it was not paused';


--
-- Name: COLUMN campaign_client_settings.pause_reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.pause_reason IS 'Why, in the seller''s words';


--
-- Name: COLUMN campaign_client_settings.platform_paused_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.platform_paused_until IS 'Until then it gets no new call, the platform says; infinity: for good; null: it was not paused';


--
-- Name: COLUMN campaign_client_settings.platform_pause_reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.platform_pause_reason IS 'Why, in the platform''s words';


--
-- Name: COLUMN campaign_client_settings.schedule_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.schedule_id IS 'When calls are taken; null: always';


--
-- Name: COLUMN campaign_client_settings.screened; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.screened IS 'Whether callers are blocked or allowed on it; moves with caller_marks alone';


--
-- Name: COLUMN campaign_client_settings.caller_rules; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_client_settings.caller_rules IS 'What becomes of callers that call again: [{"after": offered, answered or qualified, "seconds": null is for ever, "action": skip}]';


--
-- Name: campaigns; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.campaigns (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    routing_strategy text NOT NULL,
    dial_timeout_seconds integer NOT NULL,
    max_ring_seconds integer,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    qualify_seconds integer DEFAULT 30 NOT NULL,
    paused_until timestamp with time zone,
    pause_reason text,
    platform_paused_until timestamp with time zone,
    platform_pause_reason text,
    schedule_id bigint,
    screened boolean DEFAULT false NOT NULL,
    anonymous_callers text DEFAULT 'allow'::text NOT NULL,
    min_redial_seconds integer,
    caller_rules jsonb,
    overflow jsonb,
    CONSTRAINT campaigns_anonymous_callers_check CHECK ((anonymous_callers = ANY (ARRAY['allow'::text, 'reject'::text]))),
    CONSTRAINT campaigns_dial_timeout_seconds_check CHECK (((dial_timeout_seconds >= 1) AND (dial_timeout_seconds <= 600))),
    CONSTRAINT campaigns_max_ring_seconds_check CHECK (((max_ring_seconds >= 10) AND (max_ring_seconds <= 600))),
    CONSTRAINT campaigns_min_redial_seconds_check CHECK (((min_redial_seconds >= 1) AND (min_redial_seconds <= 86400))),
    CONSTRAINT campaigns_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100))),
    CONSTRAINT campaigns_pause_check CHECK (((num_nulls(paused_until, pause_reason) = ANY (ARRAY[0, 2])) AND ((length(pause_reason) >= 1) AND (length(pause_reason) <= 200)))),
    CONSTRAINT campaigns_platform_pause_check CHECK (((num_nulls(platform_paused_until, platform_pause_reason) = ANY (ARRAY[0, 2])) AND ((length(platform_pause_reason) >= 1) AND (length(platform_pause_reason) <= 200)))),
    CONSTRAINT campaigns_qualify_seconds_check CHECK (((qualify_seconds >= 0) AND (qualify_seconds <= 86400))),
    CONSTRAINT campaigns_routing_strategy_check CHECK ((routing_strategy = ANY (ARRAY['priority'::text, 'round_robin'::text, 'weighted'::text]))),
    CONSTRAINT campaigns_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'paused'::text])))
);


ALTER TABLE capconduit.campaigns OWNER TO capconduit_owner;

--
-- Name: TABLE campaigns; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.campaigns IS 'How the calls of some numbers are shared out among clients';


--
-- Name: COLUMN campaigns.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.id IS 'Never used again; of several active campaigns of one number the lowest id is used';


--
-- Name: COLUMN campaigns.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.user_id IS 'Seller who owns the campaign';


--
-- Name: COLUMN campaigns.name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.name IS 'Unique among the seller''s campaigns';


--
-- Name: COLUMN campaigns.status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.status IS 'Only active campaigns are routed';


--
-- Name: COLUMN campaigns.routing_strategy; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.routing_strategy IS 'priority: lowest number first; round_robin: strictly in turn; weighted: in proportion to weight';


--
-- Name: COLUMN campaigns.dial_timeout_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.dial_timeout_seconds IS 'How long one client may ring';


--
-- Name: COLUMN campaigns.max_ring_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.max_ring_seconds IS 'How long all attempts of a call may ring together; null: the platform''s default';


--
-- Name: COLUMN campaigns.description; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.description IS 'Free text of the seller';


--
-- Name: COLUMN campaigns.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.created_at IS 'When the row was made';


--
-- Name: COLUMN campaigns.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN campaigns.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.version IS 'Moves with every change of the row; If-Match of the REST API names it';


--
-- Name: COLUMN campaigns.qualify_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.qualify_seconds IS 'A good call is answered and talks for so long; a link may have its own';


--
-- Name: COLUMN campaigns.paused_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.paused_until IS 'Until then it gets no new call, its seller says; infinity: for good; null: it was not paused';


--
-- Name: COLUMN campaigns.pause_reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.pause_reason IS 'Why, in the seller''s words';


--
-- Name: COLUMN campaigns.platform_paused_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.platform_paused_until IS 'Until then it gets no new call, the platform says; infinity: for good; null: it was not paused';


--
-- Name: COLUMN campaigns.platform_pause_reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.platform_pause_reason IS 'Why, in the platform''s words';


--
-- Name: COLUMN campaigns.schedule_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.schedule_id IS 'When calls are taken; null: always';


--
-- Name: COLUMN campaigns.screened; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.screened IS 'Whether callers are blocked or allowed in it; moves with caller_marks alone';


--
-- Name: COLUMN campaigns.anonymous_callers; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.anonymous_callers IS 'allow or reject: calls without a caller''s number';


--
-- Name: COLUMN campaigns.min_redial_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.min_redial_seconds IS 'The least seconds between two calls of one caller; null: any';


--
-- Name: COLUMN campaigns.caller_rules; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.caller_rules IS 'What becomes of callers that call again: [{"after": offered, answered or qualified, "seconds": null is for ever, "action": reject, same_client or same_client_only}]';


--
-- Name: COLUMN campaigns.overflow; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaigns.overflow IS 'Who is asked where nobody of its own takes a call: [{"exit": all_closed, all_capped or no_more_targets, "campaign" or "link": id}]; such a link is asked for nothing else';


--
-- Name: users; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.users (
    id bigint NOT NULL,
    username text NOT NULL,
    email text NOT NULL,
    password_hash text NOT NULL,
    role text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    full_name text,
    company_name text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    metered boolean DEFAULT false NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    screened boolean DEFAULT false NOT NULL,
    caller_rules jsonb,
    CONSTRAINT users_company_name_check CHECK ((length(company_name) <= 100)),
    CONSTRAINT users_email_check CHECK (((length(email) >= 3) AND (length(email) <= 120) AND (POSITION(('@'::text) IN (email)) > 1))),
    CONSTRAINT users_full_name_check CHECK ((length(full_name) <= 100)),
    CONSTRAINT users_password_hash_check CHECK ((password_hash ~~ '$argon2id$%'::text)),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'staff'::text, 'user'::text]))),
    CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text, 'pending_approval'::text, 'suspended'::text]))),
    CONSTRAINT users_username_check CHECK (((length(username) >= 3) AND (length(username) <= 80)))
);


ALTER TABLE capconduit.users OWNER TO capconduit_owner;

--
-- Name: TABLE users; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.users IS 'People who log in: administrators, staff and call sellers';


--
-- Name: COLUMN users.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.id IS 'Never used again, also after a deletion';


--
-- Name: COLUMN users.username; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.username IS 'Login name, unique without regard to case; never changes';


--
-- Name: COLUMN users.email; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.email IS 'Address, unique without regard to case';


--
-- Name: COLUMN users.password_hash; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.password_hash IS 'argon2id hash of the password';


--
-- Name: COLUMN users.role; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.role IS 'admin, staff, or user (a call seller)';


--
-- Name: COLUMN users.status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.status IS 'Only active users log in, and only an active seller''s numbers are routed';


--
-- Name: COLUMN users.full_name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.full_name IS 'Name of the person';


--
-- Name: COLUMN users.company_name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.company_name IS 'Name of the company';


--
-- Name: COLUMN users.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.created_at IS 'When the row was made';


--
-- Name: COLUMN users.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN users.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.version IS 'Moves with every change of the row; If-Match of the REST API names it';


--
-- Name: COLUMN users.metered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.metered IS 'Whether it, or one of its campaigns or numbers, has had a meter';


--
-- Name: COLUMN users.time_zone; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.time_zone IS 'IANA zone that the windows of its own caps, and of its campaigns and numbers, begin and end in';


--
-- Name: COLUMN users.screened; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.screened IS 'Whether it or the platform has blocked or allowed callers; moves with caller_marks alone';


--
-- Name: COLUMN users.caller_rules; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.users.caller_rules IS 'What becomes of callers that call again: [{"after": offered, answered or qualified, "seconds": null is for ever, "action": reject, same_client or same_client_only}]';


--
-- Name: callers_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.callers_view WITH (security_invoker='true') AS
 SELECT m.id,
    t.scope,
    COALESCE(m.link_id, m.client_id, m.campaign_id, m.user_id) AS scope_id,
        CASE t.scope
            WHEN 'link'::text THEN concat_ws(' – '::text, c.name, k.name)
            WHEN 'client'::text THEN k.name
            WHEN 'campaign'::text THEN c.name
            WHEN 'seller'::text THEN v.username
            ELSE NULL::text
        END AS scope_name,
    v.id AS user_id,
    c.id AS campaign_id,
    m.link_id,
    k.id AS client_id,
    m.caller,
    m.kind,
    m.until,
    m.source,
    m.note,
    m.created_by,
    b.username AS created_by_name,
    m.at,
    m.after,
    m.taken_by
   FROM ((((((capconduit.caller_marks m
     CROSS JOIN LATERAL ( VALUES (
                CASE
                    WHEN (m.link_id IS NOT NULL) THEN 'link'::text
                    WHEN (m.client_id IS NOT NULL) THEN 'client'::text
                    WHEN (m.campaign_id IS NOT NULL) THEN 'campaign'::text
                    WHEN (m.user_id IS NOT NULL) THEN 'seller'::text
                    ELSE 'platform'::text
                END)) t(scope))
     LEFT JOIN capconduit.campaign_client_settings s ON ((s.id = m.link_id)))
     LEFT JOIN capconduit.clients k ON ((k.id = COALESCE(m.client_id, s.client_id))))
     LEFT JOIN capconduit.campaigns c ON ((c.id = COALESCE(m.campaign_id, s.campaign_id))))
     LEFT JOIN capconduit.users v ON ((v.id = COALESCE(m.user_id, c.user_id))))
     LEFT JOIN capconduit.users b ON ((b.id = m.created_by)))
  WHERE ((m.until IS NULL) OR (m.until > now()));


ALTER TABLE capconduit.callers_view OWNER TO capconduit_owner;

--
-- Name: VIEW callers_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.callers_view IS 'What is marked of callers and has not ended, with what it is of and who made it';


--
-- Name: campaign_client_settings_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.campaign_client_settings ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.campaign_client_settings_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: campaign_dids; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.campaign_dids (
    campaign_id bigint NOT NULL,
    did_id bigint NOT NULL
);


ALTER TABLE capconduit.campaign_dids OWNER TO capconduit_owner;

--
-- Name: TABLE campaign_dids; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.campaign_dids IS 'Which numbers a campaign takes';


--
-- Name: COLUMN campaign_dids.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_dids.campaign_id IS 'Campaign';


--
-- Name: COLUMN campaign_dids.did_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.campaign_dids.did_id IS 'Number of the same seller';


--
-- Name: campaigns_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.campaigns ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.campaigns_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: cap_events; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.cap_events (
    id bigint NOT NULL,
    at timestamp with time zone DEFAULT now() NOT NULL,
    cap_id bigint NOT NULL,
    user_id bigint,
    campaign_id bigint,
    link_id bigint,
    client_id bigint,
    did_id bigint,
    subject_type text NOT NULL,
    subject_id bigint NOT NULL,
    subject_name text NOT NULL,
    counts text NOT NULL,
    span text NOT NULL,
    set_by text NOT NULL,
    enforce boolean NOT NULL,
    max_calls bigint NOT NULL,
    threshold smallint NOT NULL,
    used bigint NOT NULL,
    in_flight bigint NOT NULL,
    starts_at timestamp with time zone,
    ends_at timestamp with time zone,
    CONSTRAINT cap_events_threshold_check CHECK ((threshold = ANY (ARRAY[75, 90, 100])))
);


ALTER TABLE capconduit.cap_events OWNER TO capconduit_owner;

--
-- Name: TABLE cap_events; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.cap_events IS 'When caps came to 75, 90 and 100 percent of their limits, calls in flight included; kept for 90 days';


--
-- Name: COLUMN cap_events.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.id IS 'Order in which they were written';


--
-- Name: COLUMN cap_events.at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.at IS 'When it was noticed';


--
-- Name: COLUMN cap_events.cap_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.cap_id IS 'Cap, which may be gone';


--
-- Name: COLUMN cap_events.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.user_id IS 'Seller whose cap it is; null: a client''s';


--
-- Name: COLUMN cap_events.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.campaign_id IS 'Campaign, its own or the link''s';


--
-- Name: COLUMN cap_events.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.link_id IS 'Link; null: not of a link';


--
-- Name: COLUMN cap_events.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.client_id IS 'Client';


--
-- Name: COLUMN cap_events.did_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.did_id IS 'Number';


--
-- Name: COLUMN cap_events.subject_type; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.subject_type IS 'link, client, did, campaign or seller';


--
-- Name: COLUMN cap_events.subject_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.subject_id IS 'Which one';


--
-- Name: COLUMN cap_events.subject_name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.subject_name IS 'As it was called then; a link: its campaign and its client';


--
-- Name: COLUMN cap_events.counts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.counts IS 'As of the cap';


--
-- Name: COLUMN cap_events.span; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.span IS 'As of the cap: hour, day, week, month or total';


--
-- Name: COLUMN cap_events.set_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.set_by IS 'As of the cap';


--
-- Name: COLUMN cap_events.enforce; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.enforce IS 'As of the cap then';


--
-- Name: COLUMN cap_events.max_calls; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.max_calls IS 'Limit then';


--
-- Name: COLUMN cap_events.threshold; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.threshold IS '75, 90 or 100 percent';


--
-- Name: COLUMN cap_events.used; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.used IS 'Calls that had counted';


--
-- Name: COLUMN cap_events.in_flight; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.in_flight IS 'Calls that could still count';


--
-- Name: COLUMN cap_events.starts_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.starts_at IS 'The window, by its start; null: total';


--
-- Name: COLUMN cap_events.ends_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.cap_events.ends_at IS 'When that window ends';


--
-- Name: cap_events_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.cap_events ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.cap_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: caps; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.caps (
    id bigint NOT NULL,
    link_id bigint,
    counts text NOT NULL,
    span text NOT NULL,
    set_by text NOT NULL,
    max_calls bigint NOT NULL,
    enforce boolean DEFAULT true NOT NULL,
    note text,
    created_by bigint DEFAULT capconduit.session_user_id(),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    client_id bigint,
    did_id bigint,
    campaign_id bigint,
    user_id bigint,
    CONSTRAINT caps_client_set_by_check CHECK (((client_id IS NULL) OR (set_by = 'platform'::text))),
    CONSTRAINT caps_concurrent_check CHECK (((span <> 'concurrent'::text) OR (counts = 'offered'::text))),
    CONSTRAINT caps_counts_check CHECK ((counts = ANY (ARRAY['offered'::text, 'answered'::text, 'qualified'::text]))),
    CONSTRAINT caps_max_calls_check CHECK (((max_calls >= 0) AND (max_calls <= '1000000000000'::bigint))),
    CONSTRAINT caps_note_check CHECK ((length(note) <= 200)),
    CONSTRAINT caps_set_by_check CHECK ((set_by = ANY (ARRAY['platform'::text, 'seller'::text]))),
    CONSTRAINT caps_span_check CHECK ((span = ANY (ARRAY['concurrent'::text, 'hour'::text, 'day'::text, 'week'::text, 'month'::text, 'total'::text]))),
    CONSTRAINT caps_subject_check CHECK ((num_nonnulls(link_id, client_id, did_id, campaign_id, user_id) = 1))
);


ALTER TABLE capconduit.caps OWNER TO capconduit_owner;

--
-- Name: TABLE caps; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.caps IS 'Caps of links and of clients, each over one window; all of them must have room for a call';


--
-- Name: COLUMN caps.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.id IS 'Number of the cap';


--
-- Name: COLUMN caps.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.link_id IS 'Link; null: it is a cap of something else, as the four columns below';


--
-- Name: COLUMN caps.counts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.counts IS 'offered: a slot was reserved. answered: counted. qualified: a good call';


--
-- Name: COLUMN caps.span; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.span IS 'concurrent, hour, day, week, month or total; hours to months of the client''s time zone, or the seller''s';


--
-- Name: COLUMN caps.set_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.set_by IS 'platform or seller: each changes its own';


--
-- Name: COLUMN caps.max_calls; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.max_calls IS 'So many and no more; 0: closed';


--
-- Name: COLUMN caps.enforce; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.enforce IS 'false: shown, and stops no call';


--
-- Name: COLUMN caps.note; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.note IS 'Why, for people';


--
-- Name: COLUMN caps.created_by; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.created_by IS 'User who made it; null once that user is deleted';


--
-- Name: COLUMN caps.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.created_at IS 'When the row was made';


--
-- Name: COLUMN caps.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN caps.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.version IS 'Moves with every change of the row; If-Match of the REST API names it';


--
-- Name: COLUMN caps.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.client_id IS 'Client, over all its links';


--
-- Name: COLUMN caps.did_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.did_id IS 'Number';


--
-- Name: COLUMN caps.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.campaign_id IS 'Campaign';


--
-- Name: COLUMN caps.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.caps.user_id IS 'Seller';


--
-- Name: caps_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.caps ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.caps_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: dids; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.dids (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    number text NOT NULL,
    status text DEFAULT 'active'::text NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint DEFAULT 1 NOT NULL,
    schedule_id bigint,
    CONSTRAINT dids_description_check CHECK ((length(description) <= 255)),
    CONSTRAINT dids_number_check CHECK ((number ~ '^\+[1-9][0-9]{1,14}$'::text)),
    CONSTRAINT dids_status_check CHECK ((status = ANY (ARRAY['active'::text, 'inactive'::text])))
);


ALTER TABLE capconduit.dids OWNER TO capconduit_owner;

--
-- Name: TABLE dids; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.dids IS 'Phone numbers of sellers that callers dial';


--
-- Name: COLUMN dids.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.id IS 'Never used again, also after a deletion';


--
-- Name: COLUMN dids.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.user_id IS 'Seller who owns the number';


--
-- Name: COLUMN dids.number; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.number IS 'E.164 with plus sign, unique; never changes';


--
-- Name: COLUMN dids.status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.status IS 'Calls to an inactive number are rejected';


--
-- Name: COLUMN dids.description; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.description IS 'Free text of the seller';


--
-- Name: COLUMN dids.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.created_at IS 'When the row was made';


--
-- Name: COLUMN dids.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN dids.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.version IS 'Moves with every change of the row; If-Match of the REST API names it';


--
-- Name: COLUMN dids.schedule_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.dids.schedule_id IS 'When calls are taken; null: always';


--
-- Name: link_counters; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.link_counters (
    link_id bigint NOT NULL,
    active integer DEFAULT 0 NOT NULL,
    total bigint DEFAULT 0 NOT NULL,
    base bigint DEFAULT 0 NOT NULL,
    last_seq bigint DEFAULT 0 NOT NULL,
    reserved_at timestamp with time zone,
    offered bigint DEFAULT 0 NOT NULL,
    answered bigint DEFAULT 0 NOT NULL,
    qualified bigint DEFAULT 0 NOT NULL,
    unsettled integer DEFAULT 0 NOT NULL,
    windows_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    windows_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    client_metered boolean DEFAULT false NOT NULL,
    seller_metered boolean DEFAULT false NOT NULL,
    CONSTRAINT link_counters_active_check CHECK ((active >= 0))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='200', autovacuum_analyze_threshold='1000000', autovacuum_vacuum_cost_delay='0', vacuum_truncate=off);


ALTER TABLE capconduit.link_counters OWNER TO capconduit_owner;

--
-- Name: TABLE link_counters; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.link_counters IS 'Use of each link, written by the call functions only: the row that caps are checked on';


--
-- Name: COLUMN link_counters.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.link_id IS 'Link';


--
-- Name: COLUMN link_counters.active; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.active IS 'Calls that hold a slot now: equal to the rows of live_calls that hold it';


--
-- Name: COLUMN link_counters.total; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.total IS 'Counted calls: equal to base plus the counted rows of call_logs';


--
-- Name: COLUMN link_counters.base; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.base IS 'Part of the total that has no rows: purged records and audited adjustments';


--
-- Name: COLUMN link_counters.last_seq; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.last_seq IS 'Turn of the last reservation, for round_robin';


--
-- Name: COLUMN link_counters.reserved_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.reserved_at IS 'When a call last got one of its slots; NULL: never since spacing is known';


--
-- Name: COLUMN link_counters.offered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.offered IS 'Slots reserved since windows are kept';


--
-- Name: COLUMN link_counters.answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.answered IS 'Counted calls since windows are kept';


--
-- Name: COLUMN link_counters.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.qualified IS 'Good calls since windows are kept';


--
-- Name: COLUMN link_counters.unsettled; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.unsettled IS 'Calls closed as LOST whose outcome is not known: each may still count';


--
-- Name: COLUMN link_counters.windows_from; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.windows_from IS 'When the last of the present windows began';


--
-- Name: COLUMN link_counters.windows_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.windows_until IS 'When the first of the present windows ends';


--
-- Name: COLUMN link_counters.client_metered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.client_metered IS 'Whether its client has a meter, which moves with these';


--
-- Name: COLUMN link_counters.seller_metered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_counters.seller_metered IS 'Whether its seller, or one of its campaigns or numbers, has had a meter';


--
-- Name: link_windows; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.link_windows (
    link_id bigint NOT NULL,
    span text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    time_zone text NOT NULL,
    active integer NOT NULL,
    unsettled integer NOT NULL,
    offered bigint NOT NULL,
    answered bigint NOT NULL,
    qualified bigint NOT NULL,
    CONSTRAINT link_windows_bounds_check CHECK ((starts_at < ends_at)),
    CONSTRAINT link_windows_span_check CHECK ((span = ANY (ARRAY['hour'::text, 'day'::text, 'week'::text, 'month'::text])))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='200', autovacuum_analyze_threshold='1000000', autovacuum_vacuum_cost_delay='0', vacuum_truncate=off);


ALTER TABLE capconduit.link_windows OWNER TO capconduit_owner;

--
-- Name: TABLE link_windows; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.link_windows IS 'The present hour, day, week and month of each link: what was used is what link_counters has more';


--
-- Name: COLUMN link_windows.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.link_id IS 'Link';


--
-- Name: COLUMN link_windows.span; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.span IS 'hour, day, week or month';


--
-- Name: COLUMN link_windows.starts_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.starts_at IS 'Start of the window, or of its first call since windows are kept; the start belongs to it';


--
-- Name: COLUMN link_windows.ends_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.ends_at IS 'End of the window; it does not belong to it';


--
-- Name: COLUMN link_windows.time_zone; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.time_zone IS 'Zone of the client that the end was computed in';


--
-- Name: COLUMN link_windows.active; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.active IS 'Slots held at the start by calls whose outcome is not known yet';


--
-- Name: COLUMN link_windows.unsettled; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.unsettled IS 'The same of calls closed as LOST';


--
-- Name: COLUMN link_windows.offered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.offered IS 'link_counters.offered at the start';


--
-- Name: COLUMN link_windows.answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.answered IS 'link_counters.answered at the start';


--
-- Name: COLUMN link_windows.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_windows.qualified IS 'link_counters.qualified at the start';


--
-- Name: meter_windows; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.meter_windows (
    meter_id bigint NOT NULL,
    span text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    time_zone text NOT NULL,
    active integer NOT NULL,
    unsettled integer NOT NULL,
    offered bigint NOT NULL,
    answered bigint NOT NULL,
    qualified bigint NOT NULL,
    CONSTRAINT meter_windows_bounds_check CHECK ((starts_at < ends_at)),
    CONSTRAINT meter_windows_span_check CHECK ((span = ANY (ARRAY['hour'::text, 'day'::text, 'week'::text, 'month'::text])))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='200', autovacuum_analyze_threshold='1000000', autovacuum_vacuum_cost_delay='0', vacuum_truncate=off);


ALTER TABLE capconduit.meter_windows OWNER TO capconduit_owner;

--
-- Name: TABLE meter_windows; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.meter_windows IS 'The present hour, day, week and month of each meter: what was used is what it has more';


--
-- Name: COLUMN meter_windows.meter_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.meter_id IS 'Meter';


--
-- Name: COLUMN meter_windows.span; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.span IS 'hour, day, week or month';


--
-- Name: COLUMN meter_windows.starts_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.starts_at IS 'Start of the window; it belongs to it';


--
-- Name: COLUMN meter_windows.ends_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.ends_at IS 'End of the window; it does not belong to it';


--
-- Name: COLUMN meter_windows.time_zone; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.time_zone IS 'Zone of the client or the seller that the end was computed in';


--
-- Name: COLUMN meter_windows.active; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.active IS 'Slots held at the start by calls whose outcome is not known yet';


--
-- Name: COLUMN meter_windows.unsettled; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.unsettled IS 'The same of calls closed as LOST';


--
-- Name: COLUMN meter_windows.offered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.offered IS 'meters.offered at the start';


--
-- Name: COLUMN meter_windows.answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.answered IS 'meters.answered at the start';


--
-- Name: COLUMN meter_windows.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_windows.qualified IS 'meters.qualified at the start';


--
-- Name: meters; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.meters (
    id bigint NOT NULL,
    subject_type text NOT NULL,
    subject_id bigint NOT NULL,
    owner_id bigint,
    active integer NOT NULL,
    unsettled integer NOT NULL,
    offered bigint NOT NULL,
    answered bigint NOT NULL,
    qualified bigint NOT NULL,
    windows_from timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    windows_until timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    reserved_at timestamp with time zone,
    seats integer,
    seats_until timestamp with time zone,
    seats_close boolean,
    seats_sequence bigint,
    CONSTRAINT meters_active_check CHECK ((active >= 0)),
    CONSTRAINT meters_owner_check CHECK (((subject_type = 'client'::text) = (owner_id IS NULL))),
    CONSTRAINT meters_seats_check CHECK (
CASE
    WHEN (seats IS NULL) THEN (ROW(seats_until, seats_close, seats_sequence) IS NULL)
    ELSE ((subject_type = 'client'::text) AND ((seats >= 0) AND (seats <= 100000)) AND (ROW(seats_until, seats_close) IS NOT NULL))
END),
    CONSTRAINT meters_subject_type_check CHECK ((subject_type = ANY (ARRAY['client'::text, 'did'::text, 'campaign'::text, 'seller'::text])))
)
WITH (fillfactor='50', autovacuum_vacuum_scale_factor='0.05', autovacuum_vacuum_threshold='200', autovacuum_analyze_threshold='1000000', autovacuum_vacuum_cost_delay='0', vacuum_truncate=off);


ALTER TABLE capconduit.meters OWNER TO capconduit_owner;

--
-- Name: TABLE meters; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.meters IS 'Use of each client, number, campaign and seller that has, or had, caps of its own: the row that these are checked on';


--
-- Name: COLUMN meters.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.id IS 'Number of the meter';


--
-- Name: COLUMN meters.subject_type; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.subject_type IS 'client, did, campaign or seller';


--
-- Name: COLUMN meters.subject_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.subject_id IS 'Which one';


--
-- Name: COLUMN meters.owner_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.owner_id IS 'The seller whose calls it counts; null: a client''s, of all sellers';


--
-- Name: COLUMN meters.active; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.active IS 'Its calls that hold a slot now';


--
-- Name: COLUMN meters.unsettled; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.unsettled IS 'Calls closed as LOST whose outcome is not known: each may still count';


--
-- Name: COLUMN meters.offered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.offered IS 'A client: slots reserved. Else: calls that got one, each once';


--
-- Name: COLUMN meters.answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.answered IS 'Counted calls';


--
-- Name: COLUMN meters.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.qualified IS 'Good calls';


--
-- Name: COLUMN meters.windows_from; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.windows_from IS 'When the last of the present windows began';


--
-- Name: COLUMN meters.windows_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.windows_until IS 'When the first of the present windows ends';


--
-- Name: COLUMN meters.reserved_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.reserved_at IS 'When a call last got one of its slots';


--
-- Name: COLUMN meters.seats; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.seats IS 'Calls at one time that the client says it can take; null: it tells none';


--
-- Name: COLUMN meters.seats_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.seats_until IS 'Until when that holds';


--
-- Name: COLUMN meters.seats_close; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.seats_close IS 'Whether it takes no calls after that; else its caps alone count';


--
-- Name: COLUMN meters.seats_sequence; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meters.seats_sequence IS 'Of what was told last; null: without one';


--
-- Name: caps_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.caps_view WITH (security_invoker='true') AS
 SELECT c.id,
    c.link_id,
    c.campaign_id,
    c.campaign_name,
    c.user_id,
    c.client_id,
    c.client_identifier,
    c.client_name,
    c.counts,
    c.span,
    c.max_calls,
    c.set_by,
    c.enforce,
    u.used,
    u.in_flight,
    GREATEST(((c.max_calls - u.used) - u.in_flight), (0)::bigint) AS remaining,
    p.starts_at,
        CASE
            WHEN (p.ends_at < '9999-01-01 00:00:00+00'::timestamp with time zone) THEN p.ends_at
            ELSE NULL::timestamp with time zone
        END AS resets_at,
    c.time_zone,
    c.note,
    c.created_by,
    c.created_at,
    c.updated_at,
    c.version,
    c.subject_type,
    c.subject_id,
    c.subject_name,
    c.did_id
   FROM ( SELECT 'link'::text AS subject_type,
            c_1.link_id AS subject_id,
            concat_ws(' – '::text, m.name, k.name) AS subject_name,
            c_1.id,
            c_1.link_id,
            s.campaign_id,
            m.name AS campaign_name,
            m.user_id,
            s.client_id,
            k.client_identifier,
            k.name AS client_name,
            NULL::bigint AS did_id,
            k.time_zone,
            c_1.counts,
            c_1.span,
            c_1.max_calls,
            c_1.set_by,
            c_1.enforce,
            c_1.note,
            c_1.created_by,
            c_1.created_at,
            c_1.updated_at,
            c_1.version,
            n.active,
            n.unsettled,
            n.offered,
            n.answered,
            n.qualified,
            w.starts_at AS was_from,
            w.ends_at AS was_until,
            w.time_zone AS was_zone,
            w.active AS was_active,
            w.unsettled AS was_unsettled,
            w.offered AS was_offered,
            w.answered AS was_answered,
            w.qualified AS was_qualified
           FROM (((((capconduit.caps c_1
             JOIN capconduit.campaign_client_settings s ON ((s.id = c_1.link_id)))
             JOIN capconduit.campaigns m ON ((m.id = s.campaign_id)))
             JOIN capconduit.clients k ON ((k.id = s.client_id)))
             JOIN capconduit.link_counters n ON ((n.link_id = c_1.link_id)))
             LEFT JOIN capconduit.link_windows w ON (((w.link_id = c_1.link_id) AND (w.span = c_1.span))))
        UNION ALL
         SELECT t.subject_type,
            t.subject_id,
            COALESCE(k.name, d.number, m.name, v.username) AS "coalesce",
            c_1.id,
            NULL::bigint,
            c_1.campaign_id,
            m.name,
            v.id,
            c_1.client_id,
            k.client_identifier,
            k.name,
            c_1.did_id,
            COALESCE(k.time_zone, v.time_zone) AS "coalesce",
            c_1.counts,
            c_1.span,
            c_1.max_calls,
            c_1.set_by,
            c_1.enforce,
            c_1.note,
            c_1.created_by,
            c_1.created_at,
            c_1.updated_at,
            c_1.version,
            COALESCE(n.active, 0) AS "coalesce",
            COALESCE(n.unsettled, 0) AS "coalesce",
            COALESCE(n.offered, (0)::bigint) AS "coalesce",
            COALESCE(n.answered, (0)::bigint) AS "coalesce",
            COALESCE(n.qualified, (0)::bigint) AS "coalesce",
            w.starts_at,
            w.ends_at,
            w.time_zone,
            w.active,
            w.unsettled,
            w.offered,
            w.answered,
            w.qualified
           FROM (((((((capconduit.caps c_1
             JOIN LATERAL ( VALUES ('client'::text,c_1.client_id), ('did'::text,c_1.did_id), ('campaign'::text,c_1.campaign_id), ('seller'::text,c_1.user_id)) t(subject_type, subject_id) ON ((t.subject_id IS NOT NULL)))
             LEFT JOIN capconduit.clients k ON ((k.id = c_1.client_id)))
             LEFT JOIN capconduit.dids d ON ((d.id = c_1.did_id)))
             LEFT JOIN capconduit.campaigns m ON ((m.id = c_1.campaign_id)))
             LEFT JOIN capconduit.users v ON ((v.id = COALESCE(c_1.user_id, d.user_id, m.user_id))))
             LEFT JOIN capconduit.meters n ON (((n.subject_id = t.subject_id) AND (n.subject_type = t.subject_type))))
             LEFT JOIN capconduit.meter_windows w ON (((w.meter_id = n.id) AND (w.span = c_1.span))))) c,
    LATERAL capconduit.present_window(c.span, now(), c.time_zone, c.was_from, c.was_until, c.was_zone) p(starts_at, ends_at),
    LATERAL ( SELECT ((c.span = 'total'::text) OR (c.was_from = p.starts_at)) AS goes_on) g,
    LATERAL ( SELECT
                CASE
                    WHEN (c.span = 'concurrent'::text) THEN (c.active)::bigint
                    WHEN (NOT COALESCE(g.goes_on, false)) THEN (0)::bigint
                    WHEN (c.counts = 'offered'::text) THEN (c.offered - COALESCE(c.was_offered, (0)::bigint))
                    WHEN (c.counts = 'answered'::text) THEN (c.answered - COALESCE(c.was_answered, (0)::bigint))
                    ELSE (c.qualified - COALESCE(c.was_qualified, (0)::bigint))
                END AS used,
                CASE
                    WHEN ((c.span = 'concurrent'::text) OR (c.counts = 'offered'::text) OR (NOT COALESCE(g.goes_on, false))) THEN 0
                    ELSE ((c.active + c.unsettled) - COALESCE((c.was_active + c.was_unsettled), 0))
                END AS in_flight) u;


ALTER TABLE capconduit.caps_view OWNER TO capconduit_owner;

--
-- Name: VIEW caps_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.caps_view IS 'Caps with what is used of them now, and when their windows end';


--
-- Name: clients_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.clients ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.clients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: dids_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.dids ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.dids_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: gone_links; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.gone_links (
    id bigint NOT NULL,
    link_id bigint NOT NULL,
    client_id bigint NOT NULL,
    gone_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE capconduit.gone_links OWNER TO capconduit_owner;

--
-- Name: TABLE gone_links; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.gone_links IS 'Links that were deleted, of clients without a meter: one begins with their calls, too';


--
-- Name: COLUMN gone_links.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.gone_links.id IS 'Number of the row';


--
-- Name: COLUMN gone_links.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.gone_links.link_id IS 'Link';


--
-- Name: COLUMN gone_links.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.gone_links.client_id IS 'Its client';


--
-- Name: COLUMN gone_links.gone_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.gone_links.gone_at IS 'When it was deleted';


--
-- Name: gone_links_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.gone_links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.gone_links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: hearing; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.hearing (
    only_one boolean DEFAULT true NOT NULL,
    since timestamp with time zone NOT NULL,
    last timestamp with time zone NOT NULL,
    CONSTRAINT hearing_only_one_check CHECK (only_one)
)
WITH (fillfactor='50');


ALTER TABLE capconduit.hearing OWNER TO capconduit_owner;

--
-- Name: TABLE hearing; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.hearing IS 'Whether switches are heard at all: one row. Only then is the silence of one of them its own';


--
-- Name: COLUMN hearing.only_one; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.hearing.only_one IS 'Always true';


--
-- Name: COLUMN hearing.since; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.hearing.since IS 'Since when switches are heard without a gap';


--
-- Name: COLUMN hearing.last; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.hearing.last IS 'When one was heard last';


--
-- Name: idempotency_keys; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.idempotency_keys (
    user_id bigint NOT NULL,
    key_hash bytea NOT NULL,
    fingerprint bytea NOT NULL,
    status smallint NOT NULL,
    etag text,
    body text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE capconduit.idempotency_keys OWNER TO capconduit_owner;

--
-- Name: TABLE idempotency_keys; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.idempotency_keys IS 'Answers to POSTs with an Idempotency-Key, for a day: who repeats one gets the first answer';


--
-- Name: COLUMN idempotency_keys.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.user_id IS 'Who sent the request; everybody has keys of their own';


--
-- Name: COLUMN idempotency_keys.key_hash; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.key_hash IS 'SHA-256 of the key';


--
-- Name: COLUMN idempotency_keys.fingerprint; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.fingerprint IS 'SHA-256 of key, method, address and body: another request with the same key is refused';


--
-- Name: COLUMN idempotency_keys.status; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.status IS 'HTTP status of the answer';


--
-- Name: COLUMN idempotency_keys.etag; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.etag IS 'ETag of the answer, if it has one';


--
-- Name: COLUMN idempotency_keys.body; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.body IS 'Body of the answer';


--
-- Name: COLUMN idempotency_keys.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.idempotency_keys.created_at IS 'When the answer was given';


--
-- Name: late_excess_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.late_excess_view WITH (security_invoker='true') AS
 SELECT g.id,
    g.asterisk_uniqueid,
    g.user_id,
    g.campaign_id,
    g.link_id,
    g.client_id,
    g.timestamp_start,
    g.timestamp_end,
    g.created_at,
    s.total_calls_allowed,
    n.total AS counted
   FROM ((capconduit.call_logs g
     LEFT JOIN capconduit.campaign_client_settings s ON ((s.id = g.link_id)))
     LEFT JOIN capconduit.link_counters n ON ((n.link_id = g.link_id)))
  WHERE g.late_excess;


ALTER TABLE capconduit.late_excess_view OWNER TO capconduit_owner;

--
-- Name: VIEW late_excess_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.late_excess_view IS 'Records that counted beyond a cap because they came late';


--
-- Name: link_adjustments; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.link_adjustments (
    id bigint NOT NULL,
    link_id bigint NOT NULL,
    span text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    offered bigint DEFAULT 0 NOT NULL,
    answered bigint DEFAULT 0 NOT NULL,
    qualified bigint DEFAULT 0 NOT NULL,
    reason text NOT NULL,
    user_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE capconduit.link_adjustments OWNER TO capconduit_owner;

--
-- Name: TABLE link_adjustments; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.link_adjustments IS 'What windows have used without a row behind it: purged records, corrections by hand';


--
-- Name: COLUMN link_adjustments.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.id IS 'Number of the adjustment';


--
-- Name: COLUMN link_adjustments.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.link_id IS 'Link';


--
-- Name: COLUMN link_adjustments.span; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.span IS 'hour, day, week or month';


--
-- Name: COLUMN link_adjustments.starts_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.starts_at IS 'The window, by its start';


--
-- Name: COLUMN link_adjustments.offered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.offered IS 'By how much';


--
-- Name: COLUMN link_adjustments.answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.answered IS 'By how much';


--
-- Name: COLUMN link_adjustments.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.qualified IS 'By how much';


--
-- Name: COLUMN link_adjustments.reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.reason IS 'Why';


--
-- Name: COLUMN link_adjustments.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.user_id IS 'Who, where somebody did it by hand';


--
-- Name: COLUMN link_adjustments.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_adjustments.created_at IS 'When';


--
-- Name: link_adjustments_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.link_adjustments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.link_adjustments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: link_excess; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.link_excess (
    link_id bigint NOT NULL,
    owed bigint NOT NULL
);


ALTER TABLE capconduit.link_excess OWNER TO capconduit_owner;

--
-- Name: TABLE link_excess; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.link_excess IS 'Links on which a record that came late took the room of a call in flight';


--
-- Name: COLUMN link_excess.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_excess.link_id IS 'Link; may be gone';


--
-- Name: COLUMN link_excess.owed; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.link_excess.owed IS 'How many calls in flight have their excess flagged in another record''s place';


--
-- Name: link_today_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.link_today_view WITH (security_invoker='true') AS
 SELECT n.link_id,
    (n.offered - w.offered) AS offered,
    (n.answered - w.answered) AS answered,
    (n.qualified - w.qualified) AS qualified
   FROM ((((capconduit.link_counters n
     JOIN capconduit.campaign_client_settings s ON ((s.id = n.link_id)))
     JOIN capconduit.clients k ON ((k.id = s.client_id)))
     JOIN capconduit.link_windows w ON (((w.link_id = n.link_id) AND (w.span = 'day'::text))))
     JOIN LATERAL capconduit.present_window('day'::text, now(), k.time_zone, w.starts_at, w.ends_at, w.time_zone) p(starts_at, ends_at) ON ((p.starts_at = w.starts_at)));


ALTER TABLE capconduit.link_today_view OWNER TO capconduit_owner;

--
-- Name: VIEW link_today_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.link_today_view IS 'What links have used of their client''s present day; links without a call today are left out';


--
-- Name: link_usage_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.link_usage_view WITH (security_invoker='true') AS
 SELECT s.id AS link_id,
    s.campaign_id,
    c.user_id,
    c.name AS campaign_name,
    s.client_id,
    k.client_identifier,
    k.name AS client_name,
    s.status,
    n.active,
    s.max_concurrency,
    n.total AS counted,
    s.total_calls_allowed,
        CASE
            WHEN (s.total_calls_allowed IS NOT NULL) THEN GREATEST(((s.total_calls_allowed - n.total) - n.active), (0)::bigint)
            ELSE NULL::bigint
        END AS remaining,
    s.version,
        CASE
            WHEN ((n.active >= s.max_concurrency) OR ((n.total + n.active) >= s.total_calls_allowed)) THEN 'full'::text
            WHEN (((n.active * 4) >= (s.max_concurrency * (3)::bigint)) OR ((((n.total + n.active))::numeric * (4)::numeric) >= ((s.total_calls_allowed)::numeric * (3)::numeric))) THEN 'near'::text
            ELSE 'open'::text
        END AS room,
    s.paused_until,
    s.pause_reason,
    s.platform_paused_until,
    s.platform_pause_reason,
    s.forwarding_priority,
    s.weight,
    s.min_seconds_between,
    s.qualify_seconds,
    s.schedule_id,
    s.caller_rules
   FROM (((capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
     JOIN capconduit.clients k ON ((k.id = s.client_id)))
     JOIN capconduit.link_counters n ON ((n.link_id = s.id)));


ALTER TABLE capconduit.link_usage_view OWNER TO capconduit_owner;

--
-- Name: VIEW link_usage_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.link_usage_view IS 'Use and limits of each link; remaining = allowed - counted - active, null without a limit; room: full, near (75 %) or open';


--
-- Name: live_calls; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.live_calls (
    uniqueid text NOT NULL COLLATE pg_catalog."C",
    linkedid text,
    node text,
    user_id bigint,
    campaign_id bigint NOT NULL,
    did_id bigint NOT NULL,
    did_number text NOT NULL,
    routing_strategy text NOT NULL,
    link_id bigint NOT NULL,
    client_id bigint NOT NULL,
    holds_slot boolean NOT NULL,
    attempt integer DEFAULT 1 NOT NULL,
    tried bigint[] DEFAULT '{}'::bigint[] NOT NULL,
    caller_number text,
    caller_name text,
    routed_at timestamp with time zone NOT NULL,
    attempt_at timestamp with time zone NOT NULL,
    answered_at timestamp with time zone,
    dial_timeout_seconds integer NOT NULL,
    attempt_timeout_seconds integer NOT NULL,
    ring_deadline timestamp with time zone NOT NULL,
    max_call_seconds integer NOT NULL,
    lease_until timestamp with time zone NOT NULL,
    end_reason text,
    end_cause integer,
    absent_since timestamp with time zone,
    last_listed_at timestamp with time zone,
    decision text,
    sip_call_id text,
    qualify_seconds integer,
    awaited boolean,
    same_client_only boolean,
    overflow_exit text,
    overflowed_from bigint,
    overflowed_at timestamp with time zone
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_threshold='500', autovacuum_analyze_threshold='1000000', autovacuum_vacuum_cost_delay='0', vacuum_truncate=off);


ALTER TABLE capconduit.live_calls OWNER TO capconduit_owner;

--
-- Name: TABLE live_calls; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.live_calls IS 'Calls in flight, from the routing decision to the record; plain ids, which may be gone';


--
-- Name: COLUMN live_calls.uniqueid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.uniqueid IS 'Asterisk''s id of the call';


--
-- Name: COLUMN live_calls.linkedid; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.linkedid IS 'Asterisk''s id that links the legs of a call';


--
-- Name: COLUMN live_calls.node; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.node IS 'Switch that has the call: its systemname';


--
-- Name: COLUMN live_calls.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.user_id IS 'Seller who owned the number when the call came';


--
-- Name: COLUMN live_calls.campaign_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.campaign_id IS 'Campaign that the call was routed by';


--
-- Name: COLUMN live_calls.did_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.did_id IS 'Number that was dialled';


--
-- Name: COLUMN live_calls.did_number; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.did_number IS 'The number itself';


--
-- Name: COLUMN live_calls.routing_strategy; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.routing_strategy IS 'Strategy that the call was routed by';


--
-- Name: COLUMN live_calls.link_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.link_id IS 'Link of the present or last attempt';


--
-- Name: COLUMN live_calls.client_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.client_id IS 'Client of the present or last attempt';


--
-- Name: COLUMN live_calls.holds_slot; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.holds_slot IS 'Whether the call counts in the link''s active calls';


--
-- Name: COLUMN live_calls.attempt; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.attempt IS 'Number of the present attempt, from 1';


--
-- Name: COLUMN live_calls.tried; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.tried IS 'Links that failed; none is tried twice';


--
-- Name: COLUMN live_calls.caller_number; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.caller_number IS 'Caller''s number; null: withheld';


--
-- Name: COLUMN live_calls.caller_name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.caller_name IS 'Caller''s name';


--
-- Name: COLUMN live_calls.routed_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.routed_at IS 'When the first slot was reserved';


--
-- Name: COLUMN live_calls.attempt_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.attempt_at IS 'When the present attempt began';


--
-- Name: COLUMN live_calls.answered_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.answered_at IS 'When the client answered; null: still ringing';


--
-- Name: COLUMN live_calls.dial_timeout_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.dial_timeout_seconds IS 'The campaign''s ring time per attempt, as it was at routing';


--
-- Name: COLUMN live_calls.attempt_timeout_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.attempt_timeout_seconds IS 'Ring time of the present attempt, bounded by the ring budget';


--
-- Name: COLUMN live_calls.ring_deadline; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.ring_deadline IS 'End of the ring budget of all attempts';


--
-- Name: COLUMN live_calls.max_call_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.max_call_seconds IS 'Longest duration that the switch allows the call';


--
-- Name: COLUMN live_calls.lease_until; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.lease_until IS 'From then on the slot may be taken back if nothing is heard of the call';


--
-- Name: COLUMN live_calls.end_reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.end_reason IS 'Reason of the final reject; null: the call goes on';


--
-- Name: COLUMN live_calls.end_cause; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.end_cause IS 'Hangup cause of the final reject';


--
-- Name: COLUMN live_calls.absent_since; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.absent_since IS 'When a heartbeat first missed the call; null: it was listed';


--
-- Name: COLUMN live_calls.last_listed_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.last_listed_at IS 'When a heartbeat last listed the call';


--
-- Name: COLUMN live_calls.decision; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.decision IS 'Why each link was or was not taken, short';


--
-- Name: COLUMN live_calls.sip_call_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.sip_call_id IS 'SIP Call-ID of the caller''s leg';


--
-- Name: COLUMN live_calls.qualify_seconds; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.qualify_seconds IS 'What a good call was when the slot was reserved; NULL: reserved by a release before';


--
-- Name: COLUMN live_calls.awaited; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.awaited IS 'Whether its caller is remembered by what it comes to: see caller_calls';


--
-- Name: COLUMN live_calls.same_client_only; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.same_client_only IS 'Whether nobody but the client that had its caller may take it';


--
-- Name: COLUMN live_calls.overflow_exit; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.overflow_exit IS 'Why it went beyond those that its campaign asks first: all_closed, all_capped, no_more_targets; null: it did not';


--
-- Name: COLUMN live_calls.overflowed_from; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.overflowed_from IS 'The campaign that it left for another one; it counts in both';


--
-- Name: COLUMN live_calls.overflowed_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.live_calls.overflowed_at IS 'When it got its first slot in the campaign that it is in now';


--
-- Name: live_calls_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.live_calls_view WITH (security_invoker='true') AS
 SELECT l.uniqueid,
    l.linkedid,
    l.node,
    l.user_id,
    l.campaign_id,
    c.name AS campaign_name,
    l.did_id,
    l.did_number,
    l.link_id,
    l.client_id,
    k.client_identifier,
    k.name AS client_name,
    l.holds_slot,
    l.attempt,
    l.caller_number,
    l.caller_name,
    l.routed_at,
    l.attempt_at,
    l.answered_at,
        CASE
            WHEN (l.end_reason IS NOT NULL) THEN 'ending'::text
            WHEN (l.answered_at IS NULL) THEN 'ringing'::text
            ELSE 'talking'::text
        END AS phase,
    l.lease_until,
    l.absent_since,
    l.decision
   FROM ((capconduit.live_calls l
     LEFT JOIN capconduit.campaigns c ON ((c.id = l.campaign_id)))
     LEFT JOIN capconduit.clients k ON ((k.id = l.client_id)));


ALTER TABLE capconduit.live_calls_view OWNER TO capconduit_owner;

--
-- Name: VIEW live_calls_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.live_calls_view IS 'Calls in flight with names and phase (ringing, talking, ending)';


--
-- Name: login_networks; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.login_networks (
    user_id bigint NOT NULL,
    network cidr NOT NULL,
    last_login_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE capconduit.login_networks OWNER TO capconduit_owner;

--
-- Name: TABLE login_networks; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.login_networks IS 'Networks from which an account has logged in: others'' guesses do not lock it out there';


--
-- Name: COLUMN login_networks.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.login_networks.user_id IS 'Whose login';


--
-- Name: COLUMN login_networks.network; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.login_networks.network IS 'The address, or the /64 of an IPv6 address';


--
-- Name: COLUMN login_networks.last_login_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.login_networks.last_login_at IS 'Last login from there, to the hour';


--
-- Name: meter_adjustments; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.meter_adjustments (
    id bigint NOT NULL,
    meter_id bigint NOT NULL,
    span text NOT NULL,
    starts_at timestamp with time zone NOT NULL,
    offered bigint DEFAULT 0 NOT NULL,
    answered bigint DEFAULT 0 NOT NULL,
    qualified bigint DEFAULT 0 NOT NULL,
    reason text NOT NULL,
    user_id bigint,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


ALTER TABLE capconduit.meter_adjustments OWNER TO capconduit_owner;

--
-- Name: TABLE meter_adjustments; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.meter_adjustments IS 'What windows of meters have used without a row behind it: purged records, corrections by hand';


--
-- Name: COLUMN meter_adjustments.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.id IS 'Number of the adjustment';


--
-- Name: COLUMN meter_adjustments.meter_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.meter_id IS 'Meter';


--
-- Name: COLUMN meter_adjustments.span; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.span IS 'hour, day, week or month';


--
-- Name: COLUMN meter_adjustments.starts_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.starts_at IS 'The window, by its start';


--
-- Name: COLUMN meter_adjustments.offered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.offered IS 'By how much';


--
-- Name: COLUMN meter_adjustments.answered; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.answered IS 'By how much';


--
-- Name: COLUMN meter_adjustments.qualified; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.qualified IS 'By how much';


--
-- Name: COLUMN meter_adjustments.reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.reason IS 'Why';


--
-- Name: COLUMN meter_adjustments.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.user_id IS 'Who, where somebody did it by hand';


--
-- Name: COLUMN meter_adjustments.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.meter_adjustments.created_at IS 'When';


--
-- Name: meter_adjustments_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.meter_adjustments ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.meter_adjustments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: metered_calls_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.metered_calls_view WITH (security_invoker='true') AS
 SELECT 'live_calls'::text AS source,
    l.uniqueid,
    l.user_id,
    l.campaign_id,
    l.did_id,
    COALESCE(a.started_at, l.attempt_at) AS reserved_at,
    (l.holds_slot)::integer AS in_flight,
    1 AS offered,
    0 AS answered,
    0 AS qualified,
    l.overflowed_from,
    l.overflowed_at
   FROM (capconduit.live_calls l
     LEFT JOIN capconduit.call_attempts a ON (((a.uniqueid = l.uniqueid) AND (a.attempt = 1))))
UNION ALL
 SELECT 'call_logs'::text AS source,
    g.asterisk_uniqueid AS uniqueid,
    g.user_id,
    g.campaign_id,
    g.did_id,
    COALESCE(a.started_at, g.reserved_at, LEAST(g.timestamp_start, g.created_at)) AS reserved_at,
    (u.unsettled)::integer AS in_flight,
    (((g.reserved_at IS NOT NULL) OR (a.uniqueid IS NOT NULL)))::integer AS offered,
    ((g.counted AND (NOT u.unsettled)))::integer AS answered,
    ((g.qualified AND (NOT u.unsettled)))::integer AS qualified,
    g.overflowed_from,
    g.overflowed_at
   FROM (capconduit.call_logs g
     LEFT JOIN capconduit.call_attempts a ON (((a.uniqueid = g.asterisk_uniqueid) AND (a.attempt = 1)))),
    LATERAL ( SELECT ((g.call_status = 'LOST'::text) AND (g.reserved_at IS NOT NULL) AND (NOT (g.counted AND g.qualified))) AS "?column?") u(unsettled)
  WHERE ((g.reserved_at IS NOT NULL) OR g.counted OR (a.uniqueid IS NOT NULL));


ALTER TABLE capconduit.metered_calls_view OWNER TO capconduit_owner;

--
-- Name: VIEW metered_calls_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.metered_calls_view IS 'What each call counts in the windows of its number, campaign and seller: once, at its first reservation';


--
-- Name: meters_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.meters ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.meters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: nodes; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.nodes (
    name text NOT NULL,
    instance text,
    booted_at timestamp with time zone,
    heartbeat_at timestamp with time zone,
    taken_at timestamp with time zone,
    last_call_at timestamp with time zone,
    live_calls integer,
    CONSTRAINT nodes_name_check CHECK ((name ~ '^[A-Za-z0-9_-]{1,24}$'::text))
)
WITH (fillfactor='50');


ALTER TABLE capconduit.nodes OWNER TO capconduit_owner;

--
-- Name: TABLE nodes; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.nodes IS 'Switches, by their last sign of life';


--
-- Name: COLUMN nodes.name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.name IS 'Asterisk''s systemname';


--
-- Name: COLUMN nodes.instance; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.instance IS 'Agent that speaks for the switch; a second one under the same name is refused';


--
-- Name: COLUMN nodes.booted_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.booted_at IS 'When that Asterisk started';


--
-- Name: COLUMN nodes.heartbeat_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.heartbeat_at IS 'When its agent spoke for it last; null: it has none, or one that was stopped in order';


--
-- Name: COLUMN nodes.taken_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.taken_at IS 'Database time at which that list was begun';


--
-- Name: COLUMN nodes.last_call_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.last_call_at IS 'Last call function that named this switch';


--
-- Name: COLUMN nodes.live_calls; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.nodes.live_calls IS 'How many calls the last list held';


--
-- Name: password_links; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.password_links (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    user_version bigint NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT password_links_token_hash_check CHECK ((length(token_hash) = 32))
);


ALTER TABLE capconduit.password_links OWNER TO capconduit_owner;

--
-- Name: TABLE password_links; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.password_links IS 'Links with which users set a new password, made by admins; one a user';


--
-- Name: COLUMN password_links.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.password_links.id IS 'Of one link: a new one for the same user has another';


--
-- Name: COLUMN password_links.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.password_links.user_id IS 'Whose password it sets';


--
-- Name: COLUMN password_links.user_version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.password_links.user_version IS 'The account as it was: another version ends the link';


--
-- Name: COLUMN password_links.token_hash; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.password_links.token_hash IS 'SHA-256 of the link''s token; the token itself is not stored';


--
-- Name: COLUMN password_links.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.password_links.created_at IS 'When it was made';


--
-- Name: COLUMN password_links.expires_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.password_links.expires_at IS 'When it ends, used or not';


--
-- Name: password_links_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.password_links ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.password_links_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: refinery_schema_history; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.refinery_schema_history (
    version integer NOT NULL,
    name character varying(255),
    applied_on character varying(255),
    checksum character varying(255)
);


ALTER TABLE capconduit.refinery_schema_history OWNER TO capconduit_owner;

--
-- Name: TABLE refinery_schema_history; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.refinery_schema_history IS 'Numbered migrations that were applied';


--
-- Name: COLUMN refinery_schema_history.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.refinery_schema_history.version IS 'Number in the file''s name';


--
-- Name: COLUMN refinery_schema_history.name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.refinery_schema_history.name IS 'Name in the file''s name';


--
-- Name: COLUMN refinery_schema_history.applied_on; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.refinery_schema_history.applied_on IS 'When it was applied';


--
-- Name: COLUMN refinery_schema_history.checksum; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.refinery_schema_history.checksum IS 'Checksum of the file; a file that was applied never changes';


--
-- Name: reject_counts; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.reject_counts (
    id bigint NOT NULL,
    minute timestamp with time zone NOT NULL,
    reason text NOT NULL COLLATE pg_catalog."C",
    did text,
    node text COLLATE pg_catalog."C",
    calls bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT reject_counts_calls_check CHECK ((calls > 0))
);


ALTER TABLE capconduit.reject_counts OWNER TO capconduit_owner;

--
-- Name: TABLE reject_counts; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.reject_counts IS 'How many calls route_call rejected, as each connection counted them; kept for a week';


--
-- Name: COLUMN reject_counts.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.id IS 'Order in which they were written';


--
-- Name: COLUMN reject_counts.minute; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.minute IS 'The minute, by its start';


--
-- Name: COLUMN reject_counts.reason; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.reason IS 'Why the calls were rejected';


--
-- Name: COLUMN reject_counts.did; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.did IS 'Number that was dialled, as +E.164 where it is one; null: not told apart';


--
-- Name: COLUMN reject_counts.node; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.node IS 'Switch that asked; null: it gave no name, or not told apart';


--
-- Name: COLUMN reject_counts.calls; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.calls IS 'How many calls';


--
-- Name: COLUMN reject_counts.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.reject_counts.created_at IS 'When this was written';


--
-- Name: reject_counts_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.reject_counts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.reject_counts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: rejects_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.rejects_view WITH (security_invoker='true') AS
 SELECT r.minute,
    r.reason,
    r.did,
    r.node,
    (sum(r.calls))::bigint AS calls
   FROM capconduit.reject_counts r
  GROUP BY r.minute, r.reason, r.did, r.node;


ALTER TABLE capconduit.rejects_view OWNER TO capconduit_owner;

--
-- Name: VIEW rejects_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.rejects_view IS 'Rejected calls by reason, number, switch and minute';


--
-- Name: schedules; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.schedules (
    id bigint NOT NULL,
    user_id bigint,
    name text NOT NULL,
    time_zone text DEFAULT 'UTC'::text NOT NULL,
    weekly jsonb DEFAULT '[]'::jsonb NOT NULL,
    exceptions jsonb DEFAULT '[]'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version bigint NOT NULL,
    CONSTRAINT schedules_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
);


ALTER TABLE capconduit.schedules OWNER TO capconduit_owner;

--
-- Name: TABLE schedules; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.schedules IS 'When something is open, by the clock on the wall of a zone: attached to numbers, campaigns, links and clients';


--
-- Name: COLUMN schedules.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.id IS 'Never used again, also after a deletion';


--
-- Name: COLUMN schedules.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.user_id IS 'Whose it is; null: the platform''s, which every seller may attach';


--
-- Name: COLUMN schedules.name; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.name IS 'Name for people, unique among its owner''s';


--
-- Name: COLUMN schedules.time_zone; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.time_zone IS 'Whose clock it goes by';


--
-- Name: COLUMN schedules.weekly; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.weekly IS 'Intervals with the day on which they open: [{"day": "monday", "opens": "09:00", "closes": "17:00"}]';


--
-- Name: COLUMN schedules.exceptions; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.exceptions IS 'Dates with their own intervals, none where it is closed: [{"date": "2026-12-25", "name": "Christmas", "intervals": []}]';


--
-- Name: COLUMN schedules.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.created_at IS 'When the row was made';


--
-- Name: COLUMN schedules.updated_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.updated_at IS 'When the row was last changed';


--
-- Name: COLUMN schedules.version; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.schedules.version IS 'Moves with every change of the row, and is never used again; If-Match of the REST API names it';


--
-- Name: schedules_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.schedules ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.schedules_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: schedules_version_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

CREATE SEQUENCE capconduit.schedules_version_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE capconduit.schedules_version_seq OWNER TO capconduit_owner;

--
-- Name: schedules_version_seq; Type: SEQUENCE OWNED BY; Schema: capconduit; Owner: capconduit_owner
--

ALTER SEQUENCE capconduit.schedules_version_seq OWNED BY capconduit.schedules.version;


--
-- Name: second_factors; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.second_factors (
    user_id bigint NOT NULL,
    totp_secret bytea NOT NULL,
    totp_key text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint,
    recovery_hashes bytea[] DEFAULT '{}'::bytea[] NOT NULL,
    CONSTRAINT second_factors_confirmed_at_check CHECK (((confirmed_at IS NOT NULL) OR (recovery_hashes = '{}'::bytea[]))),
    CONSTRAINT second_factors_totp_secret_check CHECK ((length(totp_secret) = 32))
);


ALTER TABLE capconduit.second_factors OWNER TO capconduit_owner;

--
-- Name: TABLE second_factors; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.second_factors IS 'What a login needs beside the password; one a user';


--
-- Name: COLUMN second_factors.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.user_id IS 'Whose';


--
-- Name: COLUMN second_factors.totp_secret; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.totp_secret IS 'What the secret of the codes is made of; with totp_key the service''s key, which is not stored, too';


--
-- Name: COLUMN second_factors.totp_key; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.totp_key IS 'Name of that key; null: none';


--
-- Name: COLUMN second_factors.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.created_at IS 'When setting it up was begun last';


--
-- Name: COLUMN second_factors.confirmed_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.confirmed_at IS 'When a first code was right; null: logins need none yet';


--
-- Name: COLUMN second_factors.last_step; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.last_step IS 'Number of the 30 seconds since 1970 whose code was used last: none of them or before is taken again';


--
-- Name: COLUMN second_factors.recovery_hashes; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.second_factors.recovery_hashes IS 'SHA-256 of each recovery code that is left, with the user''s id; the codes themselves are not stored';


--
-- Name: sessions; Type: TABLE; Schema: capconduit; Owner: capconduit_owner
--

CREATE TABLE capconduit.sessions (
    token_hash bytea NOT NULL,
    user_id bigint NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    id bigint GENERATED ALWAYS AS (((('x'::text || "left"(encode(token_hash, 'hex'::text), 13)))::bit(52))::bigint) STORED,
    network text,
    agent text,
    by_code boolean DEFAULT false NOT NULL,
    CONSTRAINT sessions_agent_check CHECK ((length(agent) <= 200)),
    CONSTRAINT sessions_token_hash_check CHECK ((length(token_hash) = 32))
);


ALTER TABLE capconduit.sessions OWNER TO capconduit_owner;

--
-- Name: TABLE sessions; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON TABLE capconduit.sessions IS 'Browser logins that are still valid';


--
-- Name: COLUMN sessions.token_hash; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.token_hash IS 'SHA-256 of the cookie''s token; the token itself is not stored';


--
-- Name: COLUMN sessions.user_id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.user_id IS 'Who is logged in';


--
-- Name: COLUMN sessions.created_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.created_at IS 'When the login happened';


--
-- Name: COLUMN sessions.last_seen_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.last_seen_at IS 'Last request, to the minute';


--
-- Name: COLUMN sessions.expires_at; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.expires_at IS 'End of the session; moves on with use';


--
-- Name: COLUMN sessions.id; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.id IS 'First 52 bits of the hash: names the session to its user';


--
-- Name: COLUMN sessions.network; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.network IS 'Address of the login; of IPv6 its /64';


--
-- Name: COLUMN sessions.agent; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.agent IS 'What the browser called itself at the login';


--
-- Name: COLUMN sessions.by_code; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON COLUMN capconduit.sessions.by_code IS 'A code of the second factor opened it';


--
-- Name: subject_calls_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.subject_calls_view WITH (security_invoker='true') AS
 SELECT c.source,
    c.uniqueid,
    c.user_id,
    s.subject_type,
    s.subject_id,
    s.reserved_at,
    c.in_flight,
    c.offered,
    c.answered,
    c.qualified
   FROM capconduit.metered_calls_view c,
    LATERAL ( VALUES ('did'::text,c.did_id,c.reserved_at), ('campaign'::text,c.campaign_id,COALESCE(c.overflowed_at, c.reserved_at)), ('campaign'::text,c.overflowed_from,c.reserved_at), ('seller'::text,c.user_id,c.reserved_at)) s(subject_type, subject_id, reserved_at)
  WHERE (s.subject_id IS NOT NULL);


ALTER TABLE capconduit.subject_calls_view OWNER TO capconduit_owner;

--
-- Name: VIEW subject_calls_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.subject_calls_view IS 'The same, a row for each number, campaign and seller: a call that overflowed to another campaign counts in both';


--
-- Name: table_access_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.table_access_view WITH (security_invoker='true') AS
 SELECT table_access.table_name,
    table_access.operation,
    table_access.access,
    table_access.reason
   FROM capconduit.table_access() table_access(table_name, operation, access, reason)
  WHERE ((table_access.access <> 'direct'::text) OR (table_access.reason IS NOT NULL));


ALTER TABLE capconduit.table_access_view OWNER TO capconduit_owner;

--
-- Name: VIEW table_access_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.table_access_view IS 'What keeps calls from reaching tables directly; empty when nothing is on them but ours';


--
-- Name: users_id_seq; Type: SEQUENCE; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME capconduit.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);


--
-- Name: window_calls_view; Type: VIEW; Schema: capconduit; Owner: capconduit_owner
--

CREATE VIEW capconduit.window_calls_view WITH (security_invoker='true') AS
 SELECT 'call_attempts'::text AS source,
    a.uniqueid,
    a.link_id,
    a.started_at AS reserved_at,
    0 AS in_flight,
    1 AS offered,
    0 AS answered,
    0 AS qualified,
    a.client_id
   FROM capconduit.call_attempts a
UNION ALL
 SELECT 'live_calls'::text AS source,
    l.uniqueid,
    l.link_id,
    l.attempt_at AS reserved_at,
    1 AS in_flight,
    1 AS offered,
    0 AS answered,
    0 AS qualified,
    l.client_id
   FROM capconduit.live_calls l
  WHERE l.holds_slot
UNION ALL
 SELECT 'call_logs'::text AS source,
    g.asterisk_uniqueid AS uniqueid,
    g.link_id,
    COALESCE(g.reserved_at, LEAST(g.timestamp_start, g.created_at)) AS reserved_at,
    (u.unsettled)::integer AS in_flight,
    ((g.reserved_at IS NOT NULL))::integer AS offered,
    ((g.counted AND (NOT u.unsettled)))::integer AS answered,
    ((g.qualified AND (NOT u.unsettled)))::integer AS qualified,
    g.client_id
   FROM capconduit.call_logs g,
    LATERAL ( SELECT ((g.call_status = 'LOST'::text) AND (g.reserved_at IS NOT NULL) AND (NOT (g.counted AND g.qualified))) AS "?column?") u(unsettled)
  WHERE ((g.reserved_at IS NOT NULL) OR g.counted);


ALTER TABLE capconduit.window_calls_view OWNER TO capconduit_owner;

--
-- Name: VIEW window_calls_view; Type: COMMENT; Schema: capconduit; Owner: capconduit_owner
--

COMMENT ON VIEW capconduit.window_calls_view IS 'What each attempt and record counts in the windows of its link';


--
-- Name: api_tokens api_tokens_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);


--
-- Name: api_tokens api_tokens_token_hash_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.api_tokens
    ADD CONSTRAINT api_tokens_token_hash_key UNIQUE (token_hash);


--
-- Name: api_tokens api_tokens_user_id_name_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.api_tokens
    ADD CONSTRAINT api_tokens_user_id_name_key UNIQUE (user_id, name);


--
-- Name: applied_rights applied_rights_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.applied_rights
    ADD CONSTRAINT applied_rights_pkey PRIMARY KEY (only_one);


--
-- Name: audit_log audit_log_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.audit_log
    ADD CONSTRAINT audit_log_pkey PRIMARY KEY (id);


--
-- Name: call_attempts call_attempts_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.call_attempts
    ADD CONSTRAINT call_attempts_pkey PRIMARY KEY (uniqueid, attempt);


--
-- Name: call_logs call_logs_asterisk_uniqueid_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.call_logs
    ADD CONSTRAINT call_logs_asterisk_uniqueid_key UNIQUE (asterisk_uniqueid);


--
-- Name: call_logs call_logs_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.call_logs
    ADD CONSTRAINT call_logs_pkey PRIMARY KEY (id);


--
-- Name: caller_calls caller_calls_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caller_calls
    ADD CONSTRAINT caller_calls_pkey PRIMARY KEY (key, uniqueid);


--
-- Name: caller_marks caller_marks_key_kind_after_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caller_marks
    ADD CONSTRAINT caller_marks_key_kind_after_key UNIQUE NULLS NOT DISTINCT (key, kind, after);


--
-- Name: caller_marks caller_marks_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caller_marks
    ADD CONSTRAINT caller_marks_pkey PRIMARY KEY (id);


--
-- Name: campaign_client_settings campaign_client_settings_campaign_id_client_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_client_settings
    ADD CONSTRAINT campaign_client_settings_campaign_id_client_id_key UNIQUE (campaign_id, client_id);


--
-- Name: campaign_client_settings campaign_client_settings_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_client_settings
    ADD CONSTRAINT campaign_client_settings_pkey PRIMARY KEY (id);


--
-- Name: campaign_dids campaign_dids_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_dids
    ADD CONSTRAINT campaign_dids_pkey PRIMARY KEY (did_id, campaign_id);


--
-- Name: campaigns campaigns_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaigns
    ADD CONSTRAINT campaigns_pkey PRIMARY KEY (id);


--
-- Name: campaigns campaigns_user_id_name_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaigns
    ADD CONSTRAINT campaigns_user_id_name_key UNIQUE (user_id, name);


--
-- Name: cap_events cap_events_cap_id_starts_at_threshold_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.cap_events
    ADD CONSTRAINT cap_events_cap_id_starts_at_threshold_key UNIQUE (cap_id, starts_at, threshold);


--
-- Name: cap_events cap_events_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.cap_events
    ADD CONSTRAINT cap_events_pkey PRIMARY KEY (id);


--
-- Name: caps caps_campaign_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_campaign_id_key UNIQUE (campaign_id, counts, span, set_by);


--
-- Name: caps caps_client_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_client_id_key UNIQUE (client_id, counts, span, set_by);


--
-- Name: caps caps_did_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_did_id_key UNIQUE (did_id, counts, span, set_by);


--
-- Name: caps caps_link_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_link_id_key UNIQUE (link_id, counts, span, set_by);


--
-- Name: caps caps_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_pkey PRIMARY KEY (id);


--
-- Name: caps caps_user_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_user_id_key UNIQUE (user_id, counts, span, set_by);


--
-- Name: clients clients_client_identifier_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.clients
    ADD CONSTRAINT clients_client_identifier_key UNIQUE (client_identifier);


--
-- Name: clients clients_id_client_identifier_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.clients
    ADD CONSTRAINT clients_id_client_identifier_key UNIQUE (id, client_identifier);


--
-- Name: clients clients_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.clients
    ADD CONSTRAINT clients_pkey PRIMARY KEY (id);


--
-- Name: dids dids_number_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.dids
    ADD CONSTRAINT dids_number_key UNIQUE (number);


--
-- Name: dids dids_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.dids
    ADD CONSTRAINT dids_pkey PRIMARY KEY (id);


--
-- Name: gone_links gone_links_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.gone_links
    ADD CONSTRAINT gone_links_pkey PRIMARY KEY (id);


--
-- Name: hearing hearing_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.hearing
    ADD CONSTRAINT hearing_pkey PRIMARY KEY (only_one);


--
-- Name: idempotency_keys idempotency_keys_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key_hash);


--
-- Name: link_adjustments link_adjustments_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.link_adjustments
    ADD CONSTRAINT link_adjustments_pkey PRIMARY KEY (id);


--
-- Name: link_counters link_counters_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.link_counters
    ADD CONSTRAINT link_counters_pkey PRIMARY KEY (link_id);


--
-- Name: link_excess link_excess_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.link_excess
    ADD CONSTRAINT link_excess_pkey PRIMARY KEY (link_id);


--
-- Name: link_windows link_windows_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.link_windows
    ADD CONSTRAINT link_windows_pkey PRIMARY KEY (link_id, span);


--
-- Name: live_calls live_calls_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.live_calls
    ADD CONSTRAINT live_calls_pkey PRIMARY KEY (uniqueid);


--
-- Name: login_networks login_networks_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.login_networks
    ADD CONSTRAINT login_networks_pkey PRIMARY KEY (user_id, network);


--
-- Name: meter_adjustments meter_adjustments_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.meter_adjustments
    ADD CONSTRAINT meter_adjustments_pkey PRIMARY KEY (id);


--
-- Name: meter_windows meter_windows_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.meter_windows
    ADD CONSTRAINT meter_windows_pkey PRIMARY KEY (meter_id, span);


--
-- Name: meters meters_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.meters
    ADD CONSTRAINT meters_pkey PRIMARY KEY (id);


--
-- Name: meters meters_subject_id_subject_type_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.meters
    ADD CONSTRAINT meters_subject_id_subject_type_key UNIQUE (subject_id, subject_type);


--
-- Name: nodes nodes_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.nodes
    ADD CONSTRAINT nodes_pkey PRIMARY KEY (name);


--
-- Name: password_links password_links_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.password_links
    ADD CONSTRAINT password_links_pkey PRIMARY KEY (id);


--
-- Name: password_links password_links_token_hash_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.password_links
    ADD CONSTRAINT password_links_token_hash_key UNIQUE (token_hash);


--
-- Name: password_links password_links_user_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.password_links
    ADD CONSTRAINT password_links_user_id_key UNIQUE (user_id);


--
-- Name: pjsip_aors pjsip_aors_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_aors
    ADD CONSTRAINT pjsip_aors_pkey PRIMARY KEY (client_id);


--
-- Name: pjsip_auths pjsip_auths_client_id_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_auths
    ADD CONSTRAINT pjsip_auths_client_id_id_key UNIQUE (client_id, id);


--
-- Name: pjsip_auths pjsip_auths_id_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_auths
    ADD CONSTRAINT pjsip_auths_id_key UNIQUE (id);


--
-- Name: pjsip_auths pjsip_auths_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_auths
    ADD CONSTRAINT pjsip_auths_pkey PRIMARY KEY (client_id);


--
-- Name: pjsip_contacts pjsip_contacts_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_contacts
    ADD CONSTRAINT pjsip_contacts_pkey PRIMARY KEY (id);


--
-- Name: pjsip_endpoints pjsip_endpoints_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_endpoints
    ADD CONSTRAINT pjsip_endpoints_pkey PRIMARY KEY (client_id);


--
-- Name: refinery_schema_history refinery_schema_history_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.refinery_schema_history
    ADD CONSTRAINT refinery_schema_history_pkey PRIMARY KEY (version);


--
-- Name: reject_counts reject_counts_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.reject_counts
    ADD CONSTRAINT reject_counts_pkey PRIMARY KEY (id);


--
-- Name: schedules schedules_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.schedules
    ADD CONSTRAINT schedules_pkey PRIMARY KEY (id);


--
-- Name: schedules schedules_user_id_name_key; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.schedules
    ADD CONSTRAINT schedules_user_id_name_key UNIQUE NULLS NOT DISTINCT (user_id, name);


--
-- Name: second_factors second_factors_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.second_factors
    ADD CONSTRAINT second_factors_pkey PRIMARY KEY (user_id);


--
-- Name: sessions sessions_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token_hash);


--
-- Name: users users_pkey; Type: CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);


--
-- Name: audit_log_action_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX audit_log_action_id_idx ON capconduit.audit_log USING btree (action, id);


--
-- Name: audit_log_at_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX audit_log_at_idx ON capconduit.audit_log USING btree (at);


--
-- Name: audit_log_object_type_object_id_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX audit_log_object_type_object_id_id_idx ON capconduit.audit_log USING btree (object_type, object_id, id);


--
-- Name: audit_log_user_id_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX audit_log_user_id_id_idx ON capconduit.audit_log USING btree (user_id, id);


--
-- Name: call_logs_campaign_id_timestamp_start_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX call_logs_campaign_id_timestamp_start_id_idx ON capconduit.call_logs USING btree (campaign_id, timestamp_start, id);


--
-- Name: call_logs_changed_xid_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX call_logs_changed_xid_id_idx ON capconduit.call_logs USING btree (changed_xid, id);


--
-- Name: call_logs_overflowed_from_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX call_logs_overflowed_from_idx ON capconduit.call_logs USING btree (overflowed_from) WHERE (overflowed_from IS NOT NULL);


--
-- Name: call_logs_timestamp_start_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX call_logs_timestamp_start_idx ON capconduit.call_logs USING brin (timestamp_start) WITH (autosummarize='on');


--
-- Name: call_logs_user_id_timestamp_start_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX call_logs_user_id_timestamp_start_id_idx ON capconduit.call_logs USING btree (user_id, timestamp_start, id);


--
-- Name: caller_calls_campaign_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_calls_campaign_id_idx ON capconduit.caller_calls USING btree (campaign_id) WHERE ((campaign_id IS NOT NULL) AND (until IS NOT NULL));


--
-- Name: caller_calls_client_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_calls_client_id_idx ON capconduit.caller_calls USING btree (client_id) WHERE ((client_id IS NOT NULL) AND (until IS NOT NULL));


--
-- Name: caller_calls_link_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_calls_link_id_idx ON capconduit.caller_calls USING btree (link_id) WHERE ((link_id IS NOT NULL) AND (until IS NOT NULL));


--
-- Name: caller_calls_uniqueid_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_calls_uniqueid_idx ON capconduit.caller_calls USING btree (uniqueid);


--
-- Name: caller_calls_user_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_calls_user_id_idx ON capconduit.caller_calls USING btree (user_id) WHERE ((user_id IS NOT NULL) AND (until IS NOT NULL));


--
-- Name: caller_marks_caller_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_caller_id_idx ON capconduit.caller_marks USING btree (caller, id);


--
-- Name: caller_marks_campaign_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_campaign_id_idx ON capconduit.caller_marks USING btree (campaign_id, id) WHERE (campaign_id IS NOT NULL);


--
-- Name: caller_marks_campaign_set_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_campaign_set_idx ON capconduit.caller_marks USING btree (campaign_id) WHERE ((campaign_id IS NOT NULL) AND (kind <> 'seen'::text));


--
-- Name: caller_marks_client_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_client_id_idx ON capconduit.caller_marks USING btree (client_id, id) WHERE (client_id IS NOT NULL);


--
-- Name: caller_marks_link_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_link_id_idx ON capconduit.caller_marks USING btree (link_id, id) WHERE (link_id IS NOT NULL);


--
-- Name: caller_marks_platform_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_platform_idx ON capconduit.caller_marks USING btree (id) WHERE (num_nonnulls(link_id, client_id, campaign_id, user_id) = 0);


--
-- Name: caller_marks_until_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_until_idx ON capconduit.caller_marks USING btree (until) WHERE (until IS NOT NULL);


--
-- Name: caller_marks_user_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caller_marks_user_id_idx ON capconduit.caller_marks USING btree (user_id, id) WHERE (user_id IS NOT NULL);


--
-- Name: campaign_client_settings_client_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX campaign_client_settings_client_id_idx ON capconduit.campaign_client_settings USING btree (client_id);


--
-- Name: campaign_client_settings_schedule_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX campaign_client_settings_schedule_id_idx ON capconduit.campaign_client_settings USING btree (schedule_id) WHERE (schedule_id IS NOT NULL);


--
-- Name: campaign_dids_campaign_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX campaign_dids_campaign_id_idx ON capconduit.campaign_dids USING btree (campaign_id);


--
-- Name: campaigns_schedule_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX campaigns_schedule_id_idx ON capconduit.campaigns USING btree (schedule_id) WHERE (schedule_id IS NOT NULL);


--
-- Name: cap_events_at_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX cap_events_at_idx ON capconduit.cap_events USING btree (at);


--
-- Name: cap_events_cap_id_max_calls_threshold_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX cap_events_cap_id_max_calls_threshold_idx ON capconduit.cap_events USING btree (cap_id, max_calls, threshold) WHERE (starts_at IS NULL);


--
-- Name: cap_events_link_id_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX cap_events_link_id_id_idx ON capconduit.cap_events USING btree (link_id, id);


--
-- Name: cap_events_user_id_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX cap_events_user_id_id_idx ON capconduit.cap_events USING btree (user_id, id);


--
-- Name: caps_created_by_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX caps_created_by_idx ON capconduit.caps USING btree (created_by);


--
-- Name: clients_created_by_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX clients_created_by_idx ON capconduit.clients USING btree (created_by);


--
-- Name: clients_schedule_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX clients_schedule_id_idx ON capconduit.clients USING btree (schedule_id) WHERE (schedule_id IS NOT NULL);


--
-- Name: dids_digits_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX dids_digits_idx ON capconduit.dids USING btree (number COLLATE "C");


--
-- Name: dids_schedule_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX dids_schedule_id_idx ON capconduit.dids USING btree (schedule_id) WHERE (schedule_id IS NOT NULL);


--
-- Name: dids_user_id_digits_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX dids_user_id_digits_idx ON capconduit.dids USING btree (user_id, number COLLATE "C");


--
-- Name: dids_user_id_number_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX dids_user_id_number_idx ON capconduit.dids USING btree (user_id, number);


--
-- Name: gone_links_client_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX gone_links_client_id_idx ON capconduit.gone_links USING btree (client_id);


--
-- Name: idempotency_keys_created_at_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX idempotency_keys_created_at_idx ON capconduit.idempotency_keys USING btree (created_at);


--
-- Name: link_adjustments_purged_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX link_adjustments_purged_idx ON capconduit.link_adjustments USING btree (link_id, span, starts_at) WHERE (reason = 'purged'::text);


--
-- Name: live_calls_lease_until_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX live_calls_lease_until_idx ON capconduit.live_calls USING btree (lease_until);


--
-- Name: meter_adjustments_purged_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX meter_adjustments_purged_idx ON capconduit.meter_adjustments USING btree (meter_id, span, starts_at) WHERE (reason = 'purged'::text);


--
-- Name: meters_owner_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX meters_owner_id_idx ON capconduit.meters USING btree (owner_id);


--
-- Name: pjsip_aors_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX pjsip_aors_id_idx ON capconduit.pjsip_aors USING btree (id);


--
-- Name: pjsip_contacts_endpoint_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX pjsip_contacts_endpoint_idx ON capconduit.pjsip_contacts USING btree (endpoint);


--
-- Name: pjsip_contacts_id_pattern_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX pjsip_contacts_id_pattern_idx ON capconduit.pjsip_contacts USING btree (id text_pattern_ops);


--
-- Name: pjsip_endpoints_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX pjsip_endpoints_id_idx ON capconduit.pjsip_endpoints USING btree (id);


--
-- Name: pjsip_endpoints_settings_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX pjsip_endpoints_settings_id_idx ON capconduit.pjsip_endpoints USING btree (settings_id);


--
-- Name: reject_counts_minute_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX reject_counts_minute_idx ON capconduit.reject_counts USING btree (minute);


--
-- Name: sessions_expires_at_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX sessions_expires_at_idx ON capconduit.sessions USING btree (expires_at);


--
-- Name: sessions_user_id_idx; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE INDEX sessions_user_id_idx ON capconduit.sessions USING btree (user_id);


--
-- Name: users_email_key; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX users_email_key ON capconduit.users USING btree (lower(email));


--
-- Name: users_username_key; Type: INDEX; Schema: capconduit; Owner: capconduit_owner
--

CREATE UNIQUE INDEX users_username_key ON capconduit.users USING btree (lower(username));


--
-- Name: api_tokens api_tokens_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER api_tokens_audit AFTER INSERT OR DELETE ON capconduit.api_tokens FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: api_tokens api_tokens_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER api_tokens_check_texts BEFORE INSERT OR UPDATE OF name ON capconduit.api_tokens FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('name');


--
-- Name: call_logs call_logs_changed; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER call_logs_changed BEFORE UPDATE ON capconduit.call_logs FOR EACH ROW EXECUTE FUNCTION capconduit.mark_changed();


--
-- Name: caller_marks caller_marks_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caller_marks_audit AFTER INSERT OR UPDATE ON capconduit.caller_marks FOR EACH ROW WHEN ((new.kind <> 'seen'::text)) EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: caller_marks caller_marks_audit_delete; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caller_marks_audit_delete AFTER DELETE ON capconduit.caller_marks FOR EACH ROW WHEN (((old.kind <> 'seen'::text) AND ((old.until IS NULL) OR (old.until > now())))) EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: caller_marks caller_marks_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caller_marks_check_texts BEFORE INSERT OR UPDATE OF caller, note ON capconduit.caller_marks FOR EACH ROW WHEN ((new.kind <> 'seen'::text)) EXECUTE FUNCTION capconduit.check_texts('caller', 'note');


--
-- Name: caller_marks caller_marks_screen; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caller_marks_screen AFTER INSERT OR UPDATE OF link_id, client_id, campaign_id, user_id, kind ON capconduit.caller_marks FOR EACH ROW WHEN ((new.kind <> 'seen'::text)) EXECUTE FUNCTION capconduit.mark_screened();


--
-- Name: caller_marks caller_marks_screen_no_more; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caller_marks_screen_no_more AFTER DELETE OR UPDATE OF link_id, client_id, campaign_id, user_id, kind ON capconduit.caller_marks FOR EACH ROW WHEN ((old.kind <> 'seen'::text)) EXECUTE FUNCTION capconduit.mark_screened();


--
-- Name: campaign_client_settings campaign_client_settings_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: campaign_client_settings campaign_client_settings_capped; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_capped BEFORE DELETE ON capconduit.campaign_client_settings FOR EACH ROW WHEN (old.capped) EXECUTE FUNCTION capconduit.refuse_capped_delete();


--
-- Name: campaign_client_settings campaign_client_settings_check_caller_rules; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_check_caller_rules BEFORE INSERT OR UPDATE OF caller_rules ON capconduit.campaign_client_settings FOR EACH ROW WHEN ((new.caller_rules IS NOT NULL)) EXECUTE FUNCTION capconduit.check_caller_rules('target');


--
-- Name: campaign_client_settings campaign_client_settings_check_pause; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_check_pause BEFORE INSERT OR UPDATE OF pause_reason, platform_pause_reason ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('pause_reason', 'platform_pause_reason');


--
-- Name: campaign_client_settings campaign_client_settings_check_schedule; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_check_schedule BEFORE INSERT OR UPDATE OF schedule_id ON capconduit.campaign_client_settings FOR EACH ROW WHEN ((new.schedule_id IS NOT NULL)) EXECUTE FUNCTION capconduit.check_schedule_owner();


--
-- Name: campaign_client_settings campaign_client_settings_counter; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_counter AFTER INSERT ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.create_link_counter();


--
-- Name: campaign_client_settings campaign_client_settings_delete_caller_marks; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_delete_caller_marks AFTER DELETE ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.delete_caller_marks('link_id');


--
-- Name: campaign_client_settings campaign_client_settings_forget_overflow; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_forget_overflow AFTER DELETE ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.forget_overflow('link');


--
-- Name: campaign_client_settings campaign_client_settings_gone; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_gone AFTER DELETE ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.note_gone_link();


--
-- Name: campaign_client_settings campaign_client_settings_lock_seller; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_lock_seller BEFORE INSERT ON capconduit.campaign_client_settings FOR EACH ROW EXECUTE FUNCTION capconduit.lock_seller();


--
-- Name: campaign_client_settings campaign_client_settings_paused; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_paused BEFORE DELETE ON capconduit.campaign_client_settings FOR EACH ROW WHEN ((old.platform_paused_until IS NOT NULL)) EXECUTE FUNCTION capconduit.refuse_paused_delete();


--
-- Name: campaign_client_settings campaign_client_settings_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_updated_at BEFORE UPDATE ON capconduit.campaign_client_settings FOR EACH ROW WHEN (((old.capped = new.capped) AND (old.screened = new.screened))) EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: campaign_client_settings campaign_client_settings_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_client_settings_version BEFORE UPDATE ON capconduit.campaign_client_settings FOR EACH ROW WHEN (((old.capped = new.capped) AND (old.screened = new.screened))) EXECUTE FUNCTION capconduit.move_version();


--
-- Name: campaign_dids campaign_dids_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaign_dids_audit AFTER INSERT OR DELETE ON capconduit.campaign_dids FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('campaign_id');


--
-- Name: campaigns campaigns_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: campaigns campaigns_capped; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_capped BEFORE DELETE ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.refuse_capped_delete();


--
-- Name: campaigns campaigns_change_hands; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_change_hands AFTER UPDATE OF user_id ON capconduit.campaigns FOR EACH ROW WHEN ((old.user_id <> new.user_id)) EXECUTE FUNCTION capconduit.change_hands();


--
-- Name: campaigns campaigns_check_caller_rules; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_check_caller_rules BEFORE INSERT OR UPDATE OF caller_rules ON capconduit.campaigns FOR EACH ROW WHEN ((new.caller_rules IS NOT NULL)) EXECUTE FUNCTION capconduit.check_caller_rules('call');


--
-- Name: campaigns campaigns_check_overflow; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_check_overflow BEFORE INSERT OR UPDATE OF overflow, user_id ON capconduit.campaigns FOR EACH ROW WHEN ((new.overflow IS NOT NULL)) EXECUTE FUNCTION capconduit.check_overflow();


--
-- Name: campaigns campaigns_check_pause; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_check_pause BEFORE INSERT OR UPDATE OF pause_reason, platform_pause_reason ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('pause_reason', 'platform_pause_reason');


--
-- Name: campaigns campaigns_check_schedule; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_check_schedule BEFORE INSERT OR UPDATE OF schedule_id, user_id ON capconduit.campaigns FOR EACH ROW WHEN ((new.schedule_id IS NOT NULL)) EXECUTE FUNCTION capconduit.check_schedule_owner();


--
-- Name: campaigns campaigns_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_check_texts BEFORE INSERT OR UPDATE OF name, description ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('name', 'description:lines');


--
-- Name: campaigns campaigns_delete_caller_marks; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_delete_caller_marks AFTER DELETE ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.delete_caller_marks('campaign_id');


--
-- Name: campaigns campaigns_delete_meter; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_delete_meter AFTER DELETE ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.delete_meter('campaign');


--
-- Name: campaigns campaigns_forget_caller_marks; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_forget_caller_marks AFTER UPDATE OF user_id ON capconduit.campaigns FOR EACH ROW WHEN ((old.user_id <> new.user_id)) EXECUTE FUNCTION capconduit.delete_caller_marks('campaign_id');


--
-- Name: campaigns campaigns_forget_overflow; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_forget_overflow AFTER DELETE OR UPDATE OF user_id ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.forget_overflow('campaign');


--
-- Name: campaigns campaigns_lock_counters; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_lock_counters BEFORE DELETE ON capconduit.campaigns FOR EACH ROW EXECUTE FUNCTION capconduit.lock_counters_in_order();


--
-- Name: campaigns campaigns_paused; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_paused BEFORE DELETE ON capconduit.campaigns FOR EACH ROW WHEN ((old.platform_paused_until IS NOT NULL)) EXECUTE FUNCTION capconduit.refuse_paused_delete();


--
-- Name: campaigns campaigns_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_updated_at BEFORE UPDATE ON capconduit.campaigns FOR EACH ROW WHEN ((old.screened = new.screened)) EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: campaigns campaigns_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER campaigns_version BEFORE UPDATE ON capconduit.campaigns FOR EACH ROW WHEN ((old.screened = new.screened)) EXECUTE FUNCTION capconduit.move_version();


--
-- Name: caps caps_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caps_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.caps FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: caps caps_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caps_check_texts BEFORE INSERT OR UPDATE OF note ON capconduit.caps FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('note');


--
-- Name: caps caps_mark; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caps_mark AFTER INSERT OR DELETE OR UPDATE OF link_id ON capconduit.caps FOR EACH ROW EXECUTE FUNCTION capconduit.mark_capped();


--
-- Name: caps caps_meter; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caps_meter BEFORE INSERT OR UPDATE OF client_id, did_id, campaign_id, user_id ON capconduit.caps FOR EACH ROW WHEN ((new.link_id IS NULL)) EXECUTE FUNCTION capconduit.meter_capped();


--
-- Name: caps caps_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caps_updated_at BEFORE UPDATE ON capconduit.caps FOR EACH ROW WHEN ((NOT (old.created_by IS DISTINCT FROM new.created_by))) EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: caps caps_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER caps_version BEFORE UPDATE ON capconduit.caps FOR EACH ROW WHEN ((NOT (old.created_by IS DISTINCT FROM new.created_by))) EXECUTE FUNCTION capconduit.move_version();


--
-- Name: clients clients_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: clients clients_check_caller_rules; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_check_caller_rules BEFORE INSERT OR UPDATE OF caller_rules ON capconduit.clients FOR EACH ROW WHEN ((new.caller_rules IS NOT NULL)) EXECUTE FUNCTION capconduit.check_caller_rules('target');


--
-- Name: clients clients_check_pause; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_check_pause BEFORE INSERT OR UPDATE OF platform_pause_reason ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('platform_pause_reason');


--
-- Name: clients clients_check_schedule; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_check_schedule BEFORE INSERT OR UPDATE OF schedule_id ON capconduit.clients FOR EACH ROW WHEN ((new.schedule_id IS NOT NULL)) EXECUTE FUNCTION capconduit.check_schedule_owner();


--
-- Name: clients clients_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_check_texts BEFORE INSERT OR UPDATE OF name, department, notes ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('name', 'department', 'notes:lines');


--
-- Name: clients clients_check_time_zone; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_check_time_zone BEFORE INSERT OR UPDATE OF time_zone ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.check_time_zone();


--
-- Name: clients clients_delete_caller_marks; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_delete_caller_marks AFTER DELETE ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.delete_caller_marks('client_id');


--
-- Name: clients clients_delete_meter; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_delete_meter AFTER DELETE ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.delete_meter('client');


--
-- Name: clients clients_lock_counters; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_lock_counters BEFORE DELETE ON capconduit.clients FOR EACH ROW EXECUTE FUNCTION capconduit.lock_counters_in_order();


--
-- Name: clients clients_meter_spacing; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_meter_spacing AFTER INSERT OR UPDATE OF min_seconds_between ON capconduit.clients FOR EACH ROW WHEN ((new.min_seconds_between IS NOT NULL)) EXECUTE FUNCTION capconduit.meter_spaced();


--
-- Name: clients clients_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_updated_at BEFORE UPDATE ON capconduit.clients FOR EACH ROW WHEN (((old.metered = new.metered) AND (old.screened = new.screened))) EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: clients clients_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER clients_version BEFORE UPDATE ON capconduit.clients FOR EACH ROW WHEN (((old.metered = new.metered) AND (old.screened = new.screened))) EXECUTE FUNCTION capconduit.move_version();


--
-- Name: dids dids_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.dids FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: dids dids_capped; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_capped BEFORE DELETE ON capconduit.dids FOR EACH ROW EXECUTE FUNCTION capconduit.refuse_capped_delete();


--
-- Name: dids dids_change_hands; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_change_hands AFTER UPDATE OF user_id ON capconduit.dids FOR EACH ROW WHEN ((old.user_id <> new.user_id)) EXECUTE FUNCTION capconduit.change_hands();


--
-- Name: dids dids_check_schedule; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_check_schedule BEFORE INSERT OR UPDATE OF schedule_id, user_id ON capconduit.dids FOR EACH ROW WHEN ((new.schedule_id IS NOT NULL)) EXECUTE FUNCTION capconduit.check_schedule_owner();


--
-- Name: dids dids_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_check_texts BEFORE INSERT OR UPDATE OF description ON capconduit.dids FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('description:lines');


--
-- Name: dids dids_delete_meter; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_delete_meter AFTER DELETE ON capconduit.dids FOR EACH ROW EXECUTE FUNCTION capconduit.delete_meter('did');


--
-- Name: dids dids_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_updated_at BEFORE UPDATE ON capconduit.dids FOR EACH ROW EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: dids dids_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER dids_version BEFORE UPDATE ON capconduit.dids FOR EACH ROW EXECUTE FUNCTION capconduit.move_version();


--
-- Name: link_counters link_counters_delete; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER link_counters_delete BEFORE DELETE ON capconduit.link_counters FOR EACH ROW EXECUTE FUNCTION capconduit.refuse_busy_link_delete();


--
-- Name: link_counters link_counters_delete_windows; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER link_counters_delete_windows AFTER DELETE ON capconduit.link_counters FOR EACH ROW EXECUTE FUNCTION capconduit.delete_windows();


--
-- Name: link_counters link_counters_metered; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER link_counters_metered BEFORE INSERT ON capconduit.link_counters FOR EACH ROW EXECUTE FUNCTION capconduit.note_metered();


--
-- Name: meters meters_delete_windows; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER meters_delete_windows AFTER DELETE ON capconduit.meters FOR EACH ROW EXECUTE FUNCTION capconduit.delete_meter_windows();


--
-- Name: password_links password_links_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER password_links_audit AFTER INSERT OR DELETE ON capconduit.password_links FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('user_id');


--
-- Name: pjsip_aors pjsip_aors_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_aors_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.pjsip_aors FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('client_id');


--
-- Name: pjsip_aors pjsip_aors_client_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_aors_client_version AFTER INSERT OR DELETE OR UPDATE ON capconduit.pjsip_aors FOR EACH ROW EXECUTE FUNCTION capconduit.move_client_version();


--
-- Name: pjsip_auths pjsip_auths_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_auths_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.pjsip_auths FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('client_id');


--
-- Name: pjsip_auths pjsip_auths_client_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_auths_client_version AFTER INSERT OR DELETE OR UPDATE ON capconduit.pjsip_auths FOR EACH ROW EXECUTE FUNCTION capconduit.move_client_version();


--
-- Name: pjsip_endpoints pjsip_endpoints_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_endpoints_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.pjsip_endpoints FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('client_id');


--
-- Name: pjsip_endpoints pjsip_endpoints_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_endpoints_check_texts BEFORE INSERT OR UPDATE OF callerid ON capconduit.pjsip_endpoints FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('callerid');


--
-- Name: pjsip_endpoints pjsip_endpoints_client_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER pjsip_endpoints_client_version AFTER INSERT OR DELETE OR UPDATE ON capconduit.pjsip_endpoints FOR EACH ROW EXECUTE FUNCTION capconduit.move_client_version();


--
-- Name: schedules schedules_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER schedules_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.schedules FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: schedules schedules_check; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER schedules_check BEFORE INSERT OR UPDATE ON capconduit.schedules FOR EACH ROW EXECUTE FUNCTION capconduit.check_schedule();


--
-- Name: schedules schedules_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER schedules_check_texts BEFORE INSERT OR UPDATE OF name ON capconduit.schedules FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('name');


--
-- Name: schedules schedules_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER schedules_updated_at BEFORE UPDATE ON capconduit.schedules FOR EACH ROW EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: schedules schedules_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER schedules_version BEFORE INSERT OR UPDATE ON capconduit.schedules FOR EACH ROW EXECUTE FUNCTION capconduit.move_schedule_version();


--
-- Name: second_factors second_factors_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER second_factors_audit AFTER UPDATE ON capconduit.second_factors FOR EACH ROW WHEN (((old.confirmed_at IS DISTINCT FROM new.confirmed_at) OR (old.recovery_hashes IS DISTINCT FROM new.recovery_hashes))) EXECUTE FUNCTION capconduit.audit_change('user_id');


--
-- Name: second_factors second_factors_audit_delete; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER second_factors_audit_delete AFTER DELETE ON capconduit.second_factors FOR EACH ROW WHEN ((old.confirmed_at IS NOT NULL)) EXECUTE FUNCTION capconduit.audit_change('user_id');


--
-- Name: second_factors second_factors_end_sessions; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER second_factors_end_sessions AFTER UPDATE ON capconduit.second_factors FOR EACH ROW WHEN (((old.confirmed_at IS NULL) AND (new.confirmed_at IS NOT NULL))) EXECUTE FUNCTION capconduit.end_other_sessions();


--
-- Name: second_factors second_factors_end_sessions_delete; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER second_factors_end_sessions_delete AFTER DELETE ON capconduit.second_factors FOR EACH ROW WHEN ((old.confirmed_at IS NOT NULL)) EXECUTE FUNCTION capconduit.end_other_sessions();


--
-- Name: sessions sessions_second_factor; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER sessions_second_factor BEFORE INSERT ON capconduit.sessions FOR EACH ROW EXECUTE FUNCTION capconduit.need_second_factor();


--
-- Name: users users_audit; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_audit AFTER INSERT OR DELETE OR UPDATE ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.audit_change('id');


--
-- Name: users users_check_caller_rules; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_check_caller_rules BEFORE INSERT OR UPDATE OF caller_rules ON capconduit.users FOR EACH ROW WHEN ((new.caller_rules IS NOT NULL)) EXECUTE FUNCTION capconduit.check_caller_rules('call');


--
-- Name: users users_check_texts; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_check_texts BEFORE INSERT OR UPDATE OF username, email, full_name, company_name ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.check_texts('username', 'email', 'full_name', 'company_name');


--
-- Name: users users_check_time_zone; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_check_time_zone BEFORE INSERT OR UPDATE OF time_zone ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.check_time_zone();


--
-- Name: users users_delete_caller_marks; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_delete_caller_marks AFTER DELETE ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.delete_caller_marks('user_id');


--
-- Name: users users_delete_meter; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_delete_meter AFTER DELETE ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.delete_meter('seller');


--
-- Name: users users_end_sessions; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_end_sessions AFTER UPDATE OF status, password_hash ON capconduit.users FOR EACH ROW WHEN (((old.status IS DISTINCT FROM new.status) OR (old.password_hash IS DISTINCT FROM new.password_hash))) EXECUTE FUNCTION capconduit.end_sessions();


--
-- Name: users users_lock_counters; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_lock_counters BEFORE DELETE ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.lock_counters_in_order();


--
-- Name: users users_screened; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_screened BEFORE INSERT ON capconduit.users FOR EACH ROW EXECUTE FUNCTION capconduit.note_screened();


--
-- Name: users users_updated_at; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_updated_at BEFORE UPDATE ON capconduit.users FOR EACH ROW WHEN (((old.metered = new.metered) AND (old.screened = new.screened))) EXECUTE FUNCTION capconduit.set_updated_at();


--
-- Name: users users_version; Type: TRIGGER; Schema: capconduit; Owner: capconduit_owner
--

CREATE TRIGGER users_version BEFORE UPDATE ON capconduit.users FOR EACH ROW WHEN (((old.metered = new.metered) AND (old.screened = new.screened))) EXECUTE FUNCTION capconduit.move_version();


--
-- Name: api_tokens api_tokens_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: campaign_client_settings campaign_client_settings_campaign_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_client_settings
    ADD CONSTRAINT campaign_client_settings_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES capconduit.campaigns(id) ON DELETE CASCADE;


--
-- Name: campaign_client_settings campaign_client_settings_client_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_client_settings
    ADD CONSTRAINT campaign_client_settings_client_id_fkey FOREIGN KEY (client_id) REFERENCES capconduit.clients(id) ON DELETE CASCADE;


--
-- Name: campaign_client_settings campaign_client_settings_schedule_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_client_settings
    ADD CONSTRAINT campaign_client_settings_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES capconduit.schedules(id);


--
-- Name: campaign_dids campaign_dids_campaign_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_dids
    ADD CONSTRAINT campaign_dids_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES capconduit.campaigns(id) ON DELETE CASCADE;


--
-- Name: campaign_dids campaign_dids_did_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaign_dids
    ADD CONSTRAINT campaign_dids_did_id_fkey FOREIGN KEY (did_id) REFERENCES capconduit.dids(id) ON DELETE CASCADE;


--
-- Name: campaigns campaigns_schedule_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaigns
    ADD CONSTRAINT campaigns_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES capconduit.schedules(id);


--
-- Name: campaigns campaigns_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.campaigns
    ADD CONSTRAINT campaigns_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: caps caps_campaign_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_campaign_id_fkey FOREIGN KEY (campaign_id) REFERENCES capconduit.campaigns(id) ON DELETE CASCADE;


--
-- Name: caps caps_client_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_client_id_fkey FOREIGN KEY (client_id) REFERENCES capconduit.clients(id) ON DELETE CASCADE;


--
-- Name: caps caps_created_by_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_created_by_fkey FOREIGN KEY (created_by) REFERENCES capconduit.users(id) ON DELETE SET NULL;


--
-- Name: caps caps_did_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_did_id_fkey FOREIGN KEY (did_id) REFERENCES capconduit.dids(id) ON DELETE CASCADE;


--
-- Name: caps caps_link_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_link_id_fkey FOREIGN KEY (link_id) REFERENCES capconduit.campaign_client_settings(id) ON DELETE CASCADE;


--
-- Name: caps caps_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.caps
    ADD CONSTRAINT caps_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: clients clients_created_by_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.clients
    ADD CONSTRAINT clients_created_by_fkey FOREIGN KEY (created_by) REFERENCES capconduit.users(id) ON DELETE SET NULL;


--
-- Name: clients clients_schedule_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.clients
    ADD CONSTRAINT clients_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES capconduit.schedules(id);


--
-- Name: dids dids_schedule_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.dids
    ADD CONSTRAINT dids_schedule_id_fkey FOREIGN KEY (schedule_id) REFERENCES capconduit.schedules(id);


--
-- Name: dids dids_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.dids
    ADD CONSTRAINT dids_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: link_counters link_counters_link_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.link_counters
    ADD CONSTRAINT link_counters_link_id_fkey FOREIGN KEY (link_id) REFERENCES capconduit.campaign_client_settings(id) ON DELETE CASCADE;


--
-- Name: login_networks login_networks_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.login_networks
    ADD CONSTRAINT login_networks_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: password_links password_links_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.password_links
    ADD CONSTRAINT password_links_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: pjsip_aors pjsip_aors_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_aors
    ADD CONSTRAINT pjsip_aors_id_fkey FOREIGN KEY (client_id, id) REFERENCES capconduit.clients(id, client_identifier) ON DELETE CASCADE;


--
-- Name: pjsip_auths pjsip_auths_client_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_auths
    ADD CONSTRAINT pjsip_auths_client_id_fkey FOREIGN KEY (client_id) REFERENCES capconduit.clients(id) ON DELETE CASCADE;


--
-- Name: pjsip_endpoints pjsip_endpoints_auth_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_endpoints
    ADD CONSTRAINT pjsip_endpoints_auth_fkey FOREIGN KEY (client_id, auth) REFERENCES capconduit.pjsip_auths(client_id, id);


--
-- Name: pjsip_endpoints pjsip_endpoints_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_endpoints
    ADD CONSTRAINT pjsip_endpoints_id_fkey FOREIGN KEY (client_id, id) REFERENCES capconduit.clients(id, client_identifier) ON DELETE CASCADE;


--
-- Name: pjsip_endpoints pjsip_endpoints_outbound_auth_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.pjsip_endpoints
    ADD CONSTRAINT pjsip_endpoints_outbound_auth_fkey FOREIGN KEY (client_id, outbound_auth) REFERENCES capconduit.pjsip_auths(client_id, id);


--
-- Name: schedules schedules_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.schedules
    ADD CONSTRAINT schedules_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: second_factors second_factors_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.second_factors
    ADD CONSTRAINT second_factors_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: sessions sessions_user_id_fkey; Type: FK CONSTRAINT; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE ONLY capconduit.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES capconduit.users(id) ON DELETE CASCADE;


--
-- Name: api_tokens; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.api_tokens ENABLE ROW LEVEL SECURITY;

--
-- Name: api_tokens api_tokens_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY api_tokens_seller ON capconduit.api_tokens TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id))) WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: api_tokens api_tokens_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY api_tokens_staff ON capconduit.api_tokens TO capconduit_staff USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id))) WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: audit_log; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.audit_log ENABLE ROW LEVEL SECURITY;

--
-- Name: audit_log audit_log_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY audit_log_internal ON capconduit.audit_log FOR INSERT TO capconduit_internal WITH CHECK (((action = 'login_failed'::text) AND (user_id IS NULL) AND (object_type = 'users'::text) AND (db_role = SESSION_USER)));


--
-- Name: audit_log audit_log_login; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY audit_log_login ON capconduit.audit_log FOR INSERT TO capconduit_staff WITH CHECK (((action = 'login'::text) AND (user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) AND (object_type = 'users'::text) AND (db_role = SESSION_USER) AND ((object_id = (( SELECT capconduit.session_user_id() AS session_user_id))::text) OR ((after ? 'looks_as'::text) AND (EXISTS ( SELECT
   FROM capconduit.users u
  WHERE (((u.id)::text = audit_log.object_id) AND (u.role = 'user'::text))))))));


--
-- Name: audit_log audit_log_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY audit_log_read ON capconduit.audit_log FOR SELECT TO capconduit_read USING (true);


--
-- Name: audit_log audit_log_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY audit_log_staff ON capconduit.audit_log FOR SELECT TO capconduit_staff USING (true);


--
-- Name: call_attempts; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.call_attempts ENABLE ROW LEVEL SECURITY;

--
-- Name: call_attempts call_attempts_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_attempts_read ON capconduit.call_attempts FOR SELECT TO capconduit_read USING (true);


--
-- Name: call_attempts call_attempts_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_attempts_seller ON capconduit.call_attempts FOR SELECT TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: call_attempts call_attempts_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_attempts_staff ON capconduit.call_attempts FOR SELECT TO capconduit_staff USING (true);


--
-- Name: call_logs; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.call_logs ENABLE ROW LEVEL SECURITY;

--
-- Name: call_logs call_logs_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_logs_internal ON capconduit.call_logs FOR SELECT TO capconduit_internal USING (true);


--
-- Name: call_logs call_logs_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_logs_read ON capconduit.call_logs FOR SELECT TO capconduit_read USING (true);


--
-- Name: call_logs call_logs_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_logs_seller ON capconduit.call_logs FOR SELECT TO capconduit_seller USING ((user_id = (NULLIF(current_setting('capconduit.user_id'::text, true), ''::text))::bigint));


--
-- Name: call_logs call_logs_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY call_logs_staff ON capconduit.call_logs FOR SELECT TO capconduit_staff USING (true);


--
-- Name: caller_calls; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.caller_calls ENABLE ROW LEVEL SECURITY;

--
-- Name: caller_calls caller_calls_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_calls_read ON capconduit.caller_calls FOR SELECT TO capconduit_read USING (true);


--
-- Name: caller_marks; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.caller_marks ENABLE ROW LEVEL SECURITY;

--
-- Name: caller_marks caller_marks_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_marks_read ON capconduit.caller_marks FOR SELECT TO capconduit_read USING (true);


--
-- Name: caller_marks caller_marks_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_marks_seller ON capconduit.caller_marks TO capconduit_seller USING (((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) OR (campaign_id IN ( SELECT c.id
   FROM capconduit.campaigns c
  WHERE (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))) OR (link_id IN ( SELECT s.id
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))))) WITH CHECK (((kind <> 'seen'::text) AND (NOT (created_by IS DISTINCT FROM ( SELECT capconduit.session_user_id() AS session_user_id))) AND ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) OR (campaign_id IN ( SELECT c.id
   FROM capconduit.campaigns c
  WHERE (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))) OR (link_id IN ( SELECT s.id
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))))));


--
-- Name: caller_marks caller_marks_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_marks_staff ON capconduit.caller_marks FOR SELECT TO capconduit_staff USING (true);


--
-- Name: caller_marks caller_marks_staff_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_marks_staff_delete ON capconduit.caller_marks FOR DELETE TO capconduit_staff USING ((num_nonnulls(user_id, campaign_id, link_id) = 0));


--
-- Name: caller_marks caller_marks_staff_insert; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_marks_staff_insert ON capconduit.caller_marks FOR INSERT TO capconduit_staff WITH CHECK (((num_nonnulls(user_id, campaign_id, link_id) = 0) AND (kind <> 'seen'::text)));


--
-- Name: caller_marks caller_marks_staff_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caller_marks_staff_update ON capconduit.caller_marks FOR UPDATE TO capconduit_staff USING (((num_nonnulls(user_id, campaign_id, link_id) = 0) AND (kind <> 'seen'::text)));


--
-- Name: campaign_client_settings; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.campaign_client_settings ENABLE ROW LEVEL SECURITY;

--
-- Name: campaign_client_settings campaign_client_settings_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_client_settings_internal ON capconduit.campaign_client_settings FOR SELECT TO capconduit_internal USING (true);


--
-- Name: campaign_client_settings campaign_client_settings_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_client_settings_read ON capconduit.campaign_client_settings FOR SELECT TO capconduit_read USING (true);


--
-- Name: campaign_client_settings campaign_client_settings_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_client_settings_seller ON capconduit.campaign_client_settings TO capconduit_seller USING ((EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = campaign_client_settings.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))))) WITH CHECK ((EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = campaign_client_settings.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))));


--
-- Name: campaign_client_settings campaign_client_settings_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_client_settings_staff ON capconduit.campaign_client_settings TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: campaign_dids; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.campaign_dids ENABLE ROW LEVEL SECURITY;

--
-- Name: campaign_dids campaign_dids_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_dids_read ON capconduit.campaign_dids FOR SELECT TO capconduit_read USING (true);


--
-- Name: campaign_dids campaign_dids_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_dids_seller ON capconduit.campaign_dids TO capconduit_seller USING ((EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = campaign_dids.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))))) WITH CHECK (((EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = campaign_dids.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) AND (EXISTS ( SELECT
   FROM capconduit.dids d
  WHERE ((d.id = campaign_dids.did_id) AND (d.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))))));


--
-- Name: campaign_dids campaign_dids_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaign_dids_staff ON capconduit.campaign_dids TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: campaigns; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.campaigns ENABLE ROW LEVEL SECURITY;

--
-- Name: campaigns campaigns_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaigns_internal ON capconduit.campaigns FOR SELECT TO capconduit_internal USING (true);


--
-- Name: campaigns campaigns_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaigns_read ON capconduit.campaigns FOR SELECT TO capconduit_read USING (true);


--
-- Name: campaigns campaigns_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaigns_seller ON capconduit.campaigns TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id))) WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: campaigns campaigns_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY campaigns_staff ON capconduit.campaigns TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: cap_events; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.cap_events ENABLE ROW LEVEL SECURITY;

--
-- Name: cap_events cap_events_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY cap_events_internal ON capconduit.cap_events TO capconduit_internal USING (true) WITH CHECK (true);


--
-- Name: cap_events cap_events_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY cap_events_read ON capconduit.cap_events FOR SELECT TO capconduit_read USING (true);


--
-- Name: cap_events cap_events_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY cap_events_seller ON capconduit.cap_events FOR SELECT TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: cap_events cap_events_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY cap_events_staff ON capconduit.cap_events FOR SELECT TO capconduit_staff USING (true);


--
-- Name: caps; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.caps ENABLE ROW LEVEL SECURITY;

--
-- Name: caps caps_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_internal ON capconduit.caps FOR SELECT TO capconduit_internal USING (true);


--
-- Name: caps caps_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_read ON capconduit.caps FOR SELECT TO capconduit_read USING (true);


--
-- Name: caps caps_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_seller ON capconduit.caps FOR SELECT TO capconduit_seller USING (((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) OR (EXISTS ( SELECT
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE ((s.id = caps.link_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = caps.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.dids d
  WHERE ((d.id = caps.did_id) AND (d.user_id = ( SELECT capconduit.session_user_id() AS session_user_id)))))));


--
-- Name: caps caps_seller_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_seller_delete ON capconduit.caps FOR DELETE TO capconduit_seller USING (((set_by = 'seller'::text) AND ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) OR (EXISTS ( SELECT
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE ((s.id = caps.link_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = caps.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.dids d
  WHERE ((d.id = caps.did_id) AND (d.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))))));


--
-- Name: caps caps_seller_insert; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_seller_insert ON capconduit.caps FOR INSERT TO capconduit_seller WITH CHECK (((set_by = 'seller'::text) AND ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) OR (EXISTS ( SELECT
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE ((s.id = caps.link_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = caps.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.dids d
  WHERE ((d.id = caps.did_id) AND (d.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))))));


--
-- Name: caps caps_seller_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_seller_update ON capconduit.caps FOR UPDATE TO capconduit_seller USING (((set_by = 'seller'::text) AND ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)) OR (EXISTS ( SELECT
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE ((s.id = caps.link_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.campaigns c
  WHERE ((c.id = caps.campaign_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))) OR (EXISTS ( SELECT
   FROM capconduit.dids d
  WHERE ((d.id = caps.did_id) AND (d.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))))));


--
-- Name: caps caps_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_staff ON capconduit.caps FOR SELECT TO capconduit_staff USING (true);


--
-- Name: caps caps_staff_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_staff_delete ON capconduit.caps FOR DELETE TO capconduit_staff USING ((set_by = 'platform'::text));


--
-- Name: caps caps_staff_insert; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_staff_insert ON capconduit.caps FOR INSERT TO capconduit_staff WITH CHECK ((set_by = 'platform'::text));


--
-- Name: caps caps_staff_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY caps_staff_update ON capconduit.caps FOR UPDATE TO capconduit_staff USING ((set_by = 'platform'::text));


--
-- Name: clients; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.clients ENABLE ROW LEVEL SECURITY;

--
-- Name: clients clients_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY clients_internal ON capconduit.clients FOR SELECT TO capconduit_internal USING (true);


--
-- Name: clients clients_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY clients_read ON capconduit.clients FOR SELECT TO capconduit_read USING (true);


--
-- Name: clients clients_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY clients_seller ON capconduit.clients FOR SELECT TO capconduit_seller USING (true);


--
-- Name: clients clients_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY clients_staff ON capconduit.clients TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: dids; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.dids ENABLE ROW LEVEL SECURITY;

--
-- Name: dids dids_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY dids_internal ON capconduit.dids FOR SELECT TO capconduit_internal USING (true);


--
-- Name: dids dids_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY dids_read ON capconduit.dids FOR SELECT TO capconduit_read USING (true);


--
-- Name: dids dids_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY dids_seller ON capconduit.dids TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id))) WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: dids dids_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY dids_staff ON capconduit.dids TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: gone_links; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.gone_links ENABLE ROW LEVEL SECURITY;

--
-- Name: hearing; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.hearing ENABLE ROW LEVEL SECURITY;

--
-- Name: hearing hearing_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY hearing_internal ON capconduit.hearing FOR SELECT TO capconduit_internal USING (true);


--
-- Name: hearing hearing_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY hearing_read ON capconduit.hearing FOR SELECT TO capconduit_read USING (true);


--
-- Name: hearing hearing_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY hearing_staff ON capconduit.hearing FOR SELECT TO capconduit_staff USING (true);


--
-- Name: idempotency_keys; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.idempotency_keys ENABLE ROW LEVEL SECURITY;

--
-- Name: idempotency_keys idempotency_keys_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY idempotency_keys_internal ON capconduit.idempotency_keys TO capconduit_internal USING (true);


--
-- Name: idempotency_keys idempotency_keys_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY idempotency_keys_seller ON capconduit.idempotency_keys TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id))) WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: idempotency_keys idempotency_keys_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY idempotency_keys_staff ON capconduit.idempotency_keys TO capconduit_staff USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id))) WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: link_adjustments; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.link_adjustments ENABLE ROW LEVEL SECURITY;

--
-- Name: link_adjustments link_adjustments_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_adjustments_read ON capconduit.link_adjustments FOR SELECT TO capconduit_read USING (true);


--
-- Name: link_adjustments link_adjustments_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_adjustments_staff ON capconduit.link_adjustments FOR SELECT TO capconduit_staff USING (true);


--
-- Name: link_counters; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.link_counters ENABLE ROW LEVEL SECURITY;

--
-- Name: link_counters link_counters_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_counters_internal ON capconduit.link_counters FOR SELECT TO capconduit_internal USING (true);


--
-- Name: link_counters link_counters_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_counters_read ON capconduit.link_counters FOR SELECT TO capconduit_read USING (true);


--
-- Name: link_counters link_counters_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_counters_seller ON capconduit.link_counters FOR SELECT TO capconduit_seller USING ((EXISTS ( SELECT
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE ((s.id = link_counters.link_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))));


--
-- Name: link_counters link_counters_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_counters_staff ON capconduit.link_counters FOR SELECT TO capconduit_staff USING (true);


--
-- Name: link_excess; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.link_excess ENABLE ROW LEVEL SECURITY;

--
-- Name: link_excess link_excess_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_excess_read ON capconduit.link_excess FOR SELECT TO capconduit_read USING (true);


--
-- Name: link_excess link_excess_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_excess_staff ON capconduit.link_excess FOR SELECT TO capconduit_staff USING (true);


--
-- Name: link_windows; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.link_windows ENABLE ROW LEVEL SECURITY;

--
-- Name: link_windows link_windows_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_windows_internal ON capconduit.link_windows FOR SELECT TO capconduit_internal USING (true);


--
-- Name: link_windows link_windows_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_windows_read ON capconduit.link_windows FOR SELECT TO capconduit_read USING (true);


--
-- Name: link_windows link_windows_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_windows_seller ON capconduit.link_windows FOR SELECT TO capconduit_seller USING ((EXISTS ( SELECT
   FROM (capconduit.campaign_client_settings s
     JOIN capconduit.campaigns c ON ((c.id = s.campaign_id)))
  WHERE ((s.id = link_windows.link_id) AND (c.user_id = ( SELECT capconduit.session_user_id() AS session_user_id))))));


--
-- Name: link_windows link_windows_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY link_windows_staff ON capconduit.link_windows FOR SELECT TO capconduit_staff USING (true);


--
-- Name: live_calls; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.live_calls ENABLE ROW LEVEL SECURITY;

--
-- Name: live_calls live_calls_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY live_calls_internal ON capconduit.live_calls FOR SELECT TO capconduit_internal USING (true);


--
-- Name: live_calls live_calls_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY live_calls_read ON capconduit.live_calls FOR SELECT TO capconduit_read USING (true);


--
-- Name: live_calls live_calls_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY live_calls_seller ON capconduit.live_calls FOR SELECT TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: live_calls live_calls_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY live_calls_staff ON capconduit.live_calls FOR SELECT TO capconduit_staff USING (true);


--
-- Name: login_networks; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.login_networks ENABLE ROW LEVEL SECURITY;

--
-- Name: meter_adjustments; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.meter_adjustments ENABLE ROW LEVEL SECURITY;

--
-- Name: meter_adjustments meter_adjustments_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meter_adjustments_read ON capconduit.meter_adjustments FOR SELECT TO capconduit_read USING (true);


--
-- Name: meter_adjustments meter_adjustments_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meter_adjustments_staff ON capconduit.meter_adjustments FOR SELECT TO capconduit_staff USING (true);


--
-- Name: meter_windows; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.meter_windows ENABLE ROW LEVEL SECURITY;

--
-- Name: meter_windows meter_windows_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meter_windows_internal ON capconduit.meter_windows FOR SELECT TO capconduit_internal USING (true);


--
-- Name: meter_windows meter_windows_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meter_windows_read ON capconduit.meter_windows FOR SELECT TO capconduit_read USING (true);


--
-- Name: meter_windows meter_windows_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meter_windows_seller ON capconduit.meter_windows FOR SELECT TO capconduit_seller USING ((EXISTS ( SELECT
   FROM capconduit.meters m
  WHERE ((m.id = meter_windows.meter_id) AND (m.owner_id = ( SELECT capconduit.session_user_id() AS session_user_id))))));


--
-- Name: meter_windows meter_windows_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meter_windows_staff ON capconduit.meter_windows FOR SELECT TO capconduit_staff USING (true);


--
-- Name: meters; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.meters ENABLE ROW LEVEL SECURITY;

--
-- Name: meters meters_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meters_internal ON capconduit.meters FOR SELECT TO capconduit_internal USING (true);


--
-- Name: meters meters_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meters_read ON capconduit.meters FOR SELECT TO capconduit_read USING (true);


--
-- Name: meters meters_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meters_seller ON capconduit.meters FOR SELECT TO capconduit_seller USING ((owner_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: meters meters_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY meters_staff ON capconduit.meters FOR SELECT TO capconduit_staff USING (true);


--
-- Name: nodes; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.nodes ENABLE ROW LEVEL SECURITY;

--
-- Name: nodes nodes_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY nodes_internal ON capconduit.nodes FOR SELECT TO capconduit_internal USING (true);


--
-- Name: nodes nodes_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY nodes_read ON capconduit.nodes FOR SELECT TO capconduit_read USING (true);


--
-- Name: nodes nodes_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY nodes_staff ON capconduit.nodes FOR SELECT TO capconduit_staff USING (true);


--
-- Name: password_links; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.password_links ENABLE ROW LEVEL SECURITY;

--
-- Name: password_links password_links_admin; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY password_links_admin ON capconduit.password_links TO capconduit_staff USING ((( SELECT current_setting('capconduit.user_role'::text, true) AS current_setting) = 'admin'::text));


--
-- Name: password_links password_links_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY password_links_internal ON capconduit.password_links FOR SELECT TO capconduit_internal USING ((expires_at > now()));


--
-- Name: pjsip_aors; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.pjsip_aors ENABLE ROW LEVEL SECURITY;

--
-- Name: pjsip_aors pjsip_aors_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_aors_internal ON capconduit.pjsip_aors FOR SELECT TO capconduit_internal USING (true);


--
-- Name: pjsip_aors pjsip_aors_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_aors_read ON capconduit.pjsip_aors FOR SELECT TO capconduit_read USING (true);


--
-- Name: pjsip_aors pjsip_aors_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_aors_staff ON capconduit.pjsip_aors TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: pjsip_auths; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.pjsip_auths ENABLE ROW LEVEL SECURITY;

--
-- Name: pjsip_auths pjsip_auths_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_auths_staff ON capconduit.pjsip_auths TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: pjsip_contacts; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.pjsip_contacts ENABLE ROW LEVEL SECURITY;

--
-- Name: pjsip_contacts pjsip_contacts_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_contacts_read ON capconduit.pjsip_contacts FOR SELECT TO capconduit_read USING (true);


--
-- Name: pjsip_contacts pjsip_contacts_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_contacts_staff ON capconduit.pjsip_contacts FOR SELECT TO capconduit_staff USING (true);


--
-- Name: pjsip_endpoints; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.pjsip_endpoints ENABLE ROW LEVEL SECURITY;

--
-- Name: pjsip_endpoints pjsip_endpoints_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_endpoints_internal ON capconduit.pjsip_endpoints FOR SELECT TO capconduit_internal USING (true);


--
-- Name: pjsip_endpoints pjsip_endpoints_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_endpoints_read ON capconduit.pjsip_endpoints FOR SELECT TO capconduit_read USING (true);


--
-- Name: pjsip_endpoints pjsip_endpoints_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY pjsip_endpoints_staff ON capconduit.pjsip_endpoints TO capconduit_staff USING (true) WITH CHECK (true);


--
-- Name: reject_counts; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.reject_counts ENABLE ROW LEVEL SECURITY;

--
-- Name: reject_counts reject_counts_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY reject_counts_internal ON capconduit.reject_counts FOR SELECT TO capconduit_internal USING (true);


--
-- Name: reject_counts reject_counts_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY reject_counts_read ON capconduit.reject_counts FOR SELECT TO capconduit_read USING (true);


--
-- Name: reject_counts reject_counts_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY reject_counts_staff ON capconduit.reject_counts FOR SELECT TO capconduit_staff USING (true);


--
-- Name: schedules; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.schedules ENABLE ROW LEVEL SECURITY;

--
-- Name: schedules schedules_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_read ON capconduit.schedules FOR SELECT TO capconduit_read USING (true);


--
-- Name: schedules schedules_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_seller ON capconduit.schedules FOR SELECT TO capconduit_seller USING (((user_id IS NULL) OR (user_id = ( SELECT capconduit.session_user_id() AS session_user_id))));


--
-- Name: schedules schedules_seller_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_seller_delete ON capconduit.schedules FOR DELETE TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: schedules schedules_seller_insert; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_seller_insert ON capconduit.schedules FOR INSERT TO capconduit_seller WITH CHECK ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: schedules schedules_seller_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_seller_update ON capconduit.schedules FOR UPDATE TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: schedules schedules_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_staff ON capconduit.schedules FOR SELECT TO capconduit_staff USING (true);


--
-- Name: schedules schedules_staff_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_staff_delete ON capconduit.schedules FOR DELETE TO capconduit_staff USING ((user_id IS NULL));


--
-- Name: schedules schedules_staff_insert; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_staff_insert ON capconduit.schedules FOR INSERT TO capconduit_staff WITH CHECK ((user_id IS NULL));


--
-- Name: schedules schedules_staff_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY schedules_staff_update ON capconduit.schedules FOR UPDATE TO capconduit_staff USING ((user_id IS NULL));


--
-- Name: second_factors; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.second_factors ENABLE ROW LEVEL SECURITY;

--
-- Name: second_factors second_factors_admin_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY second_factors_admin_delete ON capconduit.second_factors FOR DELETE TO capconduit_staff USING (((( SELECT current_setting('capconduit.user_role'::text, true) AS current_setting) = 'admin'::text) AND (user_id <> ( SELECT capconduit.session_user_id() AS session_user_id))));


--
-- Name: second_factors second_factors_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY second_factors_seller ON capconduit.second_factors FOR SELECT TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: second_factors second_factors_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY second_factors_staff ON capconduit.second_factors FOR SELECT TO capconduit_staff USING (true);


--
-- Name: sessions; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.sessions ENABLE ROW LEVEL SECURITY;

--
-- Name: sessions sessions_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY sessions_seller ON capconduit.sessions TO capconduit_seller USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: sessions sessions_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY sessions_staff ON capconduit.sessions TO capconduit_staff USING ((user_id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: users; Type: ROW SECURITY; Schema: capconduit; Owner: capconduit_owner
--

ALTER TABLE capconduit.users ENABLE ROW LEVEL SECURITY;

--
-- Name: users users_admin_delete; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_admin_delete ON capconduit.users FOR DELETE TO capconduit_staff USING ((( SELECT current_setting('capconduit.user_role'::text, true) AS current_setting) = 'admin'::text));


--
-- Name: users users_admin_insert; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_admin_insert ON capconduit.users FOR INSERT TO capconduit_staff WITH CHECK ((( SELECT current_setting('capconduit.user_role'::text, true) AS current_setting) = 'admin'::text));


--
-- Name: users users_admin_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_admin_update ON capconduit.users FOR UPDATE TO capconduit_staff USING ((( SELECT current_setting('capconduit.user_role'::text, true) AS current_setting) = 'admin'::text));


--
-- Name: users users_internal; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_internal ON capconduit.users FOR SELECT TO capconduit_internal USING (true);


--
-- Name: users users_read; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_read ON capconduit.users FOR SELECT TO capconduit_read USING (true);


--
-- Name: users users_seller; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_seller ON capconduit.users FOR SELECT TO capconduit_seller USING ((id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: users users_seller_update; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_seller_update ON capconduit.users FOR UPDATE TO capconduit_seller USING ((id = ( SELECT capconduit.session_user_id() AS session_user_id)));


--
-- Name: users users_staff; Type: POLICY; Schema: capconduit; Owner: capconduit_owner
--

CREATE POLICY users_staff ON capconduit.users FOR SELECT TO capconduit_staff USING (true);


--
-- Name: SCHEMA asterisk; Type: ACL; Schema: -; Owner: capconduit_owner
--

GRANT USAGE ON SCHEMA asterisk TO capconduit_asterisk;


--
-- Name: SCHEMA capconduit; Type: ACL; Schema: -; Owner: capconduit_owner
--

GRANT USAGE ON SCHEMA capconduit TO capconduit_seller;
GRANT USAGE ON SCHEMA capconduit TO capconduit_staff;
GRANT USAGE ON SCHEMA capconduit TO capconduit_internal;
GRANT USAGE ON SCHEMA capconduit TO capconduit_read;
GRANT USAGE ON SCHEMA capconduit TO capconduit_asterisk;
GRANT USAGE ON SCHEMA capconduit TO capconduit_api;


--
-- Name: FUNCTION adjust_cap(cap_id bigint, delta bigint, reason text, OUT status text, OUT used bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.adjust_cap(cap_id bigint, delta bigint, reason text, OUT status text, OUT used bigint) TO capconduit_staff;


--
-- Name: FUNCTION adjust_link_total(link_id bigint, delta bigint, reason text, OUT status text, OUT total bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.adjust_link_total(link_id bigint, delta bigint, reason text, OUT status text, OUT total bigint) TO capconduit_staff;


--
-- Name: FUNCTION begin_second_factor(verified_hash text, totp_secret bytea, totp_key text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.begin_second_factor(verified_hash text, totp_secret bytea, totp_key text) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.begin_second_factor(verified_hash text, totp_secret bytea, totp_key text) TO capconduit_staff;


--
-- Name: FUNCTION call_answered(uniqueid text, OUT status text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.call_answered(uniqueid text, OUT status text) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.call_answered(uniqueid text, OUT status text) TO capconduit_internal;


--
-- Name: FUNCTION change_password(verified_hash text, new_hash text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.change_password(verified_hash text, new_hash text) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.change_password(verified_hash text, new_hash text) TO capconduit_staff;


--
-- Name: FUNCTION close_session(token_hash bytea); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.close_session(token_hash bytea) TO capconduit_api;


--
-- Name: FUNCTION confirm_second_factor(totp_secret bytea, step bigint, recovery_hashes bytea[]); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.confirm_second_factor(totp_secret bytea, step bigint, recovery_hashes bytea[]) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.confirm_second_factor(totp_secret bytea, step bigint, recovery_hashes bytea[]) TO capconduit_staff;


--
-- Name: FUNCTION delete_expired_sessions(); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.delete_expired_sessions() TO capconduit_api;


--
-- Name: FUNCTION erase_caller(caller text, OUT marks bigint, OUT calls bigint, OUT records bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.erase_caller(caller text, OUT marks bigint, OUT calls bigint, OUT records bigint) TO capconduit_staff;


--
-- Name: FUNCTION explain_call(did text, caller text, at timestamp with time zone, node text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text, OUT detail jsonb); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.explain_call(did text, caller text, at timestamp with time zone, node text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text, OUT detail jsonb) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.explain_call(did text, caller text, at timestamp with time zone, node text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text, OUT detail jsonb) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.explain_call(did text, caller text, at timestamp with time zone, node text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text, OUT detail jsonb) TO capconduit_read;


--
-- Name: FUNCTION explain_own_call(did text, caller text, at timestamp with time zone, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text, OUT opens_at timestamp with time zone); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.explain_own_call(did text, caller text, at timestamp with time zone, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text, OUT opens_at timestamp with time zone) TO capconduit_seller;


--
-- Name: FUNCTION explain_own_did(did text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.explain_own_did(did text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text) TO capconduit_seller;


--
-- Name: FUNCTION explain_route(did text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.explain_route(did text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.explain_route(did text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.explain_route(did text, OUT campaign_id bigint, OUT campaign_name text, OUT routing_strategy text, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT eligible boolean, OUT reason text, OUT active integer, OUT max_concurrency integer, OUT counted bigint, OUT total_calls_allowed bigint, OUT forwarding_priority integer, OUT weight integer, OUT place integer, OUT share double precision, OUT did_id bigint, OUT reject_reason text) TO capconduit_read;


--
-- Name: FUNCTION find_api_token(token_hash bytea, OUT user_id bigint, OUT role text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.find_api_token(token_hash bytea, OUT user_id bigint, OUT role text) TO capconduit_api;


--
-- Name: FUNCTION find_login(username text, OUT user_id bigint, OUT password_hash text, OUT status text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.find_login(username text, OUT user_id bigint, OUT password_hash text, OUT status text) TO capconduit_api;


--
-- Name: FUNCTION find_login(username text, network text, OUT user_id bigint, OUT password_hash text, OUT status text, OUT known boolean, OUT account text, OUT totp_secret bytea, OUT totp_key text, OUT last_step bigint, OUT recovery_hashes bytea[]); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.find_login(username text, network text, OUT user_id bigint, OUT password_hash text, OUT status text, OUT known boolean, OUT account text, OUT totp_secret bytea, OUT totp_key text, OUT last_step bigint, OUT recovery_hashes bytea[]) TO capconduit_api;


--
-- Name: FUNCTION find_second_factor(OUT totp_secret bytea, OUT totp_key text, OUT confirmed_at timestamp with time zone, OUT last_step bigint, OUT recovery_hashes bytea[]); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.find_second_factor(OUT totp_secret bytea, OUT totp_key text, OUT confirmed_at timestamp with time zone, OUT last_step bigint, OUT recovery_hashes bytea[]) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.find_second_factor(OUT totp_secret bytea, OUT totp_key text, OUT confirmed_at timestamp with time zone, OUT last_step bigint, OUT recovery_hashes bytea[]) TO capconduit_staff;


--
-- Name: FUNCTION find_session(token_hash bytea, lifetime_seconds integer, OUT user_id bigint, OUT role text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.find_session(token_hash bytea, lifetime_seconds integer, OUT user_id bigint, OUT role text) TO capconduit_api;


--
-- Name: FUNCTION find_session(token_hash bytea, lifetime_seconds integer, longest_seconds integer, OUT user_id bigint, OUT role text, OUT cookie_seconds integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.find_session(token_hash bytea, lifetime_seconds integer, longest_seconds integer, OUT user_id bigint, OUT role text, OUT cookie_seconds integer) TO capconduit_api;


--
-- Name: FUNCTION flush_seen(); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.flush_seen() TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.flush_seen() TO capconduit_staff;


--
-- Name: FUNCTION forget_caller_marks(max_rows integer, seen boolean); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.forget_caller_marks(max_rows integer, seen boolean) TO capconduit_api;


--
-- Name: FUNCTION forget_login_networks(); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.forget_login_networks() TO capconduit_api;


--
-- Name: FUNCTION forget_seats(client_id bigint, OUT status text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.forget_seats(client_id bigint, OUT status text) TO capconduit_staff;


--
-- Name: FUNCTION has_second_factor(user_id bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.has_second_factor(user_id bigint) TO capconduit_api;


--
-- Name: FUNCTION log_call(uniqueid text, did text, call_status text, node text, linkedid text, caller_number text, caller_name text, started_at timestamp with time zone, answered_at timestamp with time zone, ended_at timestamp with time zone, duration_seconds integer, billsec_seconds integer, hangup_cause_code integer, hangup_cause_text text, hangup_by text, sip_call_id text, decision text, link_id bigint, campaign_id bigint, client_id bigint, did_id bigint, user_id bigint, OUT status text, OUT cdr_id bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.log_call(uniqueid text, did text, call_status text, node text, linkedid text, caller_number text, caller_name text, started_at timestamp with time zone, answered_at timestamp with time zone, ended_at timestamp with time zone, duration_seconds integer, billsec_seconds integer, hangup_cause_code integer, hangup_cause_text text, hangup_by text, sip_call_id text, decision text, link_id bigint, campaign_id bigint, client_id bigint, did_id bigint, user_id bigint, OUT status text, OUT cdr_id bigint) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.log_call(uniqueid text, did text, call_status text, node text, linkedid text, caller_number text, caller_name text, started_at timestamp with time zone, answered_at timestamp with time zone, ended_at timestamp with time zone, duration_seconds integer, billsec_seconds integer, hangup_cause_code integer, hangup_cause_text text, hangup_by text, sip_call_id text, decision text, link_id bigint, campaign_id bigint, client_id bigint, did_id bigint, user_id bigint, OUT status text, OUT cdr_id bigint) TO capconduit_internal;


--
-- Name: FUNCTION next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer) TO capconduit_internal;


--
-- Name: FUNCTION next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer, node text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer, node text) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.next_target(uniqueid text, failed_attempt integer, dial_status text, hangup_cause integer, node text) TO capconduit_internal;


--
-- Name: FUNCTION node_heartbeat(node text, instance text, taken_at timestamp with time zone, uniqueids text[], OUT status text, OUT listed integer, OUT absent integer, OUT closed integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.node_heartbeat(node text, instance text, taken_at timestamp with time zone, uniqueids text[], OUT status text, OUT listed integer, OUT absent integer, OUT closed integer) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.node_heartbeat(node text, instance text, taken_at timestamp with time zone, uniqueids text[], OUT status text, OUT listed integer, OUT absent integer, OUT closed integer) TO capconduit_internal;


--
-- Name: FUNCTION node_report(node text, instance text, state text, OUT status text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.node_report(node text, instance text, state text, OUT status text) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.node_report(node text, instance text, state text, OUT status text) TO capconduit_internal;


--
-- Name: FUNCTION node_started(node text, booted_at timestamp with time zone, instance text, OUT status text, OUT closed integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.node_started(node text, booted_at timestamp with time zone, instance text, OUT status text, OUT closed integer) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.node_started(node text, booted_at timestamp with time zone, instance text, OUT status text, OUT closed integer) TO capconduit_internal;


--
-- Name: FUNCTION open_session(user_id bigint, verified_hash text, token_hash bytea, lifetime_seconds integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.open_session(user_id bigint, verified_hash text, token_hash bytea, lifetime_seconds integer) TO capconduit_api;


--
-- Name: FUNCTION open_session(user_id bigint, verified_hash text, token_hash bytea, lifetime_seconds integer, network text, step bigint, recovery_hash bytea); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.open_session(user_id bigint, verified_hash text, token_hash bytea, lifetime_seconds integer, network text, step bigint, recovery_hash bytea) TO capconduit_api;


--
-- Name: FUNCTION present_window(span text, at timestamp with time zone, zone text, was_from timestamp with time zone, was_until timestamp with time zone, was_zone text, OUT starts_at timestamp with time zone, OUT ends_at timestamp with time zone); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.present_window(span text, at timestamp with time zone, zone text, was_from timestamp with time zone, was_until timestamp with time zone, was_zone text, OUT starts_at timestamp with time zone, OUT ends_at timestamp with time zone) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.present_window(span text, at timestamp with time zone, zone text, was_from timestamp with time zone, was_until timestamp with time zone, was_zone text, OUT starts_at timestamp with time zone, OUT ends_at timestamp with time zone) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.present_window(span text, at timestamp with time zone, zone text, was_from timestamp with time zone, was_until timestamp with time zone, was_zone text, OUT starts_at timestamp with time zone, OUT ends_at timestamp with time zone) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.present_window(span text, at timestamp with time zone, zone text, was_from timestamp with time zone, was_until timestamp with time zone, was_zone text, OUT starts_at timestamp with time zone, OUT ends_at timestamp with time zone) TO capconduit_read;


--
-- Name: FUNCTION preview_call(did text, caller text, at timestamp with time zone, node text, OUT status text, OUT reason text, OUT hangup_cause integer, OUT did_id bigint, OUT campaign_id bigint, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT detail jsonb); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.preview_call(did text, caller text, at timestamp with time zone, node text, OUT status text, OUT reason text, OUT hangup_cause integer, OUT did_id bigint, OUT campaign_id bigint, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT detail jsonb) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.preview_call(did text, caller text, at timestamp with time zone, node text, OUT status text, OUT reason text, OUT hangup_cause integer, OUT did_id bigint, OUT campaign_id bigint, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT detail jsonb) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.preview_call(did text, caller text, at timestamp with time zone, node text, OUT status text, OUT reason text, OUT hangup_cause integer, OUT did_id bigint, OUT campaign_id bigint, OUT link_id bigint, OUT client_id bigint, OUT client_identifier text, OUT detail jsonb) TO capconduit_read;


--
-- Name: FUNCTION preview_route(did text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.preview_route(did text) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.preview_route(did text) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.preview_route(did text) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.preview_route(did text) TO capconduit_read;


--
-- Name: FUNCTION release_call(uniqueid text, reason text, OUT status text, OUT cdr_id bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.release_call(uniqueid text, reason text, OUT status text, OUT cdr_id bigint) TO capconduit_staff;


--
-- Name: FUNCTION release_expired(max integer, OUT status text, OUT released integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.release_expired(max integer, OUT status text, OUT released integer) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.release_expired(max integer, OUT status text, OUT released integer) TO capconduit_internal;


--
-- Name: FUNCTION release_node(node text, reason text, OUT status text, OUT released integer); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.release_node(node text, reason text, OUT status text, OUT released integer) TO capconduit_staff;


--
-- Name: FUNCTION remove_second_factor(step bigint, recovery_hash bytea); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.remove_second_factor(step bigint, recovery_hash bytea) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.remove_second_factor(step bigint, recovery_hash bytea) TO capconduit_staff;


--
-- Name: FUNCTION replace_recovery_codes(step bigint, recovery_hash bytea, new_hashes bytea[]); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.replace_recovery_codes(step bigint, recovery_hash bytea, new_hashes bytea[]) TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.replace_recovery_codes(step bigint, recovery_hash bytea, new_hashes bytea[]) TO capconduit_staff;


--
-- Name: FUNCTION route_call(did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.route_call(did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.route_call(did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text) TO capconduit_internal;


--
-- Name: FUNCTION route_call(did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text, sip_call_id text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.route_call(did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text, sip_call_id text) TO capconduit_asterisk;
GRANT ALL ON FUNCTION capconduit.route_call(did text, uniqueid text, caller_number text, caller_name text, linkedid text, node text, sip_call_id text) TO capconduit_internal;


--
-- Name: FUNCTION schema_version(); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.schema_version() TO capconduit_api;


--
-- Name: FUNCTION session_user_id(); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.session_user_id() TO capconduit_seller;
GRANT ALL ON FUNCTION capconduit.session_user_id() TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.session_user_id() TO capconduit_internal;


--
-- Name: FUNCTION set_seats(client_id bigint, seats integer, ttl_seconds integer, on_stale text, sequence bigint, OUT status text, OUT seats_until timestamp with time zone); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.set_seats(client_id bigint, seats integer, ttl_seconds integer, on_stale text, sequence bigint, OUT status text, OUT seats_until timestamp with time zone) TO capconduit_staff;


--
-- Name: FUNCTION table_access(OUT table_name text, OUT operation text, OUT access text, OUT reason text); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.table_access(OUT table_name text, OUT operation text, OUT access text, OUT reason text) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.table_access(OUT table_name text, OUT operation text, OUT access text, OUT reason text) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.table_access(OUT table_name text, OUT operation text, OUT access text, OUT reason text) TO capconduit_read;


--
-- Name: FUNCTION verify_counters(OUT link_id bigint, OUT counter text, OUT stored bigint, OUT actual bigint); Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT ALL ON FUNCTION capconduit.verify_counters(OUT link_id bigint, OUT counter text, OUT stored bigint, OUT actual bigint) TO capconduit_staff;
GRANT ALL ON FUNCTION capconduit.verify_counters(OUT link_id bigint, OUT counter text, OUT stored bigint, OUT actual bigint) TO capconduit_internal;
GRANT ALL ON FUNCTION capconduit.verify_counters(OUT link_id bigint, OUT counter text, OUT stored bigint, OUT actual bigint) TO capconduit_read;


--
-- Name: TABLE clients; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE capconduit.clients TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.clients TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.clients TO capconduit_read;


--
-- Name: COLUMN clients.id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(id) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.client_identifier; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(client_identifier) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(name) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.department; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(department) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.status; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(status) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.time_zone; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(time_zone) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.platform_paused_until; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(platform_paused_until) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: COLUMN clients.schedule_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(schedule_id) ON TABLE capconduit.clients TO capconduit_seller;


--
-- Name: TABLE pjsip_aors; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE capconduit.pjsip_aors TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.pjsip_aors TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.pjsip_aors TO capconduit_read;


--
-- Name: TABLE ps_aors; Type: ACL; Schema: asterisk; Owner: capconduit_owner
--

GRANT SELECT ON TABLE asterisk.ps_aors TO capconduit_asterisk;


--
-- Name: TABLE pjsip_auths; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT,DELETE,UPDATE ON TABLE capconduit.pjsip_auths TO capconduit_staff;


--
-- Name: COLUMN pjsip_auths.client_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(client_id) ON TABLE capconduit.pjsip_auths TO capconduit_staff;


--
-- Name: COLUMN pjsip_auths.id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(id) ON TABLE capconduit.pjsip_auths TO capconduit_staff;


--
-- Name: COLUMN pjsip_auths.auth_type; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(auth_type) ON TABLE capconduit.pjsip_auths TO capconduit_staff;


--
-- Name: COLUMN pjsip_auths.username; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(username) ON TABLE capconduit.pjsip_auths TO capconduit_staff;


--
-- Name: COLUMN pjsip_auths.realm; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(realm) ON TABLE capconduit.pjsip_auths TO capconduit_staff;


--
-- Name: TABLE ps_auths; Type: ACL; Schema: asterisk; Owner: capconduit_owner
--

GRANT SELECT ON TABLE asterisk.ps_auths TO capconduit_asterisk;


--
-- Name: TABLE pjsip_contacts; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.pjsip_contacts TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.pjsip_contacts TO capconduit_read;


--
-- Name: TABLE ps_contacts; Type: ACL; Schema: asterisk; Owner: capconduit_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE asterisk.ps_contacts TO capconduit_asterisk;


--
-- Name: TABLE pjsip_endpoints; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,INSERT,DELETE,UPDATE ON TABLE capconduit.pjsip_endpoints TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.pjsip_endpoints TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.pjsip_endpoints TO capconduit_read;


--
-- Name: TABLE ps_endpoints; Type: ACL; Schema: asterisk; Owner: capconduit_owner
--

GRANT SELECT ON TABLE asterisk.ps_endpoints TO capconduit_asterisk;


--
-- Name: TABLE api_tokens; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT DELETE ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT DELETE ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(id) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT SELECT(id) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(user_id),INSERT(user_id) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT SELECT(user_id),INSERT(user_id) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(name),INSERT(name) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT SELECT(name),INSERT(name) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.token_hash; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(token_hash) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT INSERT(token_hash) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.created_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(created_at) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT SELECT(created_at) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.expires_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(expires_at),INSERT(expires_at) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT SELECT(expires_at),INSERT(expires_at) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: COLUMN api_tokens.last_used_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(last_used_at) ON TABLE capconduit.api_tokens TO capconduit_seller;
GRANT SELECT(last_used_at) ON TABLE capconduit.api_tokens TO capconduit_staff;


--
-- Name: TABLE audit_log; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.audit_log TO capconduit_read;


--
-- Name: COLUMN audit_log.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT INSERT(user_id) ON TABLE capconduit.audit_log TO capconduit_internal;


--
-- Name: COLUMN audit_log.db_role; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(db_role) ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT INSERT(db_role) ON TABLE capconduit.audit_log TO capconduit_internal;


--
-- Name: COLUMN audit_log.action; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(action) ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT INSERT(action) ON TABLE capconduit.audit_log TO capconduit_internal;


--
-- Name: COLUMN audit_log.object_type; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(object_type) ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT INSERT(object_type) ON TABLE capconduit.audit_log TO capconduit_internal;


--
-- Name: COLUMN audit_log.object_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(object_id) ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT INSERT(object_id) ON TABLE capconduit.audit_log TO capconduit_internal;


--
-- Name: COLUMN audit_log.after; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(after) ON TABLE capconduit.audit_log TO capconduit_staff;
GRANT INSERT(after) ON TABLE capconduit.audit_log TO capconduit_internal;


--
-- Name: TABLE call_attempts; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.call_attempts TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.call_attempts TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.call_attempts TO capconduit_read;


--
-- Name: TABLE call_logs; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.call_logs TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.call_logs TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.call_logs TO capconduit_read;
GRANT SELECT ON TABLE capconduit.call_logs TO capconduit_internal;


--
-- Name: TABLE caller_calls; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.caller_calls TO capconduit_read;


--
-- Name: TABLE caller_marks; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,DELETE ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT SELECT,DELETE ON TABLE capconduit.caller_marks TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.caller_marks TO capconduit_read;


--
-- Name: COLUMN caller_marks.link_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(link_id) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(link_id) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.client_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(client_id) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.campaign_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(campaign_id) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(campaign_id) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(user_id) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.caller; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(caller) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(caller) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.kind; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(kind) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(kind) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.until; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(until),UPDATE(until) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(until),UPDATE(until) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.source; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(source),UPDATE(source) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(source),UPDATE(source) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.note; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(note),UPDATE(note) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT INSERT(note),UPDATE(note) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.created_by; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(created_by) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT UPDATE(created_by) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: COLUMN caller_marks.at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(at) ON TABLE capconduit.caller_marks TO capconduit_seller;
GRANT UPDATE(at) ON TABLE capconduit.caller_marks TO capconduit_staff;


--
-- Name: TABLE campaign_client_settings; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,DELETE ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.campaign_client_settings TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.campaign_client_settings TO capconduit_read;
GRANT SELECT ON TABLE capconduit.campaign_client_settings TO capconduit_internal;


--
-- Name: COLUMN campaign_client_settings.campaign_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(campaign_id) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;


--
-- Name: COLUMN campaign_client_settings.client_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(client_id) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;


--
-- Name: COLUMN campaign_client_settings.status; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(status),UPDATE(status) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(status) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.max_concurrency; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(max_concurrency),UPDATE(max_concurrency) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(max_concurrency) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.total_calls_allowed; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(total_calls_allowed),UPDATE(total_calls_allowed) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(total_calls_allowed) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.forwarding_priority; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(forwarding_priority),UPDATE(forwarding_priority) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(forwarding_priority) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.weight; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(weight),UPDATE(weight) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(weight) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.min_seconds_between; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(min_seconds_between),UPDATE(min_seconds_between) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(min_seconds_between) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.qualify_seconds; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(qualify_seconds),UPDATE(qualify_seconds) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(qualify_seconds) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.paused_until; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(paused_until) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;


--
-- Name: COLUMN campaign_client_settings.pause_reason; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(pause_reason) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;


--
-- Name: COLUMN campaign_client_settings.platform_paused_until; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(platform_paused_until) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.platform_pause_reason; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(platform_pause_reason) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.schedule_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(schedule_id),UPDATE(schedule_id) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(schedule_id) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: COLUMN campaign_client_settings.caller_rules; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(caller_rules),UPDATE(caller_rules) ON TABLE capconduit.campaign_client_settings TO capconduit_seller;
GRANT UPDATE(caller_rules) ON TABLE capconduit.campaign_client_settings TO capconduit_staff;


--
-- Name: TABLE campaigns; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,DELETE ON TABLE capconduit.campaigns TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.campaigns TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.campaigns TO capconduit_read;
GRANT SELECT ON TABLE capconduit.campaigns TO capconduit_internal;


--
-- Name: COLUMN campaigns.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(name),UPDATE(name) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.status; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(status),UPDATE(status) ON TABLE capconduit.campaigns TO capconduit_seller;
GRANT UPDATE(status) ON TABLE capconduit.campaigns TO capconduit_staff;


--
-- Name: COLUMN campaigns.routing_strategy; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(routing_strategy),UPDATE(routing_strategy) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.dial_timeout_seconds; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(dial_timeout_seconds),UPDATE(dial_timeout_seconds) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.max_ring_seconds; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(max_ring_seconds),UPDATE(max_ring_seconds) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.description; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(description),UPDATE(description) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.qualify_seconds; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(qualify_seconds),UPDATE(qualify_seconds) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.paused_until; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(paused_until) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.pause_reason; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(pause_reason) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.platform_paused_until; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(platform_paused_until) ON TABLE capconduit.campaigns TO capconduit_staff;


--
-- Name: COLUMN campaigns.platform_pause_reason; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(platform_pause_reason) ON TABLE capconduit.campaigns TO capconduit_staff;


--
-- Name: COLUMN campaigns.schedule_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(schedule_id),UPDATE(schedule_id) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.anonymous_callers; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(anonymous_callers),UPDATE(anonymous_callers) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.min_redial_seconds; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(min_redial_seconds),UPDATE(min_redial_seconds) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.caller_rules; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(caller_rules),UPDATE(caller_rules) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: COLUMN campaigns.overflow; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(overflow),UPDATE(overflow) ON TABLE capconduit.campaigns TO capconduit_seller;


--
-- Name: TABLE users; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT DELETE ON TABLE capconduit.users TO capconduit_staff;


--
-- Name: COLUMN users.id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(id) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(id) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(id) ON TABLE capconduit.users TO capconduit_read;
GRANT SELECT(id) ON TABLE capconduit.users TO capconduit_internal;


--
-- Name: COLUMN users.username; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(username) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(username),INSERT(username) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(username) ON TABLE capconduit.users TO capconduit_read;
GRANT SELECT(username) ON TABLE capconduit.users TO capconduit_internal;


--
-- Name: COLUMN users.email; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(email) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(email),INSERT(email),UPDATE(email) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(email) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.password_hash; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(password_hash),UPDATE(password_hash) ON TABLE capconduit.users TO capconduit_staff;


--
-- Name: COLUMN users.role; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(role) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(role),INSERT(role),UPDATE(role) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(role) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.status; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(status) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(status),INSERT(status),UPDATE(status) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(status) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.full_name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(full_name) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(full_name),INSERT(full_name),UPDATE(full_name) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(full_name) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.company_name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(company_name) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(company_name),INSERT(company_name),UPDATE(company_name) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(company_name) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.created_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(created_at) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(created_at) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(created_at) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.updated_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(updated_at) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(updated_at) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(updated_at) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.version; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(version) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(version) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(version) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: COLUMN users.time_zone; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(time_zone) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(time_zone),INSERT(time_zone),UPDATE(time_zone) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(time_zone) ON TABLE capconduit.users TO capconduit_read;
GRANT SELECT(time_zone) ON TABLE capconduit.users TO capconduit_internal;


--
-- Name: COLUMN users.caller_rules; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(caller_rules),UPDATE(caller_rules) ON TABLE capconduit.users TO capconduit_seller;
GRANT SELECT(caller_rules),INSERT(caller_rules),UPDATE(caller_rules) ON TABLE capconduit.users TO capconduit_staff;
GRANT SELECT(caller_rules) ON TABLE capconduit.users TO capconduit_read;


--
-- Name: TABLE callers_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.callers_view TO capconduit_read;
GRANT SELECT ON TABLE capconduit.callers_view TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.callers_view TO capconduit_staff;


--
-- Name: TABLE campaign_dids; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,INSERT,DELETE ON TABLE capconduit.campaign_dids TO capconduit_seller;
GRANT SELECT,DELETE ON TABLE capconduit.campaign_dids TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.campaign_dids TO capconduit_read;


--
-- Name: TABLE cap_events; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.cap_events TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.cap_events TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.cap_events TO capconduit_read;
GRANT SELECT,DELETE ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.cap_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(cap_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.campaign_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(campaign_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.link_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(link_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.client_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(client_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.did_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(did_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.subject_type; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(subject_type) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.subject_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(subject_id) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.subject_name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(subject_name) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.counts; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(counts) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.span; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(span) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.set_by; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(set_by) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.enforce; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(enforce) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.max_calls; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(max_calls) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.threshold; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(threshold) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.used; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(used) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.in_flight; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(in_flight) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.starts_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(starts_at) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: COLUMN cap_events.ends_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(ends_at) ON TABLE capconduit.cap_events TO capconduit_internal;


--
-- Name: TABLE caps; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,DELETE ON TABLE capconduit.caps TO capconduit_seller;
GRANT SELECT,DELETE ON TABLE capconduit.caps TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.caps TO capconduit_read;
GRANT SELECT ON TABLE capconduit.caps TO capconduit_internal;


--
-- Name: COLUMN caps.link_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(link_id) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(link_id) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.counts; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(counts) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(counts) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.span; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(span) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(span) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.set_by; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(set_by) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(set_by) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.max_calls; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(max_calls),UPDATE(max_calls) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(max_calls),UPDATE(max_calls) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.enforce; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(enforce),UPDATE(enforce) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(enforce),UPDATE(enforce) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.note; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(note),UPDATE(note) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(note),UPDATE(note) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.client_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(client_id) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.did_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(did_id) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(did_id) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.campaign_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(campaign_id) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(campaign_id) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: COLUMN caps.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.caps TO capconduit_seller;
GRANT INSERT(user_id) ON TABLE capconduit.caps TO capconduit_staff;


--
-- Name: TABLE dids; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,DELETE ON TABLE capconduit.dids TO capconduit_seller;
GRANT SELECT,DELETE ON TABLE capconduit.dids TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.dids TO capconduit_read;
GRANT SELECT ON TABLE capconduit.dids TO capconduit_internal;


--
-- Name: COLUMN dids.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.dids TO capconduit_seller;
GRANT INSERT(user_id),UPDATE(user_id) ON TABLE capconduit.dids TO capconduit_staff;


--
-- Name: COLUMN dids.number; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(number) ON TABLE capconduit.dids TO capconduit_seller;
GRANT INSERT(number) ON TABLE capconduit.dids TO capconduit_staff;


--
-- Name: COLUMN dids.status; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(status),UPDATE(status) ON TABLE capconduit.dids TO capconduit_seller;
GRANT INSERT(status),UPDATE(status) ON TABLE capconduit.dids TO capconduit_staff;


--
-- Name: COLUMN dids.description; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(description),UPDATE(description) ON TABLE capconduit.dids TO capconduit_seller;
GRANT INSERT(description),UPDATE(description) ON TABLE capconduit.dids TO capconduit_staff;


--
-- Name: COLUMN dids.schedule_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(schedule_id),UPDATE(schedule_id) ON TABLE capconduit.dids TO capconduit_seller;


--
-- Name: TABLE link_counters; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.link_counters TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.link_counters TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.link_counters TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.link_counters TO capconduit_read;


--
-- Name: TABLE link_windows; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.link_windows TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.link_windows TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.link_windows TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.link_windows TO capconduit_read;


--
-- Name: TABLE meter_windows; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.meter_windows TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.meter_windows TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.meter_windows TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.meter_windows TO capconduit_read;


--
-- Name: TABLE meters; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.meters TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.meters TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.meters TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.meters TO capconduit_read;


--
-- Name: TABLE caps_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.caps_view TO capconduit_internal;
GRANT SELECT ON TABLE capconduit.caps_view TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.caps_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.caps_view TO capconduit_read;


--
-- Name: TABLE hearing; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.hearing TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.hearing TO capconduit_read;
GRANT SELECT ON TABLE capconduit.hearing TO capconduit_internal;


--
-- Name: TABLE idempotency_keys; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.idempotency_keys TO capconduit_staff;
GRANT DELETE ON TABLE capconduit.idempotency_keys TO capconduit_internal;


--
-- Name: COLUMN idempotency_keys.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT INSERT(user_id) ON TABLE capconduit.idempotency_keys TO capconduit_staff;


--
-- Name: COLUMN idempotency_keys.key_hash; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(key_hash) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT INSERT(key_hash) ON TABLE capconduit.idempotency_keys TO capconduit_staff;


--
-- Name: COLUMN idempotency_keys.fingerprint; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(fingerprint),UPDATE(fingerprint) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT INSERT(fingerprint),UPDATE(fingerprint) ON TABLE capconduit.idempotency_keys TO capconduit_staff;


--
-- Name: COLUMN idempotency_keys.status; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(status),UPDATE(status) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT INSERT(status),UPDATE(status) ON TABLE capconduit.idempotency_keys TO capconduit_staff;


--
-- Name: COLUMN idempotency_keys.etag; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(etag),UPDATE(etag) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT INSERT(etag),UPDATE(etag) ON TABLE capconduit.idempotency_keys TO capconduit_staff;


--
-- Name: COLUMN idempotency_keys.body; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(body),UPDATE(body) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT INSERT(body),UPDATE(body) ON TABLE capconduit.idempotency_keys TO capconduit_staff;


--
-- Name: COLUMN idempotency_keys.created_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT UPDATE(created_at) ON TABLE capconduit.idempotency_keys TO capconduit_seller;
GRANT UPDATE(created_at) ON TABLE capconduit.idempotency_keys TO capconduit_staff;
GRANT SELECT(created_at) ON TABLE capconduit.idempotency_keys TO capconduit_internal;


--
-- Name: TABLE late_excess_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.late_excess_view TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.late_excess_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.late_excess_view TO capconduit_read;


--
-- Name: TABLE link_adjustments; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.link_adjustments TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.link_adjustments TO capconduit_read;


--
-- Name: TABLE link_excess; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.link_excess TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.link_excess TO capconduit_read;


--
-- Name: TABLE link_today_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.link_today_view TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.link_today_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.link_today_view TO capconduit_read;


--
-- Name: TABLE link_usage_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.link_usage_view TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.link_usage_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.link_usage_view TO capconduit_read;


--
-- Name: TABLE live_calls; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.live_calls TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.live_calls TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.live_calls TO capconduit_read;
GRANT SELECT ON TABLE capconduit.live_calls TO capconduit_internal;


--
-- Name: TABLE live_calls_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.live_calls_view TO capconduit_seller;
GRANT SELECT ON TABLE capconduit.live_calls_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.live_calls_view TO capconduit_read;


--
-- Name: TABLE meter_adjustments; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.meter_adjustments TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.meter_adjustments TO capconduit_read;


--
-- Name: TABLE metered_calls_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.metered_calls_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.metered_calls_view TO capconduit_read;


--
-- Name: TABLE nodes; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.nodes TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.nodes TO capconduit_read;
GRANT SELECT ON TABLE capconduit.nodes TO capconduit_internal;


--
-- Name: TABLE password_links; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT DELETE ON TABLE capconduit.password_links TO capconduit_staff;


--
-- Name: COLUMN password_links.id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(id) ON TABLE capconduit.password_links TO capconduit_staff;
GRANT SELECT(id) ON TABLE capconduit.password_links TO capconduit_internal;


--
-- Name: COLUMN password_links.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(user_id),INSERT(user_id) ON TABLE capconduit.password_links TO capconduit_staff;
GRANT SELECT(user_id) ON TABLE capconduit.password_links TO capconduit_internal;


--
-- Name: COLUMN password_links.user_version; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(user_version),INSERT(user_version) ON TABLE capconduit.password_links TO capconduit_staff;


--
-- Name: COLUMN password_links.token_hash; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(token_hash) ON TABLE capconduit.password_links TO capconduit_staff;
GRANT SELECT(token_hash) ON TABLE capconduit.password_links TO capconduit_internal;


--
-- Name: COLUMN password_links.created_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(created_at) ON TABLE capconduit.password_links TO capconduit_staff;


--
-- Name: COLUMN password_links.expires_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(expires_at),INSERT(expires_at) ON TABLE capconduit.password_links TO capconduit_staff;
GRANT SELECT(expires_at) ON TABLE capconduit.password_links TO capconduit_internal;


--
-- Name: TABLE reject_counts; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.reject_counts TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.reject_counts TO capconduit_read;
GRANT SELECT ON TABLE capconduit.reject_counts TO capconduit_internal;


--
-- Name: TABLE rejects_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.rejects_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.rejects_view TO capconduit_read;


--
-- Name: TABLE schedules; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT,DELETE ON TABLE capconduit.schedules TO capconduit_seller;
GRANT SELECT,DELETE ON TABLE capconduit.schedules TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.schedules TO capconduit_read;


--
-- Name: COLUMN schedules.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(user_id) ON TABLE capconduit.schedules TO capconduit_seller;
GRANT INSERT(user_id) ON TABLE capconduit.schedules TO capconduit_staff;


--
-- Name: COLUMN schedules.name; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(name),UPDATE(name) ON TABLE capconduit.schedules TO capconduit_seller;
GRANT INSERT(name),UPDATE(name) ON TABLE capconduit.schedules TO capconduit_staff;


--
-- Name: COLUMN schedules.time_zone; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(time_zone),UPDATE(time_zone) ON TABLE capconduit.schedules TO capconduit_seller;
GRANT INSERT(time_zone),UPDATE(time_zone) ON TABLE capconduit.schedules TO capconduit_staff;


--
-- Name: COLUMN schedules.weekly; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(weekly),UPDATE(weekly) ON TABLE capconduit.schedules TO capconduit_seller;
GRANT INSERT(weekly),UPDATE(weekly) ON TABLE capconduit.schedules TO capconduit_staff;


--
-- Name: COLUMN schedules.exceptions; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT INSERT(exceptions),UPDATE(exceptions) ON TABLE capconduit.schedules TO capconduit_seller;
GRANT INSERT(exceptions),UPDATE(exceptions) ON TABLE capconduit.schedules TO capconduit_staff;


--
-- Name: TABLE second_factors; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT DELETE ON TABLE capconduit.second_factors TO capconduit_staff;


--
-- Name: COLUMN second_factors.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(user_id) ON TABLE capconduit.second_factors TO capconduit_seller;
GRANT SELECT(user_id) ON TABLE capconduit.second_factors TO capconduit_staff;


--
-- Name: COLUMN second_factors.created_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(created_at) ON TABLE capconduit.second_factors TO capconduit_seller;
GRANT SELECT(created_at) ON TABLE capconduit.second_factors TO capconduit_staff;


--
-- Name: COLUMN second_factors.confirmed_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(confirmed_at) ON TABLE capconduit.second_factors TO capconduit_seller;
GRANT SELECT(confirmed_at) ON TABLE capconduit.second_factors TO capconduit_staff;


--
-- Name: TABLE sessions; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT DELETE ON TABLE capconduit.sessions TO capconduit_seller;
GRANT DELETE ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.user_id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(user_id) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(user_id) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.created_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(created_at) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(created_at) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.last_seen_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(last_seen_at) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(last_seen_at) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.expires_at; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(expires_at) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(expires_at) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.id; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(id) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(id) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.network; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(network) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(network),UPDATE(network) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: COLUMN sessions.agent; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT(agent) ON TABLE capconduit.sessions TO capconduit_seller;
GRANT SELECT(agent),UPDATE(agent) ON TABLE capconduit.sessions TO capconduit_staff;


--
-- Name: TABLE subject_calls_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.subject_calls_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.subject_calls_view TO capconduit_read;


--
-- Name: TABLE table_access_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.table_access_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.table_access_view TO capconduit_read;


--
-- Name: TABLE window_calls_view; Type: ACL; Schema: capconduit; Owner: capconduit_owner
--

GRANT SELECT ON TABLE capconduit.window_calls_view TO capconduit_staff;
GRANT SELECT ON TABLE capconduit.window_calls_view TO capconduit_read;


--
-- PostgreSQL database dump complete
--


