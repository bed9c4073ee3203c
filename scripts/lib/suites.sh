# shellcheck shell=bash
# Sourced by lint and test. Owns: how a suite is run, timed and counted, and what is said at the end.

SUITES=()
PASSED=0
FAILED=0

# suite NAME COMMAND…: a command that reports `test result:` counts as its tests, any other one as one.
# Tests are shown as they run, checks only when they fail. Each runs in a shell of its own: one that calls `die` has failed,
# and the others and the closing lines follow.
suite() {
    local name=$1 log status=0 start=$SECONDS passed failed
    shift
    say "$name …"
    log=$(mktemp)
    if [[ $name = tests:* ]]; then
        ("$@") 2>&1 | tee "$log" || status=1
    else
        ("$@") >"$log" 2>&1 || status=1
        ((status == 0)) || cat "$log"
    fi
    passed=$(count passed "$log")
    failed=$(count failed "$log")
    if ! grep -q '^test result: ' "$log"; then
        passed=$((1 - status))
        failed=$status
    elif ((status != 0 && failed == 0)); then
        # It broke beside its tests: something did not compile, or it was killed.
        failed=1
    fi
    rm -f "$log"
    SUITES+=("$(printf '%-24s %5d s %6d passed %4d failed' "$name" $((SECONDS - start)) "$passed" "$failed")")
    PASSED=$((PASSED + passed))
    FAILED=$((FAILED + failed))
    say "${SUITES[-1]}"
}

# count WORD LOG: the sum over the log's result lines, "test result: ok. 12 passed; 0 failed; …"
count() { sed -nE "s/^test result: .* ([0-9]+) $1;.*/\1/p" "$2" | awk '{ sum += $1 } END { print sum + 0 }'; }

# The closing lines, and the exit code that goes with them.
finish_suites() {
    say ""
    printf '%s\n' "${SUITES[@]}"
    say ""
    say "$PASSED passed, $FAILED failed"
    ((FAILED == 0))
}
