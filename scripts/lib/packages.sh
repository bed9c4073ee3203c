# shellcheck shell=bash
# Sourced by scripts/package. Debian packages of what is built. Owns: which file goes where, with which mode. One build gives the same
# bytes each time; a release is built without this machine's paths in it, so the same commit and compiler give the same bytes in any
# folder.

# put MODE FILE PLACE: a file in the package that is being made.
put() { install -D -m "$1" "$2" "$TREE$3"; }

# stripped FILE MODE PLACE: without what only a debugger reads. The linker's build id depends on that, too: it is replaced by one
# of what is left. (Taken away, it would take the read-only relocations with it: strip writes all program headers anew.)
stripped() {
    local file=$TREE$3 at id
    put "$2" "$1" "$3"
    strip --strip-unneeded --remove-section=.comment "$file"
    at=$(readelf --wide --section-headers "$file" | sed -nE 's/.* \.note\.gnu\.build-id +NOTE +[0-9a-f]+ ([0-9a-f]+) .*/\1/p')
    [[ -n $at ]] || die "no build id in $1"
    # Behind the note's own header: 20 bytes.
    at=$((16#$at + 16))
    dd if=/dev/zero of="$file" bs=1 seek="$at" count=20 conv=notrunc status=none
    id=$(sha1sum "$file" | cut -c 1-40 | sed 's/../\\x&/g')
    printf '%b' "$id" | dd of="$file" bs=1 seek="$at" count=20 conv=notrunc status=none
    readelf --wide --segments "$file" | grep -q GNU_RELRO || die "stripped, $1 has lost its read-only relocations"
    # A release holds no path of the machine that built it.
    if [[ -n ${CAPCONDUIT_RELEASE:-} ]] && grep -qaF -e "$ROOT/" -e "${CARGO_HOME:-$HOME/.cargo}/" "$file"; then
        die "paths of this machine are in $1: $(strings "$file" | grep -F -e "$ROOT/" -e "${CARGO_HOME:-$HOME/.cargo}/" | head -n 3)"
    fi
}

# The oldest libc that has every symbol that the program asks for.
glibc_of() {
    local version
    version=$(objdump -T "$1" | grep -oE 'GLIBC_[0-9.]+' | sed 's/GLIBC_//' | sort -Vu | tail -n 1) || true
    [[ -n $version ]] || die "no version of libc was found in $1"
    echo "$version"
}

# What dpkg-gencontrol counts: files in whole KiB, and one for each folder.
installed_size() {
    find "$1" -mindepth 1 -path "$1/DEBIAN" -prune -o -type f -printf '%s\n' -o -printf '1\n' |
        awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }'
}

# begin NAME: an empty tree.
begin() {
    TREE=$WORK/$1
    mkdir -p "$TREE/DEBIAN"
}

# The crates in a program, each with its licence; and the licence's text where it is not the Apache License, which Debian has.
# third_parties CARGO-PACKAGE [FEATURES…]
third_parties() {
    local name version license path file
    printf '\nIts program holds the Rust crates of this list, too. Where one offers the Apache License 2.0, that one is used;\n'
    printf 'the texts of other licences follow.\n\n'
    # "name vVERSION", a folder for those of this project, which are not listed.
    (cd "$FROM" && cargo tree --locked --package "$@" --edges normal,no-proc-macro --prefix none --format '{p}|{l}') |
        sed 's/ (\*)//' | grep -v "($FROM" | sort -u >"$WORK/crates"
    sed -E 's/^([^ ]*) v([^| ]*)[^|]*\|(.*)/ \1 \2: \3/' "$WORK/crates"
    while IFS='|' read -r name license; do
        [[ $license != *Apache-2.0* ]] || continue
        version=${name#* v} name=${name%% *}
        path=$(compgen -G "${CARGO_HOME:-$HOME/.cargo}/registry/src/*/$name-${version%% *}" | head -n 1) || true
        [[ -n $path ]] || die "the sources of the crate $name $version are not there: its licence is wanted"
        for file in "$path"/{LICENSE,LICENCE,COPYING,UNLICENSE}*; do
            [[ -f $file ]] || continue
            printf '\n-- %s %s, %s:\n\n' "$name" "${version%% *}" "${file##*/}"
            tr -d '\r' <"$file"
        done
    done <"$WORK/crates"
}

# The tool that lists crates as CycloneDX does; got at the first time.
need_cyclonedx() {
    PATH=$PATH:$ROOT/.tools/bin
    cargo cyclonedx --version >/dev/null 2>&1 && return
    say "installing cargo-cyclonedx into .tools: it lists the crates in a program"
    env -u RUSTFLAGS -u CARGO_TARGET_DIR cargo install --locked --quiet --root "$ROOT/.tools" --version 0.5.9 cargo-cyclonedx
}

# bill NAME FOLDER [FEATURES…]: the crates in a program of this folder, as a list for machines (CycloneDX), in the package and
# beside it. What `third_parties` has found must be in it; macros, which are in no program, are in it besides.
bill() {
    local name=$1 folder=$2 crate sources=$WORK/sources
    shift 2
    need_cyclonedx
    # The tool writes beside each manifest.
    rm -rf "$sources"
    mkdir "$sources"
    tar -c -C "$FROM" Cargo.toml Cargo.lock rust-toolchain.toml api migrations pg_ext tests | tar -x -C "$sources"
    (cd "$sources" && cargo cyclonedx --quiet --manifest-path "$folder/Cargo.toml" --format json --spec-version 1.5 --no-build-deps \
        --override-filename bill "$@")
    sed "s#$sources#/capconduit#g" "$sources/$folder/bill.json" >"$WORK/bill"
    while IFS='| ' read -r crate version _; do
        grep -qF "\"pkg:cargo/$crate@${version#v}\"" "$WORK/bill" || die "$crate $version is in $name and not in its list"
    done <"$WORK/crates"
    put 644 "$WORK/bill" "/usr/share/doc/$name/crates.cdx.json"
    install -m 644 "$WORK/bill" "$OUT/${name}_${VERSION}_$ARCHITECTURE.cdx.json"
    MADE+=("${name}_${VERSION}_$ARCHITECTURE.cdx.json")
}

# Debian's own form of a changelog has one entry, for this package; what changed is in the project's.
changelog() {
    gzip --best --no-name --stdout "$FROM/CHANGELOG.md" >"$WORK/changelog.gz"
    put 644 "$WORK/changelog.gz" "/usr/share/doc/$1/CHANGELOG.md.gz"
    {
        printf 'capconduit (%s) unstable; urgency=medium\n\n' "$VERSION"
        printf '  * What changed: CHANGELOG.md.gz, beside this file.\n\n'
        printf ' -- %s  %s\n' "$MAINTAINER" "$(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")"
    } | gzip --best --no-name >"$WORK/changelog.gz"
    put 644 "$WORK/changelog.gz" "/usr/share/doc/$1/changelog.gz"
}

# finish NAME FOLDER PROGRAM [MAJOR]: control files of deploy/debian/FOLDER, then the package.
finish() {
    local name=$1 from=$ROOT/deploy/debian/$2 file glibc
    glibc=$(glibc_of "$3")
    cat "$ROOT/deploy/debian/copyright" "$WORK/third-parties" >"$WORK/copyright"
    put 644 "$WORK/copyright" "/usr/share/doc/$name/copyright"
    changelog "$name"
    if [[ -f $from/overrides ]]; then
        sed "s/@MAJOR@/${4:-}/g" "$from/overrides" >"$WORK/overrides"
        put 644 "$WORK/overrides" "/usr/share/lintian/overrides/$name"
    fi
    sed -e "s/@MAJOR@/${4:-}/g; s/@VERSION@/$VERSION/g; s/@GLIBC@/$glibc/g" "$from/control" |
        sed "/^Section:/i Version: $VERSION\nArchitecture: $ARCHITECTURE\nMaintainer: $MAINTAINER\nPriority: optional\nInstalled-Size: $(installed_size "$TREE")" \
            >"$TREE/DEBIAN/control"
    for file in postinst prerm postrm; do
        [[ ! -f $from/$file ]] || put 755 "$from/$file" "/DEBIAN/$file"
    done
    [[ ! -f $WORK/conffiles ]] || mv "$WORK/conffiles" "$TREE/DEBIAN/conffiles"
    # dpkg knows the sums of conffiles otherwise.
    (cd "$TREE" && find . -path ./DEBIAN -prune -o -type f -printf '%P\n' | sort |
        grep -vxFf <(sed 's#^/##' DEBIAN/conffiles 2>/dev/null) | xargs -d '\n' md5sum >DEBIAN/md5sums)
    find "$TREE" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
    file=${name}_${VERSION}_$ARCHITECTURE.deb
    dpkg-deb --root-owner-group -Zxz --build "$TREE" "$OUT/$file" >/dev/null
    MADE+=("$file")
    say "$file"
}

# The extension's library for a major: this machine's own as `scripts/build` made it, others as `scripts/build major` makes them.
library_for() {
    if [[ $1 = "$OWN_MAJOR" ]]; then
        echo "$BUILT/libcapconduit.so"
    elif [[ -n ${CAPCONDUIT_RELEASE:-} ]]; then
        "$ROOT/scripts/build" major "$1" | tail -n 1
    else
        # As for this machine's own: the bindings would be compiled anew with each commit.
        env -u SOURCE_DATE_EPOCH "$ROOT/scripts/build" major "$1" | tail -n 1
    fi
}

package_extension() {
    local major=$1 library name=postgresql-$1-capconduit
    library=$(library_for "$major")
    begin "$name"
    stripped "$library" 644 "/usr/lib/postgresql/$major/lib/$(library_name)"
    ln -s "$(library_name)" "$TREE/usr/lib/postgresql/$major/lib/$OLD_LIBRARY_NAME"
    put 644 "$FROM/pg_ext/capconduit.control" "/usr/share/postgresql/$major/extension/capconduit.control"
    for file in "$FROM"/pg_ext/sql/capconduit--*.sql; do
        put 644 "$file" "/usr/share/postgresql/$major/extension/${file##*/}"
    done
    third_parties capconduit --no-default-features --features "pg$major" >"$WORK/third-parties"
    bill "$name" pg_ext --no-default-features --features "pg$major"
    finish "$name" postgresql "$library" "$major"
}

# unit NAME: packages have their programs in /usr/bin.
unit() {
    sed 's#/usr/local/bin/capconduit#/usr/bin/capconduit#' "$FROM/deploy/systemd/$1" >"$WORK/unit"
    put 644 "$WORK/unit" "/usr/lib/systemd/system/$1"
}

# Settings are examples in /usr/share: postinst copies them to /etc/capconduit where they are missing.
package_service() {
    local name
    begin capconduit
    stripped "$BUILT/capconduit" 755 /usr/bin/capconduit
    for name in capconduit.service capconduit-{doctor,purge}.{service,timer}; do
        unit "$name"
    done
    put 644 "$FROM/deploy/.env.example" /usr/share/capconduit/capconduit.env
    put 644 "$FROM/deploy/purge.env.example" /usr/share/capconduit/purge.env
    put 644 "$FROM/deploy/nginx/capconduit.conf" /usr/share/capconduit/nginx.conf
    put 644 "$FROM/sample_data.sql" /usr/share/capconduit/sample_data.sql
    if [[ $FROM = "$ROOT" ]]; then
        # 0.2.0 has none yet.
        mkdir "$WORK/man"
        "$BUILT/capconduit" man "$WORK/man"
        for name in "$WORK"/man/*.1; do
            gzip --best --no-name "$name"
            put 644 "$name.gz" "/usr/share/man/man1/${name##*/}.gz"
        done
    fi
    third_parties capconduit-api >"$WORK/third-parties"
    bill capconduit api
    finish capconduit capconduit "$BUILT/capconduit"
}

