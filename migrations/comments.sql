-- What every table, column and view means, where `\d+` and reporting tools show it. Applied with after.sql.
-- Functions carry their comments in the extension's script.

comment on schema capconduit is 'CapConduit: call routing under exact caps, and the records of the calls';
comment on schema asterisk is 'What a switch may see of CapConduit: Asterisk''s realtime names and value syntax';

comment on table users is 'People who log in: administrators, staff and call sellers';
comment on column users.id is 'Never used again, also after a deletion';
comment on column users.username is 'Login name, unique without regard to case; never changes';
comment on column users.email is 'Address, unique without regard to case';
comment on column users.password_hash is 'argon2id hash of the password';
comment on column users.role is 'admin, staff, or user (a call seller)';
comment on column users.status is 'Only active users log in, and only an active seller''s numbers are routed';
comment on column users.full_name is 'Name of the person';
comment on column users.company_name is 'Name of the company';
comment on column users.screened is 'Whether it or the platform has blocked or allowed callers; moves with caller_marks alone';
comment on column users.time_zone is 'IANA zone that the windows of its own caps, and of its campaigns and numbers, begin and end in';
comment on column users.metered is 'Whether it, or one of its campaigns or numbers, has had a meter';
comment on column users.created_at is 'When the row was made';
comment on column users.updated_at is 'When the row was last changed';
comment on column users.version is 'Moves with every change of the row; If-Match of the REST API names it';

comment on table sessions is 'Browser logins that are still valid';
comment on column sessions.token_hash is 'SHA-256 of the cookie''s token; the token itself is not stored';
comment on column sessions.id is 'First 52 bits of the hash: names the session to its user';
comment on column sessions.network is 'Address of the login; of IPv6 its /64';
comment on column sessions.agent is 'What the browser called itself at the login';
comment on column sessions.user_id is 'Who is logged in';
comment on column sessions.created_at is 'When the login happened';
comment on column sessions.last_seen_at is 'Last request, to the minute';
comment on column sessions.expires_at is 'End of the session; moves on with use';

comment on table login_networks is 'Networks from which an account has logged in: others'' guesses do not lock it out there';
comment on column login_networks.user_id is 'Whose login';
comment on column login_networks.network is 'The address, or the /64 of an IPv6 address';
comment on column login_networks.last_login_at is 'Last login from there, to the hour';

comment on table idempotency_keys is 'Answers to POSTs with an Idempotency-Key, for a day: who repeats one gets the first answer';
comment on column idempotency_keys.user_id is 'Who sent the request; everybody has keys of their own';
comment on column idempotency_keys.key_hash is 'SHA-256 of the key';
comment on column idempotency_keys.fingerprint is 'SHA-256 of key, method, address and body: another request with the same key is refused';
comment on column idempotency_keys.status is 'HTTP status of the answer';
comment on column idempotency_keys.etag is 'ETag of the answer, if it has one';
comment on column idempotency_keys.body is 'Body of the answer';
comment on column idempotency_keys.created_at is 'When the answer was given';

comment on table password_links is 'Links with which users set a new password, made by admins; one a user';
comment on column password_links.id is 'Of one link: a new one for the same user has another';
comment on column password_links.user_id is 'Whose password it sets';
comment on column password_links.user_version is 'The account as it was: another version ends the link';
comment on column password_links.token_hash is 'SHA-256 of the link''s token; the token itself is not stored';
comment on column password_links.created_at is 'When it was made';
comment on column password_links.expires_at is 'When it ends, used or not';

comment on table api_tokens is 'Bearer tokens that users made for their scripts';
comment on column api_tokens.id is 'Names the token when it is revoked';
comment on column api_tokens.user_id is 'Whose rights the token gives';
comment on column api_tokens.name is 'The user''s own name for it, unique per user';
comment on column api_tokens.token_hash is 'SHA-256 of the token; the token itself was shown once';
comment on column api_tokens.created_at is 'When the token was made';
comment on column api_tokens.expires_at is 'From then on the token is refused';
comment on column api_tokens.last_used_at is 'Last request, to the minute; null: never used';

comment on table clients is 'Call centers that take calls';
comment on column clients.id is 'Never used again, also after a deletion';
comment on column clients.client_identifier is 'Unique name; also the id of its PJSIP endpoint and AOR. Never changes';
comment on column clients.name is 'Name for people';
comment on column clients.department is 'Department that answers';
comment on column clients.status is 'Calls go to active clients only; switches see no others';
comment on column clients.notes is 'Free text of the staff';
comment on column clients.min_seconds_between is
    'The least seconds between two calls that it gets over all its links, 1 to 86400; null: none';
