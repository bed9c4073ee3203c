# shellcheck shell=bash
# Sourced by scripts/platform. One real call through the platform, which is started when it does not run, told as it happens: SIP
# messages on both sides, the decision and its reasons, the attempts, the record, the counters before and after. Number, campaign
# and call centers are made for the call and deleted afterwards, its record stays. Owns: the scenarios and the telling.

SCENARIO=${SCENARIO:-answered}
((EUID == 0)) || die "a real call needs root, for a chroot and a network namespace: run this as root or with sudo"
"$ROOT/scripts/setup" call
if ! "$ROOT/scripts/server" status; then
    # Root would build in their folder, and they could not build there any more.
    OWNER=$(stat --format=%U "$ROOT")
    [[ $OWNER = root ]] || die "the platform does not run: start it as $OWNER, with \`make up\`"
    say "the platform does not run: starting it, as \`make up\` does"
    "$ROOT/scripts/platform" up
fi
# shellcheck disable=SC1091  # written by server.sh
. "$STATE/env"
"$ROOT/scripts/asterisk" folder >/dev/null

SITE=capconduit-call-$$
FOLDER=/tmp/$SITE
NUMBER=+15005550006
DIALLED=$NUMBER
A=refuses B=refuses CALLER=caller CODE=486 CAP=5 LINKS=1
case $SCENARIO in
    answered) A=answers ;;
    busy) ;;
    noanswer) A=rings ;;
    failover) B=answers LINKS=2 ;;
    abandon) A=rings CALLER=caller-abandons ;;
    capped) A=answers CAP=1 ;;
    rejected) DIALLED=+15005550007 ;;
    *) die "SCENARIO is answered, busy, noanswer, failover, abandon, capped or rejected" ;;
esac

sql() { sql_as "${AS:-capconduit_admin}" --dbname="$DATABASE" "$@"; }
value() { sql --tuples-only --no-align "$@"; }
now() { date -u +%H:%M:%S.%3N; }
tell() { printf '%s  %-9s %s\n' "$(now)" "$1" "$2"; }

delete_rows() {
    sql >/dev/null <<'SQL'
select release_call(uniqueid, 'make call has ended') from live_calls where did_number = '+15005550006';
delete from users where username = 'demo_of_one_call';
delete from clients where client_identifier in ('demo_center_a', 'demo_center_b');
SQL
}

make_rows() {
    sql --set cap="$CAP" --set links="$LINKS" >/dev/null <<'SQL'
with u as (insert into users (username, email, password_hash, role)
           values ('demo_of_one_call', 'demo_of_one_call@example.com', '$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAA', 'user')
           returning id),
     d as (insert into dids (user_id, number) select id, '+15005550006' from u returning id),
     c as (insert into campaigns (user_id, name, routing_strategy, dial_timeout_seconds)
           select id, 'demo of one call', 'priority', 5 from u returning id),
     x as (insert into campaign_dids (campaign_id, did_id) select c.id, d.id from c, d),
     k as (insert into clients (client_identifier, name)
           values ('demo_center_a', 'Call center A'), ('demo_center_b', 'Call center B') returning id, client_identifier as name),
     e as (insert into pjsip_endpoints (client_id, id, aors, context) select id, name, name, 'from-capconduit' from k),
     a as (insert into pjsip_aors (client_id, id, contact, qualify_frequency)
           select id, name, case name when 'demo_center_a' then 'sip:10.77.64.1:5060' else 'sip:10.77.64.2:5060' end, 0
             from k)
insert into campaign_client_settings (campaign_id, client_id, max_concurrency, forwarding_priority)
select c.id, k.id, :cap, row_number() over (order by k.name)
  from c, k where k.name = 'demo_center_a' or :links = 2;
SQL
}

counters() {
    sql --pset=footer=off --command="select link_id, client_identifier, active, max_concurrency, counted
        from link_usage_view where client_identifier like 'demo\\_center\\__' order by link_id"
}

# follow NAME FILE: the first line of each message in SIPp's log, with its time and direction.
follow() {
    local name=$1 line at='' arrow=''
    tail --quiet --follow --lines=+1 --pid=$$ "$2" 2>/dev/null | while IFS= read -r line; do
        line=${line%$'\r'}
        case $line in
            -----*) at=${line:59:12} ;;
            *' message sent '*) arrow='>' ;;
            *' message received '*) arrow='<' ;;
            'SIP/2.0 '* | *' SIP/2.0') printf '%s  %-9s %s %s\n' "$at" "$name" "$arrow" "$line" ;;
        esac
    done
}

