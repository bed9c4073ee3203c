# shellcheck shell=bash
# Sourced. Owns: how a folder with another Debian release in it is made from this machine's own mirror. Nothing of it is
# installed in the system. Root is needed.

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
    mv "$folder.new" "$folder"
}