# The release's own files are conffiles in /etc/capconduit/asterisk; site/, which is the operator's, is an example.
package_switch() {
    local file place
    begin capconduit-asterisk
    unit capconduit-node.service
    put 644 "$ROOT/deploy/node.env.example" /usr/share/capconduit/node.env
    put 644 "$ROOT/deploy/debian/asterisk.service.conf" /usr/share/capconduit/asterisk.service.conf
    while read -r file; do
        if [[ $file = site/* ]]; then
            place=/usr/share/capconduit/asterisk/$file
        else
            place=/etc/capconduit/asterisk/$file
            echo "$place" >>"$WORK/conffiles"
        fi
        put 644 "$ROOT/asterisk/$file" "$place"
        # Asterisk looks for an included file in /etc/asterisk until it has read where else: the names are whole here.
        sed -i -e 's#/etc/asterisk#/etc/capconduit/asterisk#g' \
            -e 's#^\#include site/#\#include /etc/capconduit/asterisk/site/#' "$TREE$place"
    done < <(cd "$ROOT/asterisk" && find . -type f -printf '%P\n' | sort)
    sed -i -e 's/^; No \[directories\]: the defaults of the package are used. /; /' \
        -e '/^\[options\]$/i [directories]\nastetcdir => /etc/capconduit/asterisk\n' \
        "$TREE/etc/capconduit/asterisk/asterisk.conf"
    # No program is in it.
    : >"$WORK/third-parties"
    finish capconduit-asterisk asterisk "$BUILT/capconduit"
}

# make_packages [MAJOR…]
make_packages() {
    # Modes come from here, not from whoever calls; and sorting does not depend on the language.
    umask 022
    export LC_ALL=C TZ=UTC
    OUT=${CAPCONDUIT_PACKAGES:-$ROOT/dist}
    # Whose files and programs.
    FROM=$ROOT
    WORK=$(mktemp -d)
    trap 'rm -rf "$WORK"' EXIT
    ARCHITECTURE=$(dpkg --print-architecture)
    VERSION=$(sed -nE '/^\[workspace.package\]/,/^\[/s/^version = "(.*)"/\1/p' "$ROOT/Cargo.toml")
    MAINTAINER=${CAPCONDUIT_MAINTAINER:-Whoever built this package <nobody@example.invalid>}
    SOURCE_DATE_EPOCH=$(git -C "$ROOT" log -1 --format=%ct)
    DIRTY=$(git -C "$ROOT" status --porcelain --untracked-files=no)
    if [[ ${1:-} = of ]]; then
        VERSION=$2
        BUILT=$("$ROOT/scripts/build" release "$VERSION")
        FROM=$BUILT/source
    elif [[ -n ${CAPCONDUIT_RELEASE:-} ]]; then
        [[ -z $DIRTY ]] || die "a release is built from a commit; these files differ from it:"$'\n'"$DIRTY"
        [[ -n ${CAPCONDUIT_MAINTAINER:-} ]] || die "a release names who answers for it: CAPCONDUIT_MAINTAINER='Name <address>'"
        # A folder of its own: a build for tests has the paths, and would be made anew each time.
        export RUSTFLAGS="--remap-path-prefix=$ROOT=/capconduit --remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
        export CARGO_TARGET_DIR=$TARGET/package SOURCE_DATE_EPOCH
        TARGET=$CARGO_TARGET_DIR
    else
        VERSION=$VERSION~$(date --utc --date="@$SOURCE_DATE_EPOCH" +%Y%m%d.%H%M%S).$(git -C "$ROOT" rev-parse --short=12 HEAD)
        VERSION=$VERSION${DIRTY:++dirty}
    fi
    BUILT=${BUILT:-$TARGET/release}

    use_pg_config
    OWN_MAJOR=$(pg_major_of "$PGRX_PG_CONFIG_PATH")
    MAJORS=("$@")
    if [[ $FROM != "$ROOT" ]]; then
        MAJORS=("$OWN_MAJOR")
    else
        ((${#MAJORS[@]} > 0)) || MAJORS=("$OWN_MAJOR")
        scripts/build
    fi
    # After the build: crates with C in them would be compiled anew for it.
    export SOURCE_DATE_EPOCH
    mkdir -p "$OUT"
    # Packages of before; whatever else lies there stays.
    rm -f "$OUT"/{capconduit,capconduit-asterisk,postgresql-??-capconduit}_*.{deb,cdx.json} "$OUT/SHA256SUMS"
    MADE=()
    for major in "${MAJORS[@]}"; do
        package_extension "$major"
    done
    package_service
    [[ $FROM != "$ROOT" ]] || package_switch
    (cd "$OUT" && sha256sum -- "${MADE[@]}" >SHA256SUMS)
    say "in $OUT, with SHA256SUMS"
}