comment on column clients.metered is 'Whether it has a meter: since its first cap or spacing';
comment on column clients.time_zone is 'Zone in which the hours, days, weeks and months of its links begin and end';
comment on column clients.screened is 'Whether callers are blocked or allowed there; moves with caller_marks alone';
comment on column clients.schedule_id is 'When calls are taken; null: always';
comment on column clients.platform_paused_until is 'Until then it gets no new call, the platform says; infinity: for good; null: it was not paused';
comment on column clients.platform_pause_reason is 'Why, in the platform''s words';
comment on column clients.created_by is 'User who made it; null once that user is deleted';
comment on column clients.created_at is 'When the row was made';
comment on column clients.updated_at is 'When the row was last changed';
comment on column clients.version is 'Moves with every change of the row; If-Match of the REST API names it';

comment on table pjsip_auths is 'Credentials between a switch and a client: at most one set per client, for both directions';
comment on column pjsip_auths.client_id is 'Client';
comment on column pjsip_auths.id is 'Asterisk''s name of the auth object, unique';
comment on column pjsip_auths.auth_type is 'userpass (user name and password) or md5 (md5_cred)';
comment on column pjsip_auths.username is 'SIP user name';
comment on column pjsip_auths.password is 'SIP password, as Asterisk needs it: in clear text. Readable by the owner and the switch only';
comment on column pjsip_auths.md5_cred is 'MD5 of user:realm:password, instead of a password';
comment on column pjsip_auths.realm is 'SIP realm; null: the one in the challenge';

comment on table pjsip_endpoints is 'How a switch talks to a client: Asterisk''s endpoint settings, one row per client';
comment on column pjsip_endpoints.client_id is 'Client';
comment on column pjsip_endpoints.id is 'Equal to the client''s identifier';
comment on column pjsip_endpoints.transport is 'Name of the switch''s transport; null: the switch''s default';
comment on column pjsip_endpoints.aors is 'Equal to the id';
comment on column pjsip_endpoints.auth is 'Auth object that the client must use when it registers or calls; null: by address';
comment on column pjsip_endpoints.context is 'Dialplan context for what the client sends';
comment on column pjsip_endpoints.disallow is 'Codecs refused first; Asterisk 22 looks at allow alone';
comment on column pjsip_endpoints.allow is 'Codecs in order of preference';
comment on column pjsip_endpoints.direct_media is 'yes: media goes past the switch';
comment on column pjsip_endpoints.outbound_auth is 'Auth object that the switch uses when it calls the client';
comment on column pjsip_endpoints.from_user is 'User part of From on calls to the client';
comment on column pjsip_endpoints.from_domain is 'Domain of From on calls to the client';
comment on column pjsip_endpoints.callerid is 'Caller id that the client sees instead of the caller''s own; null: the caller''s own';
comment on column pjsip_endpoints.settings_id is 'A name for exactly these settings: by it a switch tells whether what it keeps is what is set';

comment on table pjsip_aors is 'Where a client is reached: Asterisk''s address of record, one row per client';
comment on column pjsip_aors.client_id is 'Client';
comment on column pjsip_aors.id is 'Equal to the client''s identifier';
comment on column pjsip_aors.contact is 'Static SIP addresses, separated by commas; null: the client registers';
comment on column pjsip_aors.max_contacts is 'How many registrations may stand at once';
comment on column pjsip_aors.qualify_frequency is 'Seconds between reachability checks; 0: none';

