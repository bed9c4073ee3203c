# shellcheck shell=bash
# Sourced by scripts/server. Owns: an instance's PostgreSQL server: its files, its start and its stop. Nothing outside the state
# folder is written (unless the server's user cannot get there).

# shellcheck disable=SC2031  # prefix_paths sets BIN, and in no subshell
# shellcheck source=scripts/lib/prefix.sh
. "$ROOT/scripts/lib/prefix.sh"

# A folder that the server's user can reach: inside the state folder if it may go there, else in /var/lib, with
# a link in the state folder that shows where.
server_home() {
    if [[ ! -e $STATE/server ]]; then
        mkdir -p "$STATE"
        if as_server test -x "$STATE"; then
            install -d -o "$(server_user)" -m 755 "$STATE/server"
        else
            local outside
            install -d -m 755 /var/lib/capconduit
            outside=$(mktemp -d "/var/lib/capconduit/$(basename "$ROOT")-XXXXXXXX")
            chown "$(server_user)" "$outside"
            chmod 755 "$outside"
            ln -s "$outside" "$STATE/server"
            warn "$(server_user) cannot enter $STATE: the server's files are in $outside"
        fi
    fi
    cd "$STATE/server" && pwd -P
}

# The system allows 107 bytes for a socket's path; a deep folder gets its socket in /tmp.
socket_folder() {
    local folder=$1/run
    if ((${#folder} + ${#PORT} + 12 > 107)); then
        folder=/tmp/capconduit-$(sha256sum <<<"$1" | cut -c1-12)
    fi
    echo "$folder"
}

random_password() { od -An -N18 -tx1 /dev/urandom | tr -d ' \n'; }

# Made once; everything else is derived from it.
make_secrets() {
    [[ -e $STATE/secrets ]] && return
    (
        umask 077
        {
            for name in SUPERUSER ADMIN API ASTERISK; do
                echo "CAPCONDUIT_${name}_PASSWORD=$(random_password)"
            done
            echo "INTERNAL_API_TOKEN=$(random_password)"
        } >"$STATE/secrets.new"
    )
    mv "$STATE/secrets.new" "$STATE/secrets"
}

# What a user's shell sources, and what psql reads so that no password stands on a command line.
write_env() {
    # shellcheck disable=SC1091  # made by make_secrets
    . "$STATE/secrets"
    local at=127.0.0.1:$PORT/$DATABASE
    (
        umask 077
        cat >"$STATE/env.new" <<END
export CAPCONDUIT_STATE='$STATE'
export CAPCONDUIT_PORT=$PORT
export CAPCONDUIT_HTTP_PORT=$HTTP_PORT
export CAPCONDUIT_SOCKET_DIR='$SOCKETS'
export DATABASE_URL='postgres://capconduit_admin:$CAPCONDUIT_ADMIN_PASSWORD@$at'
export ASTERISK_DATABASE_URL='postgres://capconduit_asterisk:$CAPCONDUIT_ASTERISK_PASSWORD@$at'
export API_DATABASE_URL='postgres://capconduit_api:$CAPCONDUIT_API_PASSWORD@$at'
export BASE_URL='http://127.0.0.1:$HTTP_PORT'
export INTERNAL_API_TOKEN='$INTERNAL_API_TOKEN'
END
        cat >"$STATE/pgpass.new" <<END
*:*:*:postgres:$CAPCONDUIT_SUPERUSER_PASSWORD
*:*:*:capconduit_admin:$CAPCONDUIT_ADMIN_PASSWORD
*:*:*:capconduit_asterisk:$CAPCONDUIT_ASTERISK_PASSWORD
*:*:*:capconduit_api:$CAPCONDUIT_API_PASSWORD
END
    )
    mv "$STATE/env.new" "$STATE/env"
    mv "$STATE/pgpass.new" "$STATE/pgpass"
}

make_data() {
    [[ -e $SERVER/data/PG_VERSION ]] && return
    local password_file=$SERVER/superuser.password
    # shellcheck disable=SC1091
    (. "$STATE/secrets" && umask 077 && echo "$CAPCONDUIT_SUPERUSER_PASSWORD" >"$password_file")
    ((EUID != 0)) || chown "$(server_user)" "$password_file"
    as_server rm -rf "$SERVER/data.new"
    as_server "$BIN/initdb" --pgdata="$SERVER/data.new" --username=postgres --pwfile="$password_file" \
        --auth=scram-sha-256 --data-checksums --encoding=UTF8 --locale=C.UTF-8 --no-instructions >/dev/null
    rm -f "$password_file"
    printf 'include_if_exists %s\n' "'capconduit.conf'" "'instance.conf'" \
        >>"$SERVER/data.new/postgresql.conf"
    # Complete or not there: a start that was cut off is simply made again.
    mv "$SERVER/data.new" "$SERVER/data"
}

# Settings are written anew at each start, so that a change of this file or of a port takes effect.
write_settings() {
    as_server mkdir -p "$SOCKETS"
    {
        echo "listen_addresses = '127.0.0.1'"
        echo "port = $PORT"
        echo "unix_socket_directories = '$SOCKETS'"
        # Tests add settings of their own here.
        if [[ -f $STATE/extra.conf ]]; then cat "$STATE/extra.conf"; fi
    } | as_server tee "$SERVER/data/instance.conf" >/dev/null
    as_server tee "$SERVER/data/capconduit.conf" <"$ROOT/scripts/lib/postgresql.conf" >/dev/null
}

running() { as_server "$BIN/pg_ctl" status --pgdata="$SERVER/data" >/dev/null 2>&1; }

init() {
    make_secrets
    make_prefix
    make_data
}

start() {
    if running; then
        return
    fi
    init
    install_extension
    write_settings
    write_env
    if ! as_server "$BIN/pg_ctl" start --pgdata="$SERVER/data" --log="$SERVER/postgresql.log" \
        --wait --timeout=120 --silent >/dev/null; then
        tail -n 5 "$SERVER/postgresql.log" >&2
        if tail -n 5 "$SERVER/postgresql.log" | grep -q 'Address already in use'; then
            die "port $PORT is taken by another program: choose one, for example CAPCONDUIT_PORT=$((PORT + 1))"
        fi
        die "the server does not start; its log is $SERVER/postgresql.log"
    fi
}

stop() {
    if running; then
        as_server "$BIN/pg_ctl" stop --pgdata="$SERVER/data" --mode="${1:-fast}" --wait --timeout=60 --silent
    fi
}

# The postmaster is killed; its children notice and end. A start right after must find them gone, and its lock
# files too, even where nobody has collected the dead process yet. Stopped first, it makes no child that is not waited
# for: without the lock files nothing would keep such a one and the next server from writing the same data.
kill_server() {
    local postmaster child
    local -a children
    postmaster=$(head -n 1 "$SERVER/data/postmaster.pid")
    kill -STOP "$postmaster"
    while [[ $(state "$postmaster") = [RSD] ]]; do sleep 0.01; done
    mapfile -t children < <(pgrep -P "$postmaster")
    kill -9 "$postmaster"
    for child in "$postmaster" "${children[@]}"; do
        for _ in {1..600}; do
            alive "$child" || continue 2
            sleep 0.05
        done
        kill -9 "$child"
    done
    as_server rm -f "$SERVER/data/postmaster.pid" "$SOCKETS/.s.PGSQL.$PORT.lock"
}

# R, S, D, T, Z (dead, and not collected yet) or nothing.
state() { sed -E 's/.*\) (.).*/\1/' "/proc/$1/stat" 2>/dev/null || true; }
alive() { [[ $(state "$1") = [!Z] ]]; }

# For tests: what was executed since the last time stands in counted.N whenever somebody asks the backend for its pid. Which pages are written to
# the log whole would be chance, and how long that takes to compress them.
count() {
    as_server rm -f "$SERVER"/counted.*
    as_server valgrind --tool=callgrind --callgrind-out-file="$SERVER/counted" --dump-before=pg_backend_pid \
        "$BIN/postgres" --single -F -c full_page_writes=off -D "$SERVER/data" "$1"
}

# For tests: the server lives exactly as long as somebody holds our standard input open, however they end.
hold() {
    [[ ! -e $SERVER/data ]] || die "hold deletes what it made: it needs a state folder of its own, not $STATE"
    trap '' INT TERM HUP PIPE
    trap 'stop immediate; rm -rf -- "$SOCKETS" "$SERVER" "$STATE"' EXIT
    start
    # They may be gone already: then the input ends at once.
    echo ready 2>/dev/null || true
    while read -r _; do :; done
}

# Where this instance's server is, and its ports.
locate_server() {
    SERVER=$(server_home)
    # A server that was made with a port keeps it until told otherwise.
    PORT=${CAPCONDUIT_PORT:-$(known_port CAPCONDUIT_PORT)}
    PORT=${PORT:-5440}
    HTTP_PORT=${CAPCONDUIT_HTTP_PORT:-$(known_port CAPCONDUIT_HTTP_PORT)}
    HTTP_PORT=${HTTP_PORT:-8080}
    SOCKETS=$(socket_folder "$SERVER")
    prefix_paths
}
known_port() { sed -nE "s/^export $1=([0-9]+)$/\1/p" "$STATE/env" 2>/dev/null || true; }
