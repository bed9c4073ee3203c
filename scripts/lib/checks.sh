# shellcheck shell=bash
# Sourced by lint and test. Owns: which checks read the sources, and what packages are made from them. All of them run,
# whatever the first one says.

# check_sources [full]: full also installs cargo-deny and pgxn_meta when they are missing (some minutes), and needs them.
check_sources() {
    suite 'formatting' cargo fmt --all --check
    suite 'clippy' check_clippy
    suite 'scripts' check_scripts
    suite 'modules' scripts/lint modules
    if [[ ${1:-} = full ]] && ! deny --version >/dev/null 2>&1; then
        say "installing cargo-deny into .tools: it checks what we depend on, and under which licences"
        cargo install --locked --quiet --no-default-features --root "$ROOT/.tools" cargo-deny ||
            warn "cargo-deny could not be installed"
    fi
    if [[ ${1:-} = full ]] || deny --version >/dev/null 2>&1; then
        suite 'dependencies' deny --all-features check bans licenses sources
    else
        say "dependencies: not checked without cargo-deny (make test-full installs it)"
    fi
    if [[ ${1:-} = full && ! -x $ROOT/.tools/bin/pgxn_meta ]]; then
        say "installing pgxn_meta into .tools: it checks META.json"
        cargo install --locked --quiet --root "$ROOT/.tools" pgxn_meta || warn "pgxn_meta could not be installed"
    fi
    if [[ ${1:-} = full || -x $ROOT/.tools/bin/pgxn_meta ]]; then
        suite 'META.json' check_meta
    else
        say "META.json: not checked without pgxn_meta (make test-full installs it)"
    fi
    suite 'schema.sql' scripts/generate schema check
    suite 'openapi.json' scripts/generate openapi check
    suite 'alerts' check_alerts
}

# check_meta: PGXN's description of the extension, with PGXN's own validator.
check_meta() { PATH=$PATH:$ROOT/.tools/bin pgxn_meta META.json; }

check_alerts() {
    local promtool=$ROOT/.tools/prometheus/usr/bin/promtool
    "$promtool" check config deploy/prometheus/prometheus.yml &&
        "$promtool" test rules deploy/prometheus/alerts_test.yaml
}

check_clippy() {
    cargo clippy --locked --quiet --workspace --exclude capconduit --all-targets -- --deny warnings &&
        cargo clippy --locked --quiet --package capconduit "${EXTENSION_FEATURES[@]}" -- --deny warnings
}

check_scripts() {
    local -a scripts
    mapfile -t scripts < <(git ls-files --cached --others --exclude-standard |
        xargs -d '\n' grep -lIE '^#!.*\b(ba)?sh\b|^# shellcheck shell=' --)
    shellcheck --external-sources "${scripts[@]}"
}

deny() { PATH=$PATH:$ROOT/.tools/bin cargo deny "$@"; }

# check_packages MAJORS…: packages, into dist/; and once more by somebody with another umask, language and clock, into a folder in which another
# package lies: the same bytes, and that one is left alone.
check_packages() {
    local again status=0
    scripts/package "$@" || return
    again=$(mktemp -d)
    touch "$again/other_1_all.deb"
    (umask 077 && LC_ALL=C.UTF-8 TZ=Asia/Tokyo CAPCONDUIT_PACKAGES=$again scripts/package "$@") || status=1
    if ! diff dist/SHA256SUMS "$again/SHA256SUMS"; then
        warn "one build made two kinds of packages: dist and $again"
        return 1
    fi
    [[ -e $again/other_1_all.deb ]] || status=1
    (cd dist && sha256sum --quiet --check SHA256SUMS) || status=1
    rm -r "$again"
    return "$status"
}

# Debian's own critic of packages, in a folder with the stable release's. Whatever it says that no override explains fails.
check_lintian() (
    # shellcheck source=scripts/lib/chroot.sh
    . "$ROOT/scripts/lib/chroot.sh"
    folder=$ROOT/.tools/lintian
    kept "$folder" "lintian of trixie" make_chroot trixie "$folder/chroot" lintian "$folder/log" || return
    rm -rf "$folder/chroot/packages"
    mkdir "$folder/chroot/packages"
    cp dist/*.deb "$folder/chroot/packages"
    # Long names: those of packages that are no release tell the commit.
    # shellcheck disable=SC2016  # the inner shell expands it
    said=$(chroot "$folder/chroot" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 HOME=/root sh -c \
        'cd /packages && exec lintian --allow-root --display-info --pedantic --show-overrides --fail-on error \
            --suppress-tags package-has-long-file-name ./*.deb') || return
    echo "$said"
    # Overrides are shown with an O.
    ! grep -qE '^[EWIP]: ' <<<"$said"
)