comment on table pjsip_contacts is 'Registrations of clients, written by Asterisk itself under its own column names';
comment on column pjsip_contacts.id is 'Asterisk''s name of the registration';
comment on column pjsip_contacts.uri is 'Where the phone is';
comment on column pjsip_contacts.expiration_time is 'End of the registration, in seconds since 1970';
comment on column pjsip_contacts.qualify_frequency is 'Seconds between reachability checks';
comment on column pjsip_contacts.outbound_proxy is 'Proxy on the way to the phone';
comment on column pjsip_contacts.path is 'SIP Path of the registration';
comment on column pjsip_contacts.user_agent is 'What the phone calls itself';
comment on column pjsip_contacts.qualify_timeout is 'Seconds that a reachability check may take';
comment on column pjsip_contacts.reg_server is 'Switch that took the registration';
comment on column pjsip_contacts.authenticate_qualify is 'yes: reachability checks answer a challenge';
comment on column pjsip_contacts.via_addr is 'Address in the topmost Via';
comment on column pjsip_contacts.via_port is 'Port in the topmost Via';
comment on column pjsip_contacts.call_id is 'SIP Call-ID of the registration';
comment on column pjsip_contacts.endpoint is 'Endpoint that registered: the client''s identifier';
comment on column pjsip_contacts.prune_on_boot is 'yes: the switch drops it when it starts';
comment on column pjsip_contacts.qualify_2xx_only is 'yes: only a 2xx answer counts as reachable';

comment on table dids is 'Phone numbers of sellers that callers dial';
comment on column dids.id is 'Never used again, also after a deletion';
comment on column dids.user_id is 'Seller who owns the number';
comment on column dids.number is 'E.164 with plus sign, unique; never changes';
comment on column dids.status is 'Calls to an inactive number are rejected';
comment on column dids.description is 'Free text of the seller';
comment on column dids.schedule_id is 'When calls are taken; null: always';
comment on column dids.created_at is 'When the row was made';
comment on column dids.updated_at is 'When the row was last changed';
comment on column dids.version is 'Moves with every change of the row; If-Match of the REST API names it';

comment on table campaigns is 'How the calls of some numbers are shared out among clients';
comment on column campaigns.id is 'Never used again; of several active campaigns of one number the lowest id is used';
comment on column campaigns.user_id is 'Seller who owns the campaign';
comment on column campaigns.name is 'Unique among the seller''s campaigns';
comment on column campaigns.status is 'Only active campaigns are routed';
comment on column campaigns.routing_strategy is
    'priority: lowest number first; round_robin: strictly in turn; weighted: in proportion to weight';
comment on column campaigns.dial_timeout_seconds is 'How long one client may ring';
comment on column campaigns.max_ring_seconds is 'How long all attempts of a call may ring together; null: the platform''s default';
comment on column campaigns.qualify_seconds is 'A good call is answered and talks for so long; a link may have its own';
comment on column campaigns.screened is 'Whether callers are blocked or allowed in it; moves with caller_marks alone';
comment on column campaigns.anonymous_callers is 'allow or reject: calls without a caller''s number';
comment on column campaigns.min_redial_seconds is 'The least seconds between two calls of one caller; null: any';
comment on column campaigns.schedule_id is 'When calls are taken; null: always';
comment on column campaigns.paused_until is 'Until then it gets no new call, its seller says; infinity: for good; null: it was not paused';
comment on column campaigns.pause_reason is 'Why, in the seller''s words';
comment on column campaigns.platform_paused_until is 'Until then it gets no new call, the platform says; infinity: for good; null: it was not paused';
comment on column campaigns.platform_pause_reason is 'Why, in the platform''s words';
comment on column campaigns.description is 'Free text of the seller';
comment on column campaigns.created_at is 'When the row was made';
comment on column campaigns.updated_at is 'When the row was last changed';
comment on column campaigns.version is 'Moves with every change of the row; If-Match of the REST API names it';

comment on table campaign_dids is 'Which numbers a campaign takes';
comment on column campaign_dids.campaign_id is 'Campaign';
comment on column campaign_dids.did_id is 'Number of the same seller';

comment on table campaign_client_settings is 'Links: which clients a campaign may send calls to, and how many';
comment on column campaign_client_settings.id is 'Names the link; never used again, also after a deletion';
comment on column campaign_client_settings.campaign_id is 'Campaign; never changes';
comment on column campaign_client_settings.client_id is 'Client; never changes';
comment on column campaign_client_settings.status is 'Calls go over active links only';
comment on column campaign_client_settings.max_concurrency is 'Cap on calls at one time, from INVITE to hangup, ringing included';
comment on column campaign_client_settings.total_calls_allowed is
    'Cap on counted calls for the life of the link; null: no limit, 0: closed';
comment on column campaign_client_settings.forwarding_priority is 'Strategy priority: lower numbers first';
comment on column campaign_client_settings.weight is 'Strategy weighted: share of the offers';
comment on column campaign_client_settings.min_seconds_between is
    'Spacing: the least seconds between two calls that the link gets, 1 to 86400; NULL: none';
