# shellcheck shell=bash
# Sourced. Owns: how a folder with another Debian release in it is made from this machine's own mirror, kept for the next
# time, and lent as a machine with a disk of its own. Nothing of it is installed in the system. Root is needed.

KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The machine's own mirror. The one-line form is `deb [options] URI suite …`, the other has a line `URIs: URI …`.
mirror() {
    { cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} 2>/dev/null || true; } |
        sed -nE 's#^(deb +(\[[^]]*\] +)?|URIs: *)([a-z+]+://[^ ]*/debian)/?( .*)?$#\3#p' | head -n 1
}

# mmdebstrap does not read the machine's apt settings; those that decide whether a mirror can be used are handed on.
apt_settings() {
    apt-config dump | sed -nE 's/^(Acquire::(Check-Valid-Until|Check-Date|(http|https)::Proxy|Retries) .*)$/--aptopt=\1/p'
}

# make_chroot SUITE FOLDER PACKAGES LOG [mmdebstrap's further options…]: packages with commas between. Complete or not there.
make_chroot() {
    local suite=$1 folder=$2 packages=$3 log=$4 from
    local -a settings
    shift 4
    ((EUID == 0)) || die "a chroot needs root: run this as root or with sudo"
    command -v mmdebstrap >/dev/null || die "mmdebstrap is missing: scripts/setup call installs it"
    [[ -f $KEYRING ]] || die "$KEYRING is missing: apt-get install debian-archive-keyring"
    from=$(mirror)
    [[ -n $from ]] || die "no Debian mirror is configured on this machine: the folder's packages come from there"
    mapfile -t settings < <(apt_settings)
    rm -rf "$folder.new"
    mmdebstrap --variant=essential --mode=root --components=main --keyring="$KEYRING" "${settings[@]}" \
        --aptopt='APT::Install-Recommends "false"' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io "$@" \
        ${packages:+--include="$packages"} "$suite" "$folder.new" "$from" >"$log" 2>&1 || return 1
    # One by another recipe.
    rm -rf "$folder"
    mv "$folder.new" "$folder"
}

# make_empty SUITE FOLDER LOG PACKAGES…: a Debian in which none of the packages is installed. Its apt has them in its cache, so
# installing them needs no network. No package starts a service there.
make_empty() {
    local suite=$1 folder=$2 log=$3
    shift 3
    make_chroot "$suite" "$folder" adduser "$log" --variant=apt --aptopt='APT::Get::Assume-Yes "true"' \
        --aptopt='Acquire::Check-Valid-Until "false"' --skip=cleanup/apt \
        --customize-hook="APT_CONFIG=\"\$MMDEBSTRAP_APT_CONFIG\" apt-get --quiet --download-only install $*" || return
    printf '#!/bin/sh\nexit 101\n' >"$folder/usr/sbin/policy-rc.d"
    chmod 755 "$folder/usr/sbin/policy-rc.d"
}

# kept FOLDER RECIPE COMMAND…: runs the command, which fills the folder, unless a run by the same recipe has finished there.
# One process at a time.
kept() (
    folder=$1 recipe=$2
    shift 2
    mkdir -p "$folder"
    exec 9>"$folder/lock"
    flock 9
    [[ $(cat "$folder/complete" 2>/dev/null) != "$recipe" ]] || exit 0
    rm -f "$folder/complete"
    "$@" || {
        tail -n 3 "$folder/log" >&2
        die "it could not be got from the Debian mirror; the log is $folder/log"
    }
    echo "$recipe" >"$folder/complete"
)

# lay_over LOWER FOLDER: FOLDER/system is LOWER with a disk of its own above it, in memory. To be called in a mount
# namespace of its own: what was written there is gone with its processes.
lay_over() {
    mount -t tmpfs tmpfs "$2"
    mkdir "$2"/{new,work,system}
    mount -t overlay -o "lowerdir=$1,upperdir=$2/new,workdir=$2/work" overlay "$2/system"
    mount -t proc proc "$2/system/proc"
}
