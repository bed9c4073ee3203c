# shellcheck shell=bash
# Sourced by scripts/server. Owns: an instance's REST service in the background: its settings here, its start and its stop.

PID_FILE=$STATE/service.pid
LOG=$STATE/service.log

# The process, if it still is ours: numbers are used again.
running_pid() {
    local pid
    pid=$(cat "$PID_FILE" 2>/dev/null) || return 1
    [[ $(readlink "/proc/$pid/exe") = */capconduit* ]] || return 1
    echo "$pid"
}

# GET /ready, without a program of its own for it.
ready() (
    exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$CAPCONDUIT_HTTP_PORT" || exit 1
    printf 'GET /ready HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' >&3
    read -r -t 5 status <&3
    [[ $status = 'HTTP/1.1 200 '* ]]
)

start_service() {
    stop_service
    # shellcheck disable=SC1091  # written by server.sh
    . "$STATE/env"
    # Plain HTTP on loopback, for trying it out: sessions work without TLS. 9464 stands beside 8080, so the metrics
    # of an instance on another port do not meet ours.
    DATABASE_URL=$API_DATABASE_URL CAPCONDUIT_LISTEN=127.0.0.1:$CAPCONDUIT_HTTP_PORT CAPCONDUIT_WITHOUT_TLS=true \
        CAPCONDUIT_METRICS_LISTEN=127.0.0.1:${CAPCONDUIT_METRICS_PORT:-$((CAPCONDUIT_HTTP_PORT + 1384))} \
        setsid "$ROOT/scripts/capconduit" serve </dev/null >"$LOG" 2>&1 &
    echo $! >"$PID_FILE"
    for _ in {1..150}; do
        # The port may be another program's: it must be our process that answers.
        kill -0 $! 2>/dev/null || break
        ready && return
        sleep 0.1
    done
    tail -n 5 "$LOG" >&2
    die "the service does not become ready on port $CAPCONDUIT_HTTP_PORT; its log is $LOG"
}

stop_service() {
    local pid
    pid=$(running_pid) || return 0
    kill -TERM "$pid"
    # A little longer than it gives its requests itself.
    for _ in {1..250}; do
        running_pid >/dev/null || break
        sleep 0.1
    done
    if running_pid >/dev/null; then
        warn "the service did not stop in time and is killed"
        kill -KILL "$pid"
    fi
    rm -f "$PID_FILE"
}

service() {
    case ${1:-} in
        start) start_service ;;
        stop) stop_service ;;
        status) running_pid >/dev/null ;;
        *) misused ;;
    esac
}