comment on column campaign_client_settings.qualify_seconds is 'The same for calls of this link; NULL: as the campaign says';
comment on column campaign_client_settings.capped is 'Whether it has rows in caps; moves with them alone';
comment on column campaign_client_settings.screened is 'Whether callers are blocked or allowed on it; moves with caller_marks alone';
comment on column campaign_client_settings.schedule_id is 'When calls are taken; null: always';
comment on column campaign_client_settings.paused_until is 'Until then it gets no new call, its seller says; infinity: for good; null: it was not paused';
comment on column campaign_client_settings.pause_reason is 'Why, in the seller''s words';
comment on column campaign_client_settings.platform_paused_until is 'Until then it gets no new call, the platform says; infinity: for good; null: it was not paused';
comment on column campaign_client_settings.platform_pause_reason is 'Why, in the platform''s words';
comment on column campaign_client_settings.created_at is 'When the row was made';
comment on column campaign_client_settings.updated_at is 'When the row was last changed';
comment on column campaign_client_settings.version is 'Moves with every change of the row; If-Match of the REST API names it';

comment on table link_counters is 'Use of each link, written by the call functions only: the row that caps are checked on';
comment on column link_counters.link_id is 'Link';
comment on column link_counters.active is 'Calls that hold a slot now: equal to the rows of live_calls that hold it';
comment on column link_counters.total is 'Counted calls: equal to base plus the counted rows of call_logs';
comment on column link_counters.base is 'Part of the total that has no rows: purged records and audited adjustments';
comment on column link_counters.last_seq is 'Turn of the last reservation, for round_robin';
comment on column link_counters.reserved_at is
    'When a call last got one of its slots; NULL: never since spacing is known';
comment on column link_counters.unsettled is 'Calls closed as LOST whose outcome is not known: each may still count';
comment on column link_counters.offered is 'Slots reserved since windows are kept';
comment on column link_counters.answered is 'Counted calls since windows are kept';
comment on column link_counters.qualified is 'Good calls since windows are kept';
comment on column link_counters.windows_from is 'When the last of the present windows began';
comment on column link_counters.windows_until is 'When the first of the present windows ends';
comment on column link_counters.client_metered is 'Whether its client has a meter, which moves with these';
comment on column link_counters.seller_metered is 'Whether its seller, or one of its campaigns or numbers, has had a meter';

comment on table link_windows is 'The present hour, day, week and month of each link: what was used is what link_counters has more';
comment on column link_windows.link_id is 'Link';
comment on column link_windows.span is 'hour, day, week or month';
comment on column link_windows.starts_at is 'Start of the window, or of its first call since windows are kept; the start belongs to it';
comment on column link_windows.ends_at is 'End of the window; it does not belong to it';
comment on column link_windows.time_zone is 'Zone of the client that the end was computed in';
comment on column link_windows.active is 'Slots held at the start by calls whose outcome is not known yet';
comment on column link_windows.unsettled is 'The same of calls closed as LOST';
comment on column link_windows.offered is 'link_counters.offered at the start';
comment on column link_windows.answered is 'link_counters.answered at the start';
comment on column link_windows.qualified is 'link_counters.qualified at the start';

comment on table schedules is 'When something is open, by the clock on the wall of a zone: attached to numbers, campaigns, links and clients';
comment on column schedules.id is 'Never used again, also after a deletion';
comment on column schedules.user_id is 'Whose it is; null: the platform''s, which every seller may attach';
comment on column schedules.name is 'Name for people, unique among its owner''s';
comment on column schedules.time_zone is 'Whose clock it goes by';
comment on column schedules.weekly is 'Intervals with the day on which they open: [{"day": "monday", "opens": "09:00", "closes": "17:00"}]';
comment on column schedules.exceptions is 'Dates with their own intervals, none where it is closed: [{"date": "2026-12-25", "name": "Christmas", "intervals": []}]';
comment on column schedules.created_at is 'When the row was made';
comment on column schedules.updated_at is 'When the row was last changed';
comment on column schedules.version is 'Moves with every change of the row, and is never used again; If-Match of the REST API names it';

