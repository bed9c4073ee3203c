# shellcheck shell=bash
# Sourced by scripts/test. The REST service against a fuzzer that reads /openapi.json: every operation, as every kind of caller, with
# values that fit the description and values that do not. Wanted: no 5xx, no status or body that is not described, no hang; and the
# service alive and its counters right afterwards. Owns: who calls, what is checked. The server is a throw-away.

VERSION=4.32.5
EXAMPLES=${EXAMPLES:-50}
if [[ ${1:-} = brief ]]; then
    SEED=${SEED:-1}
    FUZZ_SECONDS=${FUZZ_SECONDS:-15}
fi
SEED=${SEED:-$((RANDOM * 32768 + RANDOM))}
FUZZER=$ROOT/.tools/schemathesis-$VERSION

if [[ ! -e $FUZZER/complete ]]; then
    say "installing schemathesis $VERSION into .tools: it makes the requests"
    rm -rf "$FUZZER"
    python3 -m venv "$FUZZER" || die "python3 with venv is needed: apt-get install python3-venv"
    "$FUZZER/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION"
    touch "$FUZZER/complete"
fi

end() {
    "$ROOT/scripts/server" service stop
    rm -f "$STATE/schemathesis.toml"
}
throwaway_server fuzz
trap end EXIT
"$ROOT/scripts/server" database migrate
"$ROOT/scripts/server" database sample
"$ROOT/scripts/server" service start
# The fuzzer keeps notes in the folder where it runs.
cd "$STATE" || exit
# shellcheck disable=SC1091  # written by server.sh
. "$STATE/env"
sql() { sql_as postgres --tuples-only --no-align --dbname="$DATABASE"; }

# Accounts with ids that no fuzzer guesses: a run as admin must not suspend itself in its first minute.
sql <<<'alter table capconduit.users alter column id restart with 7000000001'
sql >/dev/null <<END
insert into capconduit.users (username, email, password_hash, role)
select 'fuzz_' || role, role || '@fuzz.example', password_hash, role
  from capconduit.users where id <= 3 order by id;
update capconduit.dids set user_id = u.id from capconduit.users u where u.username = 'fuzz_user' and user_id = 3;
update capconduit.campaigns set user_id = u.id from capconduit.users u where u.username = 'fuzz_user' and user_id = 3;
END

session() {
    curl --silent --show-error --fail --output /dev/null --dump-header - --header 'Content-Type: application/json' \
        --data "{\"username\": \"$1\", \"password\": \"password\"}" "$BASE_URL/api/auth/login" |
        sed -nE 's/^set-cookie: session=([^;]+);.*/\1/Ip'
}

FAILED=0
# fuzz NAME SCHEME SECRET [filter…]
fuzz() {
    local name=$1
    local -a limit=()
    [[ -z ${FUZZ_SECONDS:-} ]] || limit=(--max-time="$FUZZ_SECONDS")
    # The secret comes from the environment: arguments are visible to every user of the machine.
    # shellcheck disable=SC2016  # the fuzzer expands it
    if [[ -n $2 ]]; then printf '[auth.openapi.%s]\napi_key = "${FUZZ_SECRET}"\n' "$2"; fi >"$STATE/schemathesis.toml"
    say "as $name, seed $SEED"
    # Logging out or a new password would end the run's own session: tests of their own do both.
    FUZZ_SECRET=$3 "$FUZZER/bin/schemathesis" --config-file "$STATE/schemathesis.toml" \
        run "$BASE_URL/openapi.json" --url "$BASE_URL" --seed "$SEED" --max-examples "$EXAMPLES" "${limit[@]}" \
        --phases coverage,fuzzing --mode all --request-timeout 20 --no-color --continue-on-failure \
        --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
        --exclude-path /api/auth/logout --exclude-path /api/auth/password "${@:4}" || FAILED=1
}

fuzz nobody '' ''
fuzz switch switch "$INTERNAL_API_TOKEN" --include-path-regex '^/api/internal/'
fuzz seller session "$(session fuzz_user)" --include-path-regex '^/api/(seller|auth)/'
fuzz staff session "$(session fuzz_staff)" --include-path-regex '^/api/admin/'
fuzz admin session "$(session fuzz_admin)" --include-path-regex '^/api/(admin|auth)/'

if ! "$ROOT/scripts/server" service status; then
    tail -n 20 "$STATE/service.log" >&2
    die "the service has ended"
fi
curl --silent --fail --output /dev/null --max-time 10 "$BASE_URL/ready" || die "the service is not ready any more"
wrong=$(sql <<<'select count(*) from capconduit.verify_counters()')
[[ $wrong = 0 ]] || die "the counters do not agree with the rows: $wrong differ"
if grep -E 'panicked|status=500' "$STATE/service.log"; then
    die "the service's log shows a failure"
fi
say "requests answered: $(grep -c ' answered' "$STATE/service.log")"
((FAILED == 0)) || die "the description and the service differ: see above; SEED=$SEED repeats it"
