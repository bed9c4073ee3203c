# shellcheck shell=bash
# Sourced by scripts/package. The images of deploy/containers, built from dist/ and run: the extension image mounted into PostgreSQL 18
# with its extension_control_path, the service and a database prepared from their images to a routed call and a healthy service.
# Owns: how that is tried without a container engine and without a registry of images. By hand, as root.
#
# Base images are made by mmdebstrap. buildah runs every step in a chroot, with vfs storage.

# shellcheck source=scripts/lib/chroot.sh
. "$ROOT/scripts/lib/chroot.sh"

MAJOR=18
command -v buildah >/dev/null || die "buildah is missing: apt-get install buildah"
compgen -G "$ROOT/dist/postgresql-$MAJOR-capconduit_*.deb" >/dev/null || die "scripts/package $MAJOR first"
FOLDER=$ROOT/.tools/containers
# root NAME SUITE PACKAGES: made by mmdebstrap. The lists of an unstable release may be older than they say.
root() {
    kept "$FOLDER/$1" "$2 with $3" make_chroot "$2" "$FOLDER/$1/root" "$3" "$FOLDER/$1/log" \
        --aptopt='Acquire::Check-Valid-Until "false"'
}

if [[ ${1:-} != --inside ]]; then
    mkdir -p "$FOLDER"
    root base trixie bash
    root server sid "postgresql-$MAJOR"
    STORE=$(mktemp -d --tmpdir="$FOLDER")
    trap 'rm -rf "$STORE"' EXIT
    # What is started and mounted there, and the network, ends with it.
    unshare --mount --pid --net --fork --kill-child --mount-proc --propagation private "$0" images --inside "$STORE"
    exit
fi

STORE=$2
ip link set lo up
b() { buildah --root "$STORE/images" --runroot "$STORE/run" --storage-driver vfs "$@"; }
export BUILDAH_ISOLATION=chroot

# base NAME: that root, as an image.
base() {
    local container
    container=$(b from scratch)
    # As an archive: a folder would lose its files' owners.
    tar -C "$FOLDER/$1/root" -cf "$STORE/root.tar" .
    b add --quiet "$container" "$STORE/root.tar" / >/dev/null
    rm "$STORE/root.tar"
    b commit --quiet --rm "$container" "$1" >/dev/null
}

# run CONTAINER USER COMMAND…
run() { b run --user "$2" "$1" -- "${@:3}"; }

base base
base server
for target in extension database service; do
    b build --quiet --format docker --file "$ROOT/deploy/containers/Dockerfile" --target "$target" --build-arg MAJOR=$MAJOR \
        --build-arg BASE=localhost/base --build-arg POSTGRES=localhost/server --tag "capconduit-$target" "$ROOT/dist" >/dev/null
    say "built: $target"
done

say "the extension image has:"
extension=$(b mount "$(b from localhost/capconduit-extension)")
(cd "$extension" && find . -type f | sort)
[[ -f $extension/lib/$(library_name) && -L $extension/lib/$OLD_LIBRARY_NAME && -f $extension/share/extension/capconduit.control ]]

# a_server IMAGE PORT [SETTINGS…]: the image's PostgreSQL, which makes its data first. Sets SERVER.
a_server() {
    local port=$2
    SERVER=$(b from "localhost/$1")
    run "$SERVER" postgres /usr/lib/postgresql/$MAJOR/bin/initdb --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync /var/lib/postgresql/data >/dev/null
    b run --user postgres ${MOUNT:+--volume "$MOUNT"} "$SERVER" -- /usr/lib/postgresql/$MAJOR/bin/postgres \
        -D /var/lib/postgresql/data -c port="$port" -c unix_socket_directories=/tmp "${@:3}" >"$STORE/$1.log" 2>&1 &
    for _ in $(seq 300); do
        ! run "$SERVER" postgres pg_isready --quiet --host 127.0.0.1 --port "$port" || return 0
        sleep 0.1
    done
    cat "$STORE/$1.log"
    die "the server of $1 does not answer"
}

# prepared PORT: migrate, sample data, a routed call.
prepared() {
    local url=postgres://postgres@127.0.0.1:$1/capconduit answer
    run "$SERVER" postgres createdb --host 127.0.0.1 --port "$1" capconduit
    b run --env DATABASE_URL="$url" --env CAPCONDUIT_API_PASSWORD=secret --env CAPCONDUIT_ASTERISK_PASSWORD=secret \
        "$SERVICE" -- /usr/bin/capconduit migrate
    run "$SERVICE" root cat /usr/share/capconduit/sample_data.sql |
        run "$SERVER" postgres psql --quiet --host 127.0.0.1 --port "$1" --dbname capconduit >/dev/null
    answer=$(run "$SERVER" postgres psql --no-align --tuples-only --host 127.0.0.1 --port "$1" --dbname capconduit --command \
        "select status, dial from capconduit.route_call('+18005550101', 'call-1')")
    say "$answer"
    [[ $answer = 'ok|PJSIP/'* ]]
}

SERVICE=$(b from localhost/capconduit-service)
DIRECT=$(free_port) HTTP=$(free_port_from 26000) METRICS=$(free_port_from 27000)
say "a server with the extension in its own folders:"
MOUNT='' a_server capconduit-database "$DIRECT"
prepared "$DIRECT"

say "the service, by the image's own command and as its user:"
say "$(b inspect --format '{{.Docker.Config.User}} {{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}' "$SERVICE")"
# Ports of this machine, which is the container's network here.
b run --env DATABASE_URL="postgres://capconduit_api@127.0.0.1:$DIRECT/capconduit" --env PGPASSWORD=secret \
    --env CAPCONDUIT_LISTEN=127.0.0.1:"$HTTP" --env CAPCONDUIT_METRICS_LISTEN=127.0.0.1:"$METRICS" \
    --env CAPCONDUIT_WITHOUT_INTERNAL_API=true "$SERVICE" -- /usr/bin/capconduit serve >"$STORE/serve.log" 2>&1 &
# The image's own check of health, at this port.
check=$(b inspect --type image --format '{{index .Docker.Config.Healthcheck.Test 3}}' localhost/capconduit-service)
check=${check//8080/$HTTP}
healthy=
for _ in $(seq 100); do
    ! run "$SERVICE" 61184:61184 bash -c "$check" 2>/dev/null || { healthy=yes && break; }
    sleep 0.1
done
[[ -n $healthy ]] || { cat "$STORE/serve.log" && die "the service is not healthy"; }
say "healthy"

say "the extension image, mounted at /extensions/capconduit:"
MOUNTED=$(free_port_from 28000)
# shellcheck disable=SC2016  # PostgreSQL's own words
MOUNT=$extension:/extensions/capconduit:ro a_server server "$MOUNTED" \
    -c extension_control_path='$system:/extensions/capconduit/share' -c dynamic_library_path='$libdir:/extensions/capconduit/lib'
[[ ! -e $(b mount "$SERVER")/usr/lib/postgresql/$MAJOR/lib/$(library_name) ]] || die "the server has an extension of its own"
prepared "$MOUNTED"
say "all three images work"