comment on table caps is 'Caps of links and of clients, each over one window; all of them must have room for a call';
comment on column caps.id is 'Number of the cap';
comment on column caps.link_id is 'Link; null: it is a cap of something else, as the four columns below';
comment on column caps.client_id is 'Client, over all its links';
comment on column caps.did_id is 'Number';
comment on column caps.campaign_id is 'Campaign';
comment on column caps.user_id is 'Seller';
comment on column caps.counts is 'offered: a slot was reserved. answered: counted. qualified: a good call';
comment on column caps.span is 'concurrent, hour, day, week, month or total; hours to months of the client''s time zone, or the seller''s';
comment on column caps.set_by is 'platform or seller: each changes its own';
comment on column caps.max_calls is 'So many and no more; 0: closed';
comment on column caps.enforce is 'false: shown, and stops no call';
comment on column caps.note is 'Why, for people';
comment on column caps.created_by is 'User who made it; null once that user is deleted';
comment on column caps.created_at is 'When the row was made';
comment on column caps.updated_at is 'When the row was last changed';
comment on column caps.version is 'Moves with every change of the row; If-Match of the REST API names it';

comment on table caller_marks is 'What is marked of callers: blocked and allowed by people, seen by their calls; of a link, client, campaign, seller, or of the platform';
comment on column caller_marks.id is 'Number of the mark';
comment on column caller_marks.link_id is 'Link that it is of; null as the three columns below: the platform';
comment on column caller_marks.client_id is 'Client, over all its links';
comment on column caller_marks.campaign_id is 'Campaign';
comment on column caller_marks.user_id is 'Seller, over all its campaigns';
comment on column caller_marks.caller is 'Caller''s number: E.164 with its plus where it can be that, or else as the switch gives it';
comment on column caller_marks.kind is 'blocked: its calls are refused. allowed: it is blocked nowhere on the same side. seen: it has called';
comment on column caller_marks.until is 'Until then; null: for ever';
comment on column caller_marks.source is 'hand, import, or call: how it came here';
comment on column caller_marks.note is 'Why, for people';
comment on column caller_marks.created_by is 'User who made it; null: a call';
comment on column caller_marks.at is 'When it was made; of one that is seen, when its last call came';
comment on column caller_marks.key is 'Scope and caller, as a call looks for them';

comment on table cap_events is 'When caps came to 75, 90 and 100 percent of their limits, calls in flight included; kept for 90 days';
comment on column cap_events.id is 'Order in which they were written';
comment on column cap_events.at is 'When it was noticed';
comment on column cap_events.cap_id is 'Cap, which may be gone';
comment on column cap_events.user_id is 'Seller whose cap it is; null: a client''s';
comment on column cap_events.campaign_id is 'Campaign, its own or the link''s';
comment on column cap_events.link_id is 'Link; null: not of a link';
comment on column cap_events.client_id is 'Client';
comment on column cap_events.did_id is 'Number';
comment on column cap_events.subject_type is 'link, client, did, campaign or seller';
comment on column cap_events.subject_id is 'Which one';
comment on column cap_events.subject_name is 'As it was called then; a link: its campaign and its client';
comment on column cap_events.counts is 'As of the cap';
comment on column cap_events.span is 'As of the cap: hour, day, week, month or total';
comment on column cap_events.set_by is 'As of the cap';
comment on column cap_events.enforce is 'As of the cap then';
comment on column cap_events.max_calls is 'Limit then';
comment on column cap_events.threshold is '75, 90 or 100 percent';
comment on column cap_events.used is 'Calls that had counted';
comment on column cap_events.in_flight is 'Calls that could still count';
comment on column cap_events.starts_at is 'The window, by its start; null: total';
comment on column cap_events.ends_at is 'When that window ends';

comment on table link_adjustments is 'What windows have used without a row behind it: purged records, corrections by hand';
comment on column link_adjustments.id is 'Number of the adjustment';
comment on column link_adjustments.link_id is 'Link';
comment on column link_adjustments.span is 'hour, day, week or month';
comment on column link_adjustments.starts_at is 'The window, by its start';
comment on column link_adjustments.offered is 'By how much';
comment on column link_adjustments.answered is 'By how much';
comment on column link_adjustments.qualified is 'By how much';
comment on column link_adjustments.reason is 'Why';
comment on column link_adjustments.user_id is 'Who, where somebody did it by hand';
comment on column link_adjustments.created_at is 'When';

