# shellcheck shell=bash
# Sourced by scripts/test. Everything: what is missing is installed, all is built, checked and tested. Owns: what belongs to `make test`
# and what to `make test-full`, and in which order.

LONG=()
FUZZ=(brief)
export CAPCONDUIT_TEST_MINUTES=45 CAPCONDUIT_TEST_BRIEF=1
if [[ ${1:-} = full ]]; then
    # Long tests are marked #[ignore]; others read the variable and do more rounds. Some print what they measured.
    LONG=(-- --include-ignored --show-output)
    FUZZ=()
    CAPCONDUIT_TEST_MINUTES=300
    export CAPCONDUIT_TEST_FULL=1 CAPCONDUIT_TEST_BRIEF=
fi

scripts/setup lint
use_pg_config
suite 'build' scripts/build
# What an earlier build left behind is not to be tested.
((FAILED == 0)) || finish_suites
use_built
check_sources "${1:-}"
suite 'tests: rules' cargo test --locked --quiet --package capconduit-core "${LONG[@]}"
suite 'tests: service' cargo test --locked --quiet --package capconduit-api "${LONG[@]}"
# Beside the platform's own tests, which mostly wait. They are a process group of their own, which ends with this script.
OTHERS=$(mktemp -d)
# shellcheck disable=SC2016  # the inner shell expands these
setsid bash -c 'scripts/test majors && touch "$1/passed"' bash "$OTHERS" >"$OTHERS/log" 2>&1 &
OTHERS_PID=$!
end_majors() {
    kill -- "-$OTHERS_PID" 2>/dev/null || true
    rm -rf "$OTHERS"
}
trap end_majors EXIT
trap 'exit 130' INT TERM HUP
# What they say, once they have ended.
other_majors() {
    tail --pid="$OTHERS_PID" --follow --lines=+1 "$OTHERS/log"
    [[ -e $OTHERS/passed ]]
}
suite 'tests: platform' cargo test --locked --package capconduit-tests "${LONG[@]}"
suite 'tests: PostgreSQL 17, 18' other_majors
OWN_MAJOR=$(pg_major_of "$PGRX_PG_CONFIG_PATH")
PACKAGED=("$OWN_MAJOR")
if [[ ${1:-} = full ]]; then
    mapfile -t PACKAGED < <(printf '%s\n' "$OWN_MAJOR" 17 18 | sort -u)
fi
suite 'packages' check_packages "${PACKAGED[@]}"
suite "packages: $(codename)" scripts/package try "$(codename)" "$OWN_MAJOR"
suite 'packages: switch' scripts/package try switch
suite 'installed from source' scripts/package try source
if [[ ${1:-} = full ]]; then
    suite 'packages: trixie' scripts/package try trixie 17
    suite 'packages: sid' scripts/package try sid 18
    suite 'packages: from 0.2.0' scripts/package try from 0.2.0
    suite 'packages: lintian' check_lintian
fi
suite 'fuzzed REST service' scripts/test fuzz "${FUZZ[@]}"
finish_suites
