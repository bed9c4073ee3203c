-- The networks from which each account has logged in. An attempt from one of them is judged by its own failures alone, so
-- that others' guesses lock nobody out.
create table login_networks (
    user_id bigint not null,
    network cidr not null,
    last_login_at timestamptz not null default now(),
    constraint login_networks_pkey primary key (user_id, network),
    constraint login_networks_user_id_fkey foreign key (user_id) references users (id) on delete cascade
);

-- What people give to things and read in lists, exports and the audit log. Rows of before stay as they are.
create trigger users_check_texts before insert or update of username, email, full_name, company_name on users
    for each row execute function check_texts('username', 'email', 'full_name', 'company_name');
create trigger api_tokens_check_texts before insert or update of name on api_tokens
    for each row execute function check_texts('name');
create trigger clients_check_texts before insert or update of name, department, notes on clients
    for each row execute function check_texts('name', 'department', 'notes:lines');
create trigger pjsip_endpoints_check_texts before insert or update of callerid on pjsip_endpoints
    for each row execute function check_texts('callerid');
create trigger dids_check_texts before insert or update of description on dids
    for each row execute function check_texts('description:lines');
create trigger campaigns_check_texts before insert or update of name, description on campaigns
    for each row execute function check_texts('name', 'description:lines');