comment on table meters is 'Use of each client, number, campaign and seller that has, or had, caps of its own: the row that these are checked on';
comment on column meters.id is 'Number of the meter';
comment on column meters.subject_type is 'client, did, campaign or seller';
comment on column meters.subject_id is 'Which one';
comment on column meters.owner_id is 'The seller whose calls it counts; null: a client''s, of all sellers';
comment on column meters.active is 'Its calls that hold a slot now';
comment on column meters.unsettled is 'Calls closed as LOST whose outcome is not known: each may still count';
comment on column meters.offered is 'A client: slots reserved. Else: calls that got one, each once';
comment on column meters.answered is 'Counted calls';
comment on column meters.qualified is 'Good calls';
comment on column meters.windows_from is 'When the last of the present windows began';
comment on column meters.windows_until is 'When the first of the present windows ends';
comment on column meters.reserved_at is 'When a call last got one of its slots';
comment on column meters.seats is 'Calls at one time that the client says it can take; null: it tells none';
comment on column meters.seats_until is 'Until when that holds';
comment on column meters.seats_close is 'Whether it takes no calls after that; else its caps alone count';
comment on column meters.seats_sequence is 'Of what was told last; null: without one';

comment on table meter_windows is 'The present hour, day, week and month of each meter: what was used is what it has more';
comment on column meter_windows.meter_id is 'Meter';
comment on column meter_windows.span is 'hour, day, week or month';
comment on column meter_windows.starts_at is 'Start of the window; it belongs to it';
comment on column meter_windows.ends_at is 'End of the window; it does not belong to it';
comment on column meter_windows.time_zone is 'Zone of the client or the seller that the end was computed in';
comment on column meter_windows.active is 'Slots held at the start by calls whose outcome is not known yet';
comment on column meter_windows.unsettled is 'The same of calls closed as LOST';
comment on column meter_windows.offered is 'meters.offered at the start';
comment on column meter_windows.answered is 'meters.answered at the start';
comment on column meter_windows.qualified is 'meters.qualified at the start';

comment on table gone_links is 'Links that were deleted, of clients without a meter: one begins with their calls, too';
comment on column gone_links.id is 'Number of the row';
comment on column gone_links.link_id is 'Link';
comment on column gone_links.client_id is 'Its client';
comment on column gone_links.gone_at is 'When it was deleted';

comment on table meter_adjustments is 'What windows of meters have used without a row behind it: purged records, corrections by hand';
comment on column meter_adjustments.id is 'Number of the adjustment';
comment on column meter_adjustments.meter_id is 'Meter';
comment on column meter_adjustments.span is 'hour, day, week or month';
comment on column meter_adjustments.starts_at is 'The window, by its start';
comment on column meter_adjustments.offered is 'By how much';
comment on column meter_adjustments.answered is 'By how much';
comment on column meter_adjustments.qualified is 'By how much';
comment on column meter_adjustments.reason is 'Why';
comment on column meter_adjustments.user_id is 'Who, where somebody did it by hand';
comment on column meter_adjustments.created_at is 'When';

comment on table live_calls is 'Calls in flight, from the routing decision to the record; plain ids, which may be gone';
comment on column live_calls.uniqueid is 'Asterisk''s id of the call';
comment on column live_calls.linkedid is 'Asterisk''s id that links the legs of a call';
comment on column live_calls.node is 'Switch that has the call: its systemname';
comment on column live_calls.user_id is 'Seller who owned the number when the call came';
comment on column live_calls.campaign_id is 'Campaign that the call was routed by';
comment on column live_calls.did_id is 'Number that was dialled';
comment on column live_calls.did_number is 'The number itself';
comment on column live_calls.routing_strategy is 'Strategy that the call was routed by';
comment on column live_calls.link_id is 'Link of the present or last attempt';
comment on column live_calls.client_id is 'Client of the present or last attempt';
comment on column live_calls.holds_slot is 'Whether the call counts in the link''s active calls';
comment on column live_calls.attempt is 'Number of the present attempt, from 1';
comment on column live_calls.tried is 'Links that failed; none is tried twice';
comment on column live_calls.caller_number is 'Caller''s number; null: withheld';
comment on column live_calls.caller_name is 'Caller''s name';
comment on column live_calls.routed_at is 'When the first slot was reserved';
comment on column live_calls.attempt_at is 'When the present attempt began';
comment on column live_calls.answered_at is 'When the client answered; null: still ringing';
comment on column live_calls.dial_timeout_seconds is 'The campaign''s ring time per attempt, as it was at routing';
comment on column live_calls.attempt_timeout_seconds is 'Ring time of the present attempt, bounded by the ring budget';
comment on column live_calls.ring_deadline is 'End of the ring budget of all attempts';
comment on column live_calls.max_call_seconds is 'Longest duration that the switch allows the call';
comment on column live_calls.lease_until is 'From then on the slot may be taken back if nothing is heard of the call';
comment on column live_calls.end_reason is 'Reason of the final reject; null: the call goes on';
comment on column live_calls.end_cause is 'Hangup cause of the final reject';
comment on column live_calls.absent_since is 'When a heartbeat first missed the call; null: it was listed';
comment on column live_calls.last_listed_at is 'When a heartbeat last listed the call';
comment on column live_calls.sip_call_id is 'SIP Call-ID of the caller''s leg';
comment on column live_calls.qualify_seconds is 'What a good call was when the slot was reserved; NULL: reserved by a release before';
comment on column live_calls.decision is 'Why each link was or was not taken, short';

