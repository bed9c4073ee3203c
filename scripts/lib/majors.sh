# shellcheck shell=bash
# Sourced by build and test. The extension on other PostgreSQL majors. Owns: where each major comes from, and how the extension is
# built for it, which tests depend on the major.
#
# Each major lives in a folder with the Debian release that has it, .tools/majors/<major>/chroot, made at the first time (a
# minute or two, half a gigabyte; root is needed). Debian never had a 16: its header files can be unpacked by hand, to check.
#   dpkg-deb -x postgresql-server-dev-16_….deb .tools/majors/16/chroot

# shellcheck source=scripts/lib/chroot.sh disable=SC2153  # common.sh sets it
. "$ROOT/scripts/lib/chroot.sh"

MAJORS_FOLDER=$ROOT/.tools/majors
# A release is compiled with other flags, and would make all builds anew.
BUILDS=$MAJORS_FOLDER/target${CAPCONDUIT_RELEASE:+-release}
# Which Debian has which major.
declare -A SUITES_OF=([17]=trixie [18]=sid)
# What the tests start besides the server: a pooler, a compiler for the slow disk, the history of releases.
TOOLS=procps,git,iproute2,openssl,pgbouncer,gcc,libc6-dev

# Makes the major's folder when it is missing.
need_chroot() {
    local suite=${SUITES_OF[$1]:-}
    [[ -n $suite ]] || die "no Debian release has PostgreSQL $1: 17 and 18 can be run"
    kept "$MAJORS_FOLDER/$1" "$TOOLS" make_major "$1" "$suite"
}
make_major() {
    local major=$1 suite=$2 folder=$MAJORS_FOLDER/$1
    warn "making a folder with PostgreSQL $major (Debian $suite): a minute or two"
    rm -rf "$folder/chroot"
    # The package would make a cluster; its header files come without the compiler that they recommend. The lists of an
    # unstable release may be older than they say.
    # shellcheck disable=SC2016  # mmdebstrap's shell expands these
    make_chroot "$suite" "$folder/chroot" "postgresql-$major,$TOOLS" "$folder/log" \
        --aptopt='Acquire::Check-Valid-Until "false"' --dpkgopt=force-confold \
        --essential-hook='mkdir -p "$1/etc/postgresql-common"
                          echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"' \
        --customize-hook="cd \"\$1/tmp\" &&
                          APT_CONFIG=\$MMDEBSTRAP_APT_CONFIG apt-get download -q postgresql-server-dev-$major &&
                          dpkg-deb -x postgresql-server-dev-*.deb \"\$1\" && rm postgresql-server-dev-*.deb"
}

