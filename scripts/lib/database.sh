# shellcheck shell=bash
# Sourced by scripts/server. Owns: how a database of a running instance is made, filled with the sample data, and made anew.

database() {
    [[ -f $STATE/env ]] || die "no server was started in $STATE: make up"
    # shellcheck disable=SC1091  # written by server.sh
    . "$STATE/env"
    # shellcheck disable=SC1091
    . "$STATE/secrets"
    NAME=${2:-$DATABASE}
    case ${1:-} in
        migrate) migrate ;;
        sample) sample ;;
        reset)
            superuser --dbname=postgres --set name="$NAME" <<<'drop database if exists :"name" with (force)'
            migrate
            sample
            ;;
        *) misused ;;
    esac
}

superuser() { sql_as postgres --tuples-only --no-align "$@"; }

migrate() {
    local exists
    [[ -f $(built_library) ]] || die "the extension is not built yet: make build"
    exists=$(superuser --dbname=postgres --set name="$NAME" <<<"select count(*) from pg_database where datname = :'name'")
    if [[ $exists = 0 ]]; then
        superuser --dbname=postgres --set name="$NAME" <<<'create database :"name"'
    fi
    DATABASE_URL="postgres://postgres:$CAPCONDUIT_SUPERUSER_PASSWORD@127.0.0.1:$CAPCONDUIT_PORT/$NAME" \
        CAPCONDUIT_ADMIN_PASSWORD=$CAPCONDUIT_ADMIN_PASSWORD CAPCONDUIT_API_PASSWORD=$CAPCONDUIT_API_PASSWORD \
        CAPCONDUIT_ASTERISK_PASSWORD=$CAPCONDUIT_ASTERISK_PASSWORD "$ROOT/scripts/capconduit" migrate
}

sample() {
    if [[ $(superuser --dbname="$NAME" <<<'select exists (select from capconduit.users)') = f ]]; then
        # As its readers will: a plain psql, by the administrator.
        sql_as capconduit_admin --tuples-only --no-align --dbname="$NAME" --file="$ROOT/sample_data.sql"
        say "sample data loaded into $NAME"
    fi
}