# play NAME ADDRESS SCENARIO ARGUMENTS…: SIPp in the background; its messages are told as they come.
play() {
    local name=$1 address=$2 scenario=$3
    shift 3
    mkdir -p "$FOLDER/$name"
    sed -e "s/{{NUMBER}}/$DIALLED/g" -e 's#{{FROM}}#"Jane Doe" <sip:+15550001111@carrier.example>#g' \
        -e "s/{{TALK}}/2000/g; s/{{RING}}/1000/g; s/{{CODE}}/$CODE/g; s/{{HEADERS}}//g; s/{{MEDIA}}/[media_port]/g" \
        "$ROOT/tests/src/asterisk/sipp/$scenario.xml" >"$FOLDER/$name/scenario.xml"
    touch "$FOLDER/$name/messages"
    chown -R "$ASTERISK_UID:$ASTERISK_UID" "$FOLDER/$name"
    follow "$name" "$FOLDER/$name/messages" 8>&- &
    TAILS+=($!)
    "$ROOT/scripts/asterisk" sipp "$SITE" "$FOLDER/$name" "$@" -sf scenario.xml -i "$address" -p 5060 \
        -mi "$address" -nostdin -trace_msg -message_file messages >"$FOLDER/$name/output" 2>&1 8>&- &
}

end() {
    trap - EXIT INT TERM
    # The site's guard ends everything that runs there. Nobody else may hold its input open.
    exec 8>&-
    wait "$GUARD" 2>/dev/null || true
    for pid in "${TAILS[@]}"; do kill "$pid" 2>/dev/null || true; done
    delete_rows
}

TAILS=()
delete_rows
make_rows
mkfifo "/tmp/$SITE.guard"
"$ROOT/scripts/asterisk" hold "$SITE" "$FOLDER" <"/tmp/$SITE.guard" >/dev/null &
GUARD=$!
exec 8>"/tmp/$SITE.guard"
rm "/tmp/$SITE.guard"
trap end EXIT INT TERM
for _ in {1..100}; do
    [[ -d $FOLDER ]] && ip netns list | grep -q "^$SITE" && break
    sleep 0.1
done
mkdir "$FOLDER/switch"
# shellcheck disable=SC1091  # made by server.sh
. "$STATE/secrets"
"$ROOT/scripts/asterisk" configure "$SITE" "$FOLDER/switch" demo 10.77.0.1 /srv/database "$CAPCONDUIT_PORT" \
    "$DATABASE" <<<"$CAPCONDUIT_ASTERISK_PASSWORD"
"$ROOT/scripts/asterisk" switch "$SITE" "$FOLDER/switch" "$CAPCONDUIT_SOCKET_DIR" >"$FOLDER/console" 2>&1 8>&- &
# It is killed at the end; the shell need not say so.
disown
for _ in {1..200}; do
    "$ROOT/scripts/asterisk" cli "$FOLDER/switch" -rx 'core waitfullybooted' 2>/dev/null | grep -q 'fully booted' && break
    sleep 0.1
done
play center-a 10.77.64.1 "$A"
play center-b 10.77.64.2 "$B"
sleep 0.5
if [[ $SCENARIO = capped ]]; then
    # Somebody else has the only slot.
    AS=capconduit_asterisk sql --command="select route_call('$NUMBER', 'demo-other-call-$$')" >/dev/null
fi

say "SCENARIO=$SCENARIO: +15550001111 calls $DIALLED over trunk-a. > is sent, < is received by whoever stands before it."
say ""
counters
last=$(value --command='select coalesce(max(id), 0) from call_logs')
play caller 10.77.16.1 "$CALLER" 10.77.0.1:5060 -m 1
caller=$!
seen=
while kill -0 "$caller" 2>/dev/null; do
    live=$(value --command="select format('attempt %s: %s, %s (%s)', attempt, client_identifier, phase, decision)
        from live_calls_view where node = 'demo'")
    if [[ -n $live && $live != "$seen" ]]; then
        tell database "$live"
        seen=$live
    fi
    sleep 0.1
done
for _ in {1..50}; do
    id=$(value --command="select id from call_logs where id > $last and node = 'demo'")
    [[ -z $id ]] || break
    sleep 0.1
done
sleep 0.3
[[ -n $id ]] || die "the call has no record; the switch says: $(tail -n 5 "$FOLDER/switch/log/messages.log")"
say ""
say "Attempts that failed, and the record:"
sql --pset=footer=off --command="select attempt, link_id, dial_status, hangup_cause from call_attempts
    where uniqueid = (select asterisk_uniqueid from call_logs where id = $id) order by attempt"
sql --expanded --pset=footer=off --command="select asterisk_uniqueid, call_status, link_id, incoming_did_number,
    caller_id_num, caller_id_name, timestamp_start, timestamp_answered, timestamp_end, duration_seconds, billsec_seconds,
    hangup_cause_code, hangup_cause_text, hangup_by, sip_call_id, decision from call_logs where id = $id"
counters