# cargo_for MAJOR COMMAND…: pgrx asks for a few facts only, and the major's own pg_config may not run here. `make test` builds
# beside its own tests, some of which are about time.
cargo_for() {
    local major=$1 headers=$MAJORS_FOLDER/$1/chroot/usr/include/postgresql version
    shift
    # Where the header is depends on the release: one of the two is missing.
    version=$({ cat "$headers/$major/server/pg_config.h" \
        "$MAJORS_FOLDER/$major"/chroot/usr/include/*/postgresql/"$major"/server/pg_config.h 2>/dev/null || true; } |
        sed -nE '/^#define PG_VERSION "/{s/.*"(.*)"/\1/p;q}')
    [[ -n $version ]] || die "no header files of PostgreSQL $major in $MAJORS_FOLDER/$major/chroot"
    env -u PGRX_PG_CONFIG_PATH PGRX_PG_CONFIG_AS_ENV=true "PGRX_PG_CONFIG_VERSION=PostgreSQL $version" \
        "PGRX_PG_CONFIG_INCLUDEDIR-SERVER=$headers/$major/server" "PGRX_PG_CONFIG_LIBDIR=$MAJORS_FOLDER/$major/chroot/usr/lib" \
        PGRX_PG_CONFIG_CONFIGURE= PGRX_PG_CONFIG_CPPFLAGS= CARGO_TARGET_DIR="$BUILDS" \
        nice -n 10 cargo "$@" --locked --quiet --package capconduit --no-default-features --features "pg$major"
}

major_library() {
    local built=$BUILDS/release/libcapconduit.so
    # One target folder for all majors, so that what they share is built once; one at a time in it.
    exec 8>"$MAJORS_FOLDER/build-lock"
    flock 8
    cargo_for "$1" build --release || return 1
    # Beside it, then renamed: a server that runs has the old file mapped.
    cp "$built" "$MAJORS_FOLDER/$1/libcapconduit.so.new" || return 1
    mv "$MAJORS_FOLDER/$1/libcapconduit.so.new" "$MAJORS_FOLDER/$1/libcapconduit.so" || return 1
    exec 8>&-
    echo "$MAJORS_FOLDER/$1/libcapconduit.so"
}

# The command sees the major's Debian, and in it the project at its own path. Mounts and processes are its own and end with it.
run_on_major() {
    local root=$MAJORS_FOLDER/$1/chroot temporary status=0
    shift
    mkdir -p "$root$ROOT" "$root$TARGET"
    # Processes are counted from 1 in each run, and the tests name their folders by them.
    temporary=$(mktemp -d --tmpdir="${root%/chroot}")
    chmod 1777 "$temporary"
    # shellcheck disable=SC2016  # the inner shell expands these
    unshare --mount --pid --fork --kill-child --propagation private -- bash -euc '
        root=$1 project=$2 target=$3 temporary=$4
        shift 4
        mount --bind "$project" "$root$project"
        [[ $target = "$project"/* ]] || mount --bind "$target" "$root$target"
        mount --bind "$temporary" "$root/tmp"
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root \
            CAPCONDUIT_SO="${CAPCONDUIT_SO:-}" CAPCONDUIT_BIN="${CAPCONDUIT_BIN:-}" \
            CAPCONDUIT_TEST_MINUTES="${CAPCONDUIT_TEST_MINUTES:-45}" ${CAPCONDUIT_TEST_FULL:+CAPCONDUIT_TEST_FULL=1} CAPCONDUIT_OTHER_MAJOR=1 \
            CAPCONDUIT_TARGET="$target" sh -c "cd \"\$1\" && shift && exec \"\$@\"" sh "$project" "$@"
        ' bash "$root" "$ROOT" "$TARGET" "$temporary" "$@" || status=$?
    rm -rf "$temporary"
    return "$status"
}

# The tests of whatever is inside the server. REST, Asterisk and poolers talk to it by the same protocol on every major. Names
# are matched wherever they stand. README.md and docs/RELIABILITY.md name them, too.
ENGINE=(sql:: concurrency:: crash:: model:: tables:: migrate:: outage:: life::upgrade --skip asterisk:: --skip node:: --skip pooler::)

# What `make test` leaves out: on the major between two that have it, the longest. All of it runs in `make test-full`, and by `scripts/test majors`.
declare -A ELSEWHERE=([17]="--skip model:: --skip concurrency::")

# The test program as it is built for this machine: it speaks to the server by its protocol alone.
test_program() {
    cargo test --locked --quiet --package capconduit-tests --no-run --message-format=json |
        sed -nE 's/.*"executable":"([^"]*\/platform-[^"]*)".*/\1/p' | tail -n 1
}

# test_major MAJOR [the test program's options…]
test_major() {
    local major=$1 program
    local -a elsewhere=()
    shift
    [[ -z ${CAPCONDUIT_TEST_BRIEF:-} ]] || read -ra elsewhere <<<"${ELSEWHERE[$major]:-}"
    program=$(test_program)
    CAPCONDUIT_SO=$MAJORS_FOLDER/$major/libcapconduit.so CAPCONDUIT_BIN=$(built_binary) run_on_major "$major" \
        "$program" "${ENGINE[@]}" "${elsewhere[@]}" "$@"
}
