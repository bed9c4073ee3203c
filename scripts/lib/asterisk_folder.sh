# shellcheck shell=bash
# Sourced by scripts/asterisk. Owns: the folder with Asterisk and SIPp: what is in it, where it comes from, when it is made anew.

# shellcheck source=scripts/lib/chroot.sh
. "$ROOT/scripts/lib/chroot.sh"

KEPT=$ROOT/.tools/asterisk
# Debian's stable releases have no Asterisk since 12; the next ones have 22.
SUITES=(forky sid)
PACKAGES=(asterisk asterisk-modules unixodbc odbc-postgresql sip-tester)
# Users that packages make get uids that nobody has on the machine; the usual ones are somebody else's here. The first is
# `asterisk`.
FIRST_UID=$ASTERISK_UID LAST_UID=61999
# The folder that is there is the wanted one when it was made by this.
RECIPE="${PACKAGES[*]}, users from $FIRST_UID on"

# A Debian without Asterisk. The users that its packages make will have our uids.
without_asterisk() {
    local suite=$1 folder=$2
    make_empty "$suite" "$folder" "$KEPT/log" "${PACKAGES[@]}" || return
    sed -i -E "s/^#? *(FIRST_SYSTEM_[UG]ID)=.*/\\1=$FIRST_UID/; s/^#? *(LAST_SYSTEM_[UG]ID)=.*/\\1=$LAST_UID/" \
        "$folder/etc/adduser.conf"
    sed -i -E "s/^#? *(SYS_[UG]ID_MIN)\\b.*/\\1 $FIRST_UID/; s/^#? *(SYS_[UG]ID_MAX)\\b.*/\\1 $LAST_UID/" "$folder/etc/login.defs"
}

# What a machine has on which they were installed.
install_packages() {
    # shellcheck disable=SC2016  # the inner shell expands these
    unshare --mount --propagation private sh -c '
        mount -t proc proc "$1/proc"
        export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
        folder=$1; shift
        exec chroot "$folder" apt-get --quiet --no-download install "$@"' sh "$1" "${PACKAGES[@]}" >>"$KEPT/log" 2>&1 &&
        [[ $(stat --format=%u "$1/var/lib/asterisk") = "$FIRST_UID" ]]
}

make_folder() {
    local suite
    for suite in "${SUITES[@]}"; do
        warn "making a folder with Asterisk and SIPp (Debian $suite) for real test calls: one or two minutes"
        rm -rf "$KEPT"/{empty,chroot}{,.new}
        if without_asterisk "$suite" "$KEPT/empty" && cp -a "$KEPT/empty" "$KEPT/chroot" &&
            install_packages "$KEPT/chroot"; then
            rm -rf "$KEPT"/chroot/var/{cache/apt,lib/apt/lists}/*
            # Where each instance finds its own folders mounted.
            mkdir -p "$KEPT/chroot/run/asterisk" "$KEPT"/chroot/srv/{database,sipp}
            return
        fi
    done
    return 1
}

folder() {
    case ${1:-} in
        delete)
            exec 9>"$KEPT/lock"
            flock 9
            rm -rf "$KEPT"/{complete,empty,chroot}{,.new}
            ;;
        '' | empty)
            kept "$KEPT" "$RECIPE" make_folder
            say "$KEPT/${1:-chroot}"
            ;;
        *) misused ;;
    esac
}