comment on table call_logs is 'One record per call that ever came, whatever became of it; plain ids, which may be gone';
comment on column call_logs.id is 'Number of the record';
comment on column call_logs.asterisk_uniqueid is 'Asterisk''s id of the call: the reason why no call is recorded twice';
comment on column call_logs.asterisk_linkedid is 'Asterisk''s id that links the legs of a call';
comment on column call_logs.user_id is 'Seller who owned the number when the call came; null: unknown number or deleted seller';
comment on column call_logs.campaign_id is 'Campaign that the call was routed by';
comment on column call_logs.did_id is 'Number that was dialled';
comment on column call_logs.client_id is 'Client of the last attempt, answered or not';
comment on column call_logs.link_id is 'Link of the last attempt, answered or not';
comment on column call_logs.node is 'Switch that had the call';
comment on column call_logs.incoming_did_number is 'The number as it was dialled';
comment on column call_logs.caller_id_num is 'Caller''s number; null: withheld';
comment on column call_logs.caller_id_name is 'Caller''s name';
comment on column call_logs.timestamp_start is 'When the call came in';
comment on column call_logs.timestamp_answered is 'When a client answered; null: nobody did';
comment on column call_logs.timestamp_end is 'When the call ended';
comment on column call_logs.duration_seconds is 'From start to end';
comment on column call_logs.billsec_seconds is 'From answer to end';
comment on column call_logs.call_status is
    'ANSWERED, else the last dial status, REJECTED_<REASON> if nothing was dialled, FAILED_DATABASE, or LOST';
comment on column call_logs.hangup_cause_code is 'Q.850 cause';
comment on column call_logs.hangup_cause_text is 'Text of the cause';
comment on column call_logs.hangup_by is 'Who ended the call: caller, client or system';
comment on column call_logs.sip_call_id is 'SIP Call-ID of the caller''s leg';
comment on column call_logs.attempts is 'How many clients were tried';
comment on column call_logs.counted is 'Whether the call counts against the link''s total: answered calls do, once';
comment on column call_logs.reserved_at is 'When the last slot was reserved: the windows of its link that the call belongs to. NULL: none, or before windows';
comment on column call_logs.qualify_seconds is 'How long a good call had to talk';
comment on column call_logs.qualified is 'Whether it was a good call: counted, and talked so long';
comment on column call_logs.late_excess is 'Counted beyond a cap: without a slot, or after a total was lowered';
comment on column call_logs.decision is 'Why each link was or was not taken, as decided then';
comment on column call_logs.changed_xid is 'Transaction that wrote the record last; 0: before it was noted';
comment on column call_logs.created_at is 'When the record was written';

comment on table call_attempts is 'Attempts that failed before the last one, which is in call_logs';
comment on column call_attempts.uniqueid is 'Asterisk''s id of the call';
comment on column call_attempts.attempt is 'Number of the attempt, from 1';
comment on column call_attempts.user_id is 'Seller who owned the number when the call came';
comment on column call_attempts.link_id is 'Link that was tried';
comment on column call_attempts.client_id is 'Client that was tried';
comment on column call_attempts.dial_status is 'Asterisk''s DIALSTATUS';
comment on column call_attempts.hangup_cause is 'Q.850 cause';
comment on column call_attempts.started_at is 'When the attempt began';
comment on column call_attempts.ended_at is 'When the next target was asked for';

