# shellcheck shell=bash
# Sourced by scripts/build. A release of before, built from the project's own history: its library and its command, for the tests
# that put them beside those of today. It is built when it is missing (some minutes). Owns: which commit was which release.

release() {
    case ${1:-} in
        0.1.0) COMMIT=c1a6640e36223fc6de4fb8fb5c5be2aac26b09af ;;
        0.2.0) COMMIT=5d4cd8ac119aac9712a1de5d8100c65fa42ed445 ;;
        *) misused ;;
    esac
    RELEASE=$ROOT/.tools/old/$1
    git -C "$ROOT" cat-file -e "$COMMIT^{commit}" 2>/dev/null ||
        die "release $1 is commit $COMMIT, which is not in this history: a shallow clone? git fetch --unshallow"
    if [[ ${2:-} = show ]]; then
        exec git -C "$ROOT" show "$COMMIT:$3"
    elif [[ ${2:-} = copy ]]; then
        git -C "$ROOT" archive "$COMMIT" "$3" | tar -x -C "$4"
        return
    fi

    mkdir -p "$RELEASE"
    exec 9>"$RELEASE/lock"
    flock 9
    use_pg_config
    # Built anew for another PostgreSQL.
    FOR="$COMMIT $("$PGRX_PG_CONFIG_PATH" --version)"
    if [[ $(cat "$RELEASE/complete" 2>/dev/null) != "$FOR" ]]; then
        warn "building release $1 for the tests of an upgrade: some minutes"
        rm -rf "$RELEASE"/{complete,source}
        mkdir "$RELEASE/source"
        git -C "$ROOT" archive "$COMMIT" | tar -x -C "$RELEASE/source"
        # Its own target folder: files of the same names lie in ours.
        (cd "$RELEASE/source" && CARGO_TARGET_DIR=$RELEASE/target scripts/build) >"$RELEASE/log" 2>&1 ||
            die "release $1 could not be built; the log is $RELEASE/log"
        cp "$RELEASE"/target/release/{libcapconduit.so,capconduit} "$RELEASE"
        rm -rf "$RELEASE/target"
        echo "$FOR" >"$RELEASE/complete"
    fi
    say "$RELEASE"
}
