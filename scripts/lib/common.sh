# shellcheck shell=bash
# Sourced by every script. Owns: where things are, who runs the server, which PostgreSQL is used, what --help says.

# The server gets its own clean environment; ours must not leak settings into psql or cargo either.
unset PGHOST PGPORT PGUSER PGDATABASE PGPASSWORD PGPASSFILE PGOPTIONS PGSERVICE

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# One instance lives in one state folder; another folder (and other ports) is another instance.
STATE=${CAPCONDUIT_STATE:-$ROOT/.capconduit}
[[ $STATE = /* ]] || STATE=$ROOT/$STATE
# shellcheck disable=SC2034  # used by the scripts that source this file
DATABASE=capconduit
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
# The user and group `asterisk` of the folder with Asterisk in it. Nobody on the machine has this number.
# shellcheck disable=SC2034
ASTERISK_UID=61061

say() { printf '%s\n' "$*"; }
warn() { printf 'capconduit: %s\n' "$*" >&2; }
die() {
    warn "$@"
    exit 1
}

# The script's own first lines are its help.
usage() { awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$0"; }
# help_on_request "$@": where --help is the first or the second word.
help_on_request() {
    if [[ ${1:-} = --help || ${1:-} = -h || ${2:-} = --help ]]; then
        usage
        exit
    fi
}
misused() {
    usage >&2
    exit 2
}

# PostgreSQL refuses to run as root: root's servers run as `postgres`, or as `nobody` where that is missing. A server that
# somebody else made stays theirs, also when root asks for it.
server_user() {
    local owner
    if ((EUID != 0)); then
        id -un
    elif owner=$(stat --dereference --format=%U "$STATE/server" 2>/dev/null) && [[ $owner != root && $owner != UNKNOWN ]]; then
        echo "$owner"
    elif getent passwd postgres >/dev/null; then
        echo postgres
    else
        echo nobody
    fi
}

# Runs a command as the server's user, from / (our own folder may be closed to it), without our environment:
# a RUST_BACKTRACE in the postmaster would cost a backtrace for every SQL error. Lock descriptors stay here.
as_server() {
    local -a clean=(env -i PATH=/usr/bin:/bin LANG=C.UTF-8)
    if ((EUID == 0)); then
        local user
        user=$(server_user)
        clean=(setpriv --reuid="$user" --regid="$(id -gn "$user")" --init-groups -- "${clean[@]}")
    fi
    # Tests preload a library that slows the disk down; no other variable may pass.
    if [[ -n ${CAPCONDUIT_SERVER_PRELOAD:-} ]]; then
        clean+=(LD_PRELOAD="$CAPCONDUIT_SERVER_PRELOAD")
    fi
    (cd / && "${clean[@]}" "$@" 9>&-)
}

# The PostgreSQL that is used: its pg_config. PG_CONFIG names one; else 15, which is tested in full, comes first.
pg_config_path() {
    local named=${PGRX_PG_CONFIG_PATH:-${PG_CONFIG:-}}
    if [[ -n $named ]]; then
        [[ -x $named ]] || die "PG_CONFIG is $named, which is no program"
        echo "$named"
        return
    fi
    local major
    for major in 15 16 17 18; do
        if [[ -x /usr/lib/postgresql/$major/bin/postgres &&
            -f /usr/include/postgresql/$major/server/postgres.h ]]; then
            # The plain name where it means the same: one name, one build of the bindings.
            if [[ $(pg_major_of /usr/bin/pg_config) = "$major" ]]; then
                echo /usr/bin/pg_config
            else
                echo "/usr/lib/postgresql/$major/bin/pg_config"
            fi
            return
        fi
    done
    return 1
}

# "PostgreSQL 15.20 (Debian …)" → 15
pg_major_of() {
    [[ -x $1 ]] || return 0
    "$1" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/'
}

# This machine's release of its distribution: bookworm.
codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# The newest build of a file, whichever profile made it; a name in the environment wins.
built_file() {
    local file newest=''
    for file in "$TARGET/release/$1" "$TARGET/debug/$1"; do
        if [[ -f $file && (-z $newest || $file -nt $newest) ]]; then
            newest=$file
        fi
    done
    echo "$newest"
}
built_library() { echo "${CAPCONDUIT_SO:-$(built_file libcapconduit.so)}"; }
# The library's name in a server's folder: a release of its own name, so that connections that go on take it at their next statement. Under
# OLD_LIBRARY_NAME, a link to it, the functions find it that no migration has named anew yet.
library_name() { sed -n "s#^module_pathname = '\$libdir/\(.*\)'#\1.so#p" "$ROOT/pg_ext/capconduit.control"; }
# shellcheck disable=SC2034  # used by the scripts that source this file
OLD_LIBRARY_NAME=capconduit.so
built_binary() { echo "${CAPCONDUIT_BIN:-$(built_file capconduit)}"; }

# For cargo: which PostgreSQL the extension is built for. 15 is the default feature.
use_pg_config() {
    PGRX_PG_CONFIG_PATH=$(pg_config_path) || die "no PostgreSQL with header files: run scripts/setup"
    export PGRX_PG_CONFIG_PATH
    local major
    major=$(pg_major_of "$PGRX_PG_CONFIG_PATH")
    [[ $major = 1[5678] ]] || die "$PGRX_PG_CONFIG_PATH is of PostgreSQL $major; the extension is for 15 to 18"
    EXTENSION_FEATURES=()
    if [[ $major != 15 ]]; then
        # shellcheck disable=SC2034  # used by the scripts that source this file
        EXTENSION_FEATURES=(--no-default-features --features "pg$major")
    fi
}

# psql_as ROLE [psql's arguments…]: on this instance's server, whose $STATE/env was read. The password comes from a file, so it
# stands in no process list.
psql_as() {
    local role=$1
    shift
    PGPASSFILE=$STATE/pgpass "$("$(pg_config_path)" --bindir)/psql" --host=127.0.0.1 --port="$CAPCONDUIT_PORT" \
        --username="$role" "$@"
}
# The same for a script: silent, and it ends at the first error.
sql_as() { psql_as "$1" --no-psqlrc --quiet --set ON_ERROR_STOP=1 "${@:2}"; }

# throwaway_server NAME: an instance with a folder and ports of its own beside all others. It lives until the pipe to its guard
# is closed, however the script ends; then the guard deletes its files.
throwaway_server() {
    local answer
    STATE=$(mktemp --directory "/tmp/capconduit-$1-XXXXXX")
    # The server's user passes through it; what is secret in it has its own mode.
    chmod 711 "$STATE"
    CAPCONDUIT_PORT=$(free_port)
    CAPCONDUIT_HTTP_PORT=$(free_port_from $((CAPCONDUIT_PORT + 1)))
    CAPCONDUIT_METRICS_PORT=$(free_port_from $((CAPCONDUIT_HTTP_PORT + 1)))
    export CAPCONDUIT_STATE=$STATE CAPCONDUIT_PORT CAPCONDUIT_HTTP_PORT CAPCONDUIT_METRICS_PORT
    coproc GUARD { exec "$ROOT/scripts/server" hold; }
    read -r answer <&"${GUARD[0]}" || die "the throw-away server does not start"
    [[ $answer = ready ]] || die "the throw-away server says: $answer"
}

# A port that nobody listens on, below the range from which the system takes ports for outgoing connections.
free_port() { free_port_from $((21000 + $$ % 9000)); }
free_port_from() {
    local port
    for port in $(seq "$1" 32000); do
        (exec 2>/dev/null 3<>"/dev/tcp/127.0.0.1/$port") || break
    done
    echo "$port"
}
