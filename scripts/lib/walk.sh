# shellcheck shell=bash
# Sourced by scripts/package. The packages of dist/, installed in an empty Debian as docs/INSTALL.md says. Owns: the walk. It runs the
# page's own blocks, all of a chapter; only systemd, which a folder does not have, is stood in for (systemctl and unit, beside this).

# shellcheck source=scripts/lib/chroot.sh
. "$ROOT/scripts/lib/chroot.sh"

PAGE=$ROOT/docs/INSTALL.md

# blocks HEADING: the commands under a heading, up to the next one, for this major.
blocks() {
    awk -v heading="$1" '
        /^```/ { open = !open; next }
        !open && /^#+ / { inside = $0 == heading }
        inside && open { print; seen = 1 }
        END { exit !seen }' "$PAGE" | sed "s/postgresql-15-/postgresql-$MAJOR-/" || die "$PAGE has no commands under $1"
}

empty_debian() {
    local suite=$1 major=$2
    warn "making an empty Debian ($suite) with the packages at hand: a minute"
    rm -rf "$FOLDER/chroot"
    make_empty "$suite" "$FOLDER/chroot" "$FOLDER/log" "postgresql-$major" curl openssl ca-certificates init-system-helpers
}

if [[ ${1:-} != --inside ]]; then
    WHAT=${1:?what} MAJOR=${2:-}
    case $WHAT in
        switch) CHROOT=$("$ROOT/scripts/asterisk" folder empty) ;;
        *)
            SUITE=$WHAT OLD=
            if [[ $WHAT = source || $WHAT = from ]]; then
                OLD=$MAJOR SUITE=$(codename) MAJOR=$(pg_major_of "$(pg_config_path)")
            fi
            [[ $WHAT != from ]] || CAPCONDUIT_PACKAGES=$ROOT/.tools/packages/$OLD "$ROOT/scripts/package" of "$OLD"
            FOLDER=$ROOT/.tools/packages/$SUITE CHROOT=$ROOT/.tools/packages/$SUITE/chroot
            kept "$FOLDER" "empty, PostgreSQL $MAJOR and what the page installs at hand" empty_debian "$SUITE" "$MAJOR"
            ;;
    esac
    # What the walk changes lies above the folder, in memory, and goes with it. Its processes and its network are its own.
    exec unshare --mount --pid --net --fork --kill-child --propagation private \
        "$0" try --inside "$WHAT" "$CHROOT" "$MAJOR" "${OLD:-}"
fi

WHAT=$2 CHROOT=$3 MAJOR=$4 OLD=$5
ip link set lo up
AT=$(mktemp -d --tmpdir="${CHROOT%/*}")
trap 'umount --lazy --recursive "$AT" && rmdir "$AT"' EXIT
lay_over "$CHROOT" "$AT"
MACHINE=$AT/system
mount --rbind /dev "$MACHINE/dev"
# The stand-in is found before systemd's own; maintainer scripts ask for this folder.
mkdir -p "$MACHINE/run/systemd/system" "$MACHINE/packages"
install -m 755 "$ROOT/scripts/lib/systemctl" "$ROOT/scripts/lib/unit" "$MACHINE/usr/local/bin"
# dpkg's own path for maintainer scripts has no /usr/local.
[[ -e $MACHINE/usr/bin/systemctl ]] || ln -s /usr/local/bin/systemctl "$MACHINE/usr/bin/systemctl"
cp "$ROOT"/dist/*.deb "$MACHINE/packages"
# Only this major's extension, as somebody has it who needs one.
[[ -z $MAJOR ]] || find "$MACHINE/packages" -name 'postgresql-*' ! -name "postgresql-$MAJOR-*" -delete

# As an administrator types them, in one shell.
walk() {
    {
        echo 'set -eu'
        cat
        echo 'echo "walked to the end"'
    } >"$MACHINE/walk"
    chroot "$MACHINE" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive bash /walk | tee "$AT/said" || true
    grep -q '^walked to the end$' "$AT/said" || die "the walk ended before its end"
}

# said PATTERN WHAT: the walk must have said it.
said() { grep -q "$1" "$AT/said" || die "$2"; }

# From the database on: the same for packages and for source. The server's package would start it on a machine with systemd.
platform() {
    echo "pg_ctlcluster --skip-systemctl-redirect $MAJOR main start"
    blocks '## Debian packages' | sed '0,/^apt-get install /d'
    cat <<'END'
# Its user is nobody's, and root's environment is not the service's.
test "$(stat --format '%u' /proc/"$(cat /run/capconduit.service.started)")" = 61184
if grep -qz ^CAPCONDUIT_API_PASSWORD= /proc/"$(cat /run/capconduit.service.started)"/environ; then exit 1; fi
# What is written into the settings' file is read by root alone, as the file was installed.
test "$(stat --format '%U %a' /etc/capconduit/capconduit.env)" = 'root 600'
curl --silent --fail --header 'content-type: application/json' --output /dev/null \
    --data '{"username": "seller_alice", "password": "password"}' http://127.0.0.1:8080/api/auth/login
echo "logged in"
END
}

# An upgrade: the same files as a higher version, and an example that has changed. The service runs on until it is restarted.
upgrade() {
    cat <<'END'
rm -f /usr/sbin/policy-rc.d
for package in ./postgresql-*-capconduit_*.deb ./capconduit_*.deb; do
    rm -rf tree
    dpkg-deb --raw-extract "$package" tree
    sed -i 's/^Version: .*/Version: 999/' tree/DEBIAN/control
    for example in tree/usr/share/capconduit/*.env; do
        [ ! -e "$example" ] || echo '# changed' >>"$example"
    done
    dpkg-deb --root-owner-group -Znone --build tree "new-${package##*/}" >/dev/null
    rm "$package"
    mv "new-${package##*/}" "$package"
done
before=$(cat /etc/capconduit/capconduit.env; cat /run/capconduit.service.started)
cp /usr/local/bin/systemctl /tmp/systemctl
printf '#!/bin/sh\necho "systemctl $*" >>/tmp/asked\nexec /tmp/systemctl "$@"\n' >/usr/local/bin/systemctl
END
    # shellcheck disable=SC2016  # the walk's shell expands it
    blocks '### Upgrade' | sed '/^systemctl restart/i test "$before" = "$(cat /etc/capconduit/capconduit.env; cat /run/capconduit.service.started)"'
    cat <<'END'
test "$(grep -c restart /tmp/asked)" = 1
curl --silent --fail --retry 30 --retry-all-errors --retry-delay 1 http://127.0.0.1:8080/ready
END
}

removal() {
    cat <<'END'
test -L /etc/systemd/system/multi-user.target.wants/capconduit.service
dpkg --remove capconduit >/dev/null
test ! -e /run/capconduit.service.started
if curl --silent http://127.0.0.1:8080/health; then exit 1; fi
test -f /etc/capconduit/capconduit.env
dpkg --purge capconduit >/dev/null
test ! -e /etc/capconduit
test ! -L /etc/systemd/system/multi-user.target.wants/capconduit.service
END
    echo "dpkg --purge postgresql-$MAJOR-capconduit >/dev/null"
    cat <<'END'
echo "removed; the database is still there:"
runuser -u postgres -- psql --list --no-align --tuples-only | grep ^capconduit
# Whatever else bears the name, beside what the walk itself made. apt keeps the packages' names, and they are not installed.
left=$(find /etc /usr /var /run /lib /opt /srv /home /root -xdev -name '*capconduit*' ! -path '/var/log/*' ! -path '/var/cache/apt/*')
test -z "$left" || { echo "left behind: $left"; exit 1; }
if dpkg --get-selections | grep capconduit; then exit 1; fi
END
}

# Calls on one connection, as a switch has it: one after the other, routed, answered, recorded. Every answer is kept. The first
# error ends it.
traffic() {
    cat <<'END'
cat >/usr/local/bin/calls <<'CALLS'
#!/bin/bash
n=0
while [ ! -e /tmp/enough ]; do
    n=$((n + 1))
    echo "select 'routed', status from capconduit.route_call('+18005550101', '$1-$n');"
    echo "select 'answered', status from capconduit.call_answered('$1-$n');"
    echo "select 'recorded', status from capconduit.log_call('$1-$n', '+18005550101', 'ANSWERED');"
    sleep 0.02
done | PGPASSWORD=$CAPCONDUIT_ASTERISK_PASSWORD psql --no-psqlrc --quiet --no-align --tuples-only --set ON_ERROR_STOP=1 \
    --host 127.0.0.1 --username capconduit_asterisk capconduit >"/tmp/said.$1" 2>"/tmp/complaints.$1"
echo $? >"/tmp/ended.$1"
CALLS
chmod 755 /usr/local/bin/calls
records() { cat /tmp/said.* 2>/dev/null | grep -c '^recorded|logged$' || true; }
# go_on NUMBER: until so many more calls are recorded.
go_on() {
    local goal=$(($(records) + $1))
    for _ in $(seq 600); do
        [ "$(records)" -lt "$goal" ] || return 0
        sleep 0.1
    done
    tail /tmp/said.* /tmp/complaints.*
    return 1
}
administrator() { runuser -u postgres -- psql --quiet --no-align --tuples-only --dbname capconduit --command "$1"; }
administrator 'update capconduit.campaign_client_settings set total_calls_allowed = null'
END
}

# The release of before with calls on it, then the page's chapter, then what became of the calls and of the books.
over_the_old_one() {
    traffic
    cat <<'END'
test "$(administrator "select extversion from pg_extension where extname = 'capconduit'")" = "$OLD"
calls before-1 &
talking=$!
calls before-2 &
talking="$talking $!"
go_on 100
upgrading=$(records)
cd /packages
END
    # The old service is up until the restart, and each step has calls beside it.
    blocks '### Upgrade' | sed '/^\(apt-get\|runuser\|systemctl\) /a go_on 20'
    cat <<'END'
calls after &
talking="$talking $!"
go_on 100
touch /tmp/enough
wait $talking
cat /tmp/complaints.*
test "$(cat /tmp/ended.*)" = "$(printf '0\n0\n0')"
# No other answers than these three.
if grep -v -h -e '^routed|ok$' -e '^answered|ok$' -e '^recorded|logged$' /tmp/said.*; then exit 1; fi
calls=$(records)
echo "$calls calls, $((calls - upgrading)) of them since the upgrade began"
test "$(administrator "select count(*) from capconduit.call_logs where asterisk_uniqueid ~ '^(before|after)-' and counted")" = "$calls"
test "$(administrator 'select count(*) from capconduit.verify_counters()')" = 0
test "$(administrator "select count(*) from capconduit.live_calls where uniqueid ~ '^(before|after)-'")" = 0
test "$(administrator "select extversion from pg_extension where extname = 'capconduit'")" = "$(dpkg-query --show --showformat '${Version}' capconduit | sed 's/[~+-].*//')"
curl --silent --fail --retry 30 --retry-all-errors --retry-delay 1 http://127.0.0.1:8080/ready
(set -a; . /etc/capconduit/capconduit.env; capconduit doctor)
END
}

case $WHAT in
    from)
        mkdir "$MACHINE/packages/old"
        cp "$ROOT/.tools/packages/$OLD"/*.deb "$MACHINE/packages/old"
        {
            echo "OLD=$OLD"
            echo 'cd /packages/old'
            blocks '## Debian packages' | sed -n '0,/^apt-get install /p'
            platform
            over_the_old_one
        } | walk
        said '^0 wrong' "the doctor is not content"
        ;;
    switch)
        {
            echo 'cd /packages'
            blocks '## A switch'
            cat <<'END'
for _ in $(seq 600); do
    asterisk -rx 'core waitfullybooted' 2>&1 | grep -q 'fully booted' && break
    sleep 0.1
done
asterisk -rx 'core show settings'
asterisk -rx 'pjsip show identifies'
asterisk -rx 'dialplan show from-trunk-a'
asterisk -rx 'odbc show all'
stat --format '%U %G %a %n' /etc/capconduit/asterisk/site/database.conf /etc/capconduit/node.env /var/spool/asterisk/capconduit
for _ in $(seq 600); do
    if exec 3<>/dev/tcp/127.0.0.1/9465; then
        printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3
        cat <&3 >/tmp/health
        grep -q database /tmp/health && break
    fi 2>/dev/null
    sleep 0.1
done
cat /tmp/health
echo
stat --format 'agent: %U' /proc/"$(cat /run/capconduit-node.service.started)"
# The files of the package's own are left alone, and so are the operator's when the package is installed again.
if dpkg --verify asterisk-config | grep ' /etc/asterisk/'; then exit 1; fi
echo '; ours' >>/etc/capconduit/asterisk/site/trunks.conf
dpkg --install ./capconduit-asterisk_*.deb >/dev/null
grep -q '^; ours' /etc/capconduit/asterisk/site/trunks.conf
rm -f /usr/sbin/policy-rc.d
dpkg --purge capconduit-asterisk capconduit >/dev/null
test ! -e /etc/capconduit
test -d /var/spool/asterisk/capconduit
id capconduit-node >/dev/null
END
        } | walk
        said 'Configuration directory: */etc/capconduit/asterisk$' "Asterisk does not read the package's configuration"
        said 'System name: *pbx1' "Asterisk has another name"
        said '192.0.2.0/28' "the example's trunk is not there"
        said 'capconduit-inbound' "the dialplan is not there"
        said 'Name: *capconduit-realtime' "the database is not configured"
        said 'root asterisk 640 .*database.conf' "the password's file has another mode"
        said 'root root 600 .*node.env' "the agent's settings have another mode"
        said 'asterisk asterisk 2770 ' "the spool has another mode"
        # It sees Asterisk; the database is not there.
        said '"database"' "the agent does not miss the database"
        ! grep -q '"asterisk":' "$AT/said" || die "the agent does not reach Asterisk"
        said 'agent: capconduit-node' "the agent runs as somebody else"
        ;;
    source)
        # What `make install` put there; its page names the units' and the examples' places.
        DESTDIR=$MACHINE PG_CONFIG=$(pg_config_path) "$ROOT/scripts/build" install >/dev/null
        {
            echo "apt-get install -y postgresql-$MAJOR curl openssl ca-certificates >/dev/null"
            blocks '## From source' | sed '0,/^sudo make install/d'
            # The page goes on with its first chapter.
            platform | sed 's#/usr/share/capconduit#/usr/local/share/capconduit#'
        } | walk
        ;;
    *)
        {
            echo 'cd /packages'
            blocks '## Debian packages' | sed -n '0,/^apt-get install /p'
            platform
            upgrade
            removal
        } | walk
        ;;
esac
if [[ $WHAT != switch ]]; then
    said '^ ok .*PJSIP/' "no call was routed"
    said '^logged in$' "nobody was logged in"
fi
