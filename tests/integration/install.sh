#!/bin/sh
# Installs the real servers the integration tests start, and the scanners mailtls is compared with, on a Debian machine, as root.
#
# Debian's mail servers conflict with one another, so Postfix is installed in the usual way, and Exim and OpenSMTPD
# are only unpacked under a prefix (MAILTLS_SERVERS, by default /var/cache/mailtls-servers). No daemon is started, and a
# second run that finds everything in place ends at once. From PyPI come sslyze, a peer, and tlslite-ng, which still speaks what
# OpenSSL and GnuTLS have given up; they have a Python environment of their own under the prefix.
set -eu

prefix=${MAILTLS_SERVERS:-/var/cache/mailtls-servers}
installed="chromium fonts-dejavu-core systemd iproute2 sqlite3 prometheus-alertmanager postfix unbound dns-root-data knot nginx prometheus postgresql sslscan nmap gnutls-bin openssl python3-venv"
command -v kubectl >/dev/null || installed="$installed kubernetes-client"  # which others than Debian package, too, and in its way
unpacked="exim4-base exim4-daemon-light opensmtpd"
policy=/usr/sbin/policy-rc.d
environment=$prefix/sslyze
wanted=$(cd "$(dirname "$0")/../bench" && pwd)/peers-constraints.txt

say() { printf 'install.sh: %s\n' "$*" >&2; }

runs() {  # whether a program is there and finds all its shared libraries
    [ -x "$1" ] && ! ldd "$1" 2>/dev/null | grep -q 'not found'
}

packages_complete() {
    for program in /usr/lib/chromium/chromium /usr/sbin/postfix /usr/sbin/posttls-finger /usr/bin/unshare /usr/bin/nsenter /usr/bin/sqlite3 /usr/bin/systemd-analyze /usr/sbin/ip /usr/bin/amtool /usr/sbin/unbound /usr/sbin/knotd /usr/sbin/keymgr /usr/sbin/nginx /usr/bin/prometheus \
        /usr/bin/promtool /usr/bin/sslscan /usr/bin/nmap /usr/bin/gnutls-cli /usr/bin/gnutls-serv /usr/bin/openssl \
        "$prefix/usr/sbin/exim4" "$prefix/usr/sbin/smtpd"; do
        runs "$program" || return 1
    done
    runs "$(find /usr/lib/postgresql -path '*/bin/postgres' 2>/dev/null | head -n 1)" || return 1
    [ -e /usr/share/dns/root.key ] || return 1
    command -v kubectl >/dev/null || return 1
    for user in Debian-exim opensmtpd opensmtpq; do
        getent passwd "$user" >/dev/null || return 1
    done
}

environment_complete() {  # the environment keeps a copy of the list it was made from, written last
    [ -x "$environment/bin/sslyze" ] && cmp -s "$wanted" "$environment/constraints.txt"
}

system_user() {
    getent group "$1" >/dev/null || groupadd --system "$1"
    getent passwd "$1" >/dev/null ||
        useradd --system --gid "$1" --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$1"
}

install_packages() {
    if [ -e "$policy" ] || [ -L "$policy" ]; then
        mv "$policy" "$scratch/policy-rc.d"
    fi
    replaced=yes
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"

    apt-get -q update
    # shellcheck disable=SC2086  # the lists are meant to be split
    apt-get -q -y --no-install-recommends install $installed

    mkdir "$scratch/packages"
    chown _apt "$scratch/packages" 2>/dev/null || true
    # shellcheck disable=SC2086
    (cd "$scratch/packages" && apt-get -q download $unpacked)
    libraries=$(
        for package in "$scratch"/packages/*.deb; do
            dpkg-deb -f "$package" Depends
        done | tr ',' '\n' | sed -n 's/^ *\(lib[^ (|]*\).*/\1/p' | sort -u
    )
    # shellcheck disable=SC2086
    apt-get -q -y --no-install-recommends install $libraries

    mkdir -p "$prefix"
    for package in "$scratch"/packages/*.deb; do
        dpkg-deb -x "$package" "$prefix"
    done
    chmod -R u-s,g-s "$prefix"  # the tests start them as root; nobody else needs their powers
    chmod 755 "$prefix"

    for user in Debian-exim opensmtpd opensmtpq; do
        system_user "$user"
    done
}

make_environment() {
    rm -rf "$environment"
    mkdir -p "$prefix"
    /usr/bin/python3 -m venv "$environment"
    # sslyze comes as source alone, and what builds it shall be pinned as well.
    sed -n '/^setuptools==/,/[^\\]$/p' "$wanted" >"$scratch/setuptools.txt"
    for list in "$scratch/setuptools.txt" "$wanted"; do
        "$environment/bin/pip" -q --disable-pip-version-check install --no-build-isolation --require-hashes -r "$list"
    done
    cp "$wanted" "$environment/constraints.txt"
}

if packages_complete && environment_complete; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    say "must run as root"
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
scratch=$(mktemp -d)
chmod 755 "$scratch"
replaced=

restore() {  # puts the machine's own policy about starting daemons back as it was
    if [ -n "$replaced" ]; then
        rm -f "$policy"
    fi
    if [ -e "$scratch/policy-rc.d" ] || [ -L "$scratch/policy-rc.d" ]; then
        mv "$scratch/policy-rc.d" "$policy"
    fi
    rm -rf "$scratch"
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if ! packages_complete; then
    install_packages
fi
if ! environment_complete; then
    make_environment
fi
if ! packages_complete || ! environment_complete; then
    say "something is still missing after the installation"
    exit 1
fi