comment on table nodes is 'Switches, by their last sign of life';
comment on column nodes.name is 'Asterisk''s systemname';
comment on column nodes.instance is 'Agent that speaks for the switch; a second one under the same name is refused';
comment on column nodes.booted_at is 'When that Asterisk started';
comment on column nodes.heartbeat_at is 'When its agent spoke for it last; null: it has none, or one that was stopped in order';
comment on column nodes.taken_at is 'Database time at which that list was begun';
comment on column nodes.last_call_at is 'Last call function that named this switch';
comment on column nodes.live_calls is 'How many calls the last list held';

comment on table link_excess is 'Links on which a record that came late took the room of a call in flight';
comment on column link_excess.link_id is 'Link; may be gone';
comment on column link_excess.owed is 'How many calls in flight have their excess flagged in another record''s place';

comment on table hearing is 'Whether switches are heard at all: one row. Only then is the silence of one of them its own';
comment on column hearing.only_one is 'Always true';
comment on column hearing.since is 'Since when switches are heard without a gap';
comment on column hearing.last is 'When one was heard last';

comment on table audit_log is 'Who changed what: rows before and after, never a hash or a secret';
comment on column audit_log.id is 'Order of the changes';
comment on column audit_log.at is 'When the change''s transaction began';
comment on column audit_log.user_id is 'User on whose behalf it was done; null: by hand or by the platform';
comment on column audit_log.db_role is 'Database login that did it';
comment on column audit_log.action is 'insert, update, delete, adjust, release, reconcile, login or login_failed';
comment on column audit_log.object_type is 'Table that was changed';
comment on column audit_log.object_id is 'Key of the row that was changed';
comment on column audit_log.before is 'The row before, without secrets';
comment on column audit_log.after is 'The row after, without secrets; secrets_changed names those that changed';

comment on table applied_rights is 'What after.sql was last applied as, so that it is applied again only after a change';
comment on column applied_rights.only_one is 'Keeps the table at one row';
comment on column applied_rights.fingerprint is 'Checksum of the files, schema version and extension';
comment on column applied_rights.applied_at is 'When they were applied';

comment on table refinery_schema_history is 'Numbered migrations that were applied';
comment on column refinery_schema_history.version is 'Number in the file''s name';
comment on column refinery_schema_history.name is 'Name in the file''s name';
comment on column refinery_schema_history.applied_on is 'When it was applied';
comment on column refinery_schema_history.checksum is 'Checksum of the file; a file that was applied never changes';

comment on view live_calls_view is 'Calls in flight with names and phase (ringing, talking, ending)';
comment on view late_excess_view is 'Records that counted beyond a cap because they came late';
comment on view window_calls_view is 'What each attempt and record counts in the windows of its link';
comment on view metered_calls_view is 'What each call counts in the windows of its number, campaign and seller: once, at its first reservation';
comment on view callers_view is 'What is marked of callers and has not ended, with what it is of and who made it';
comment on view caps_view is 'Caps with what is used of them now, and when their windows end';
comment on view link_today_view is 'What links have used of their client''s present day; links without a call today are left out';
comment on view rejects_view is 'How many calls route_call rejected, by minute, reason, number and switch';
comment on view link_usage_view is
    'Use and limits of each link; remaining = allowed - counted - active, null without a limit; room: full, near (75 %) or open';

comment on table reject_counts is 'How many calls route_call rejected, as each connection counted them; kept for a week';
comment on column reject_counts.id is 'Order in which they were written';
comment on column reject_counts.minute is 'The minute, by its start';
comment on column reject_counts.reason is 'Why the calls were rejected';
comment on column reject_counts.did is 'Number that was dialled, as +E.164 where it is one; null: not told apart';
comment on column reject_counts.node is 'Switch that asked; null: it gave no name, or not told apart';
comment on column reject_counts.calls is 'How many calls';
comment on column reject_counts.created_at is 'When this was written';

comment on view table_access_view is 'What keeps calls from reaching tables directly; empty when nothing is on them but ours';
comment on view rejects_view is 'Rejected calls by reason, number, switch and minute';

comment on view asterisk.ps_endpoints is 'Endpoints of active clients, as Asterisk''s realtime driver reads them; also under their settings_id, to whoever asks for one id';
comment on view asterisk.ps_aors is 'Addresses of active clients; ; and ^ are written as ^3B and ^5E';
comment on view asterisk.ps_auths is 'Credentials of active clients';
comment on view asterisk.ps_contacts is 'Registrations, written by Asterisk';
