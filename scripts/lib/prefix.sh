# shellcheck shell=bash
# Sourced by server.sh. Owns: a private installation of PostgreSQL in $SERVER/prefix, with our extension in it.
#
# PostgreSQL finds its files relative to its own program file. So the programs are copied, everything else is
# linked, in the same relative layout; and the folders that take an extension's files are real ones. Nothing is
# written into the system's folders, and every instance has its own build of the library.

prefix_paths() {
    PG_CONFIG=$(pg_config_path) || die "no PostgreSQL server with its header files is installed: run scripts/setup"
    local bin share lib common
    bin=$("$PG_CONFIG" --bindir)
    share=$("$PG_CONFIG" --sharedir)
    lib=$("$PG_CONFIG" --pkglibdir)
    common=$(common_folder "$bin" "$share" "$lib")
    SYSTEM_BIN=$bin SYSTEM_SHARE=$share SYSTEM_LIB=$lib
    BIN=$SERVER/prefix/${bin#"$common"}
    SHARE=$SERVER/prefix/${share#"$common"}
    LIB=$SERVER/prefix/${lib#"$common"}
}

# The folder that all of them are in, with its slash.
common_folder() {
    local common=$1/ path
    for path in "$@"; do
        while [[ $path/ != "$common"* ]]; do
            common=${common%/}
            common=${common%/*}/
        done
    done
    echo "$common"
}

# Made anew when the system's PostgreSQL was updated (its programs must fit its libraries).
make_prefix() {
    if cmp -s "$SYSTEM_BIN/postgres" "$BIN/postgres" && [[ -e $SERVER/prefix/complete ]]; then
        return
    fi
    as_server rm -rf "$SERVER/prefix"
    as_server mkdir -p "$BIN" "$SHARE/extension" "$LIB"
    as_server cp -R "$SYSTEM_BIN/." "$BIN"
    # shellcheck disable=SC2016  # the inner shell expands these
    as_server sh -c 'ln -s "$1"/* "$2"' sh "$SYSTEM_LIB" "$LIB"
    # The folder `extension` exists already; ln says so, and its files are linked one by one.
    # shellcheck disable=SC2016
    as_server sh -c 'for f in "$1"/*; do [ "${f##*/}" = extension ] || ln -s "$f" "$2"; done
                     ln -s "$1"/extension/* "$2/extension"' sh "$SYSTEM_SHARE" "$SHARE"
    as_server touch "$SERVER/prefix/complete"
}

# Unlink and create: a running server keeps the file that it has mapped.
put_file() {
    as_server rm -f "$2"
    as_server tee "$2" <"$1" >/dev/null
}

install_extension() {
    local library file name
    library=$(built_library)
    if [[ ! -f $library ]]; then
        warn "the extension is not built yet (make build): the server starts without it"
        return
    fi
    name=$(library_name)
    cmp -s "$library" "$LIB/$name" || put_file "$library" "$LIB/$name"
    [[ $(readlink "$LIB/$OLD_LIBRARY_NAME") = "$name" ]] || as_server ln -sf "$name" "$LIB/$OLD_LIBRARY_NAME"
    for file in "$ROOT"/pg_ext/capconduit.control "$ROOT"/pg_ext/sql/capconduit--*.sql; do
        cmp -s "$file" "$SHARE/extension/${file##*/}" || put_file "$file" "$SHARE/extension/${file##*/}"
    done
}
