# shellcheck shell=bash
# Sourced by scripts/build. Copies what is built into place: the extension's files where PG_CONFIG says; the command, its units and
# manual pages, sample data and examples of settings below PREFIX (/usr/local). Owns: where things go when they come from source.
# DESTDIR stages it elsewhere, for packagers. Nothing is started, and no settings are written.

# put MODE FILE PLACE: a new file under the old name. A server that runs keeps the library that it has loaded; written over
# in place, it would crash.
put() {
    install -D -m "$1" "$2" "${DESTDIR:-}$3.new"
    mv "${DESTDIR:-}$3.new" "${DESTDIR:-}$3"
    say "${DESTDIR:-}$3"
}

# put_link NAME PLACE: likewise.
put_link() {
    ln -sfn "$1" "${DESTDIR:-}$2.new"
    mv -T "${DESTDIR:-}$2.new" "${DESTDIR:-}$2"
    say "${DESTDIR:-}$2"
}

install_files() {
    PG_CONFIG=$(pg_config_path) || die "no PostgreSQL with header files: run scripts/setup, or set PG_CONFIG"
    PREFIX=${PREFIX:-/usr/local}
    LIBRARY=$TARGET/release/libcapconduit.so COMMAND=$TARGET/release/capconduit
    [[ -f $LIBRARY && -f $COMMAND ]] || die "nothing is built yet: make build"
    WORK=$(mktemp -d)
    trap 'rm -r "$WORK"' EXIT

    umask 022
    put 755 "$LIBRARY" "$("$PG_CONFIG" --pkglibdir)/$(library_name)"
    put_link "$(library_name)" "$("$PG_CONFIG" --pkglibdir)/$OLD_LIBRARY_NAME"
    for file in "$ROOT"/pg_ext/capconduit.control "$ROOT"/pg_ext/sql/capconduit--*.sql; do
        put 644 "$file" "$("$PG_CONFIG" --sharedir)/extension/${file##*/}"
    done
    put 755 "$COMMAND" "$PREFIX/bin/capconduit"
    for file in "$ROOT"/deploy/systemd/*; do
        sed "s#/usr/local/bin/capconduit#$PREFIX/bin/capconduit#" "$file" >"$WORK/unit"
        put 644 "$WORK/unit" "$PREFIX/lib/systemd/system/${file##*/}"
    done
    mkdir "$WORK/man"
    "$COMMAND" man "$WORK/man"
    for file in "$WORK"/man/*; do
        put 644 "$file" "$PREFIX/share/man/man1/${file##*/}"
    done
    put 644 "$ROOT/sample_data.sql" "$PREFIX/share/capconduit/sample_data.sql"
    put 644 "$ROOT/deploy/.env.example" "$PREFIX/share/capconduit/capconduit.env"
    put 644 "$ROOT/deploy/purge.env.example" "$PREFIX/share/capconduit/purge.env"
    put 644 "$ROOT/deploy/node.env.example" "$PREFIX/share/capconduit/node.env"
    put 644 "$ROOT/deploy/nginx/capconduit.conf" "$PREFIX/share/capconduit/nginx.conf"
}
