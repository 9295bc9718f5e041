#!/bin/sh
# Installs the real servers the integration tests start, on a Debian machine, as root.
#
# Debian's mail servers conflict with one another, so Postfix is installed in the usual way, and Exim and OpenSMTPD
# are only unpacked under a prefix (MAILTLS_SERVERS, by default /var/cache/mailtls-servers). No daemon is started, and a
# second run that finds everything in place ends at once.
set -eu

prefix=${MAILTLS_SERVERS:-/var/cache/mailtls-servers}
installed="postfix unbound knot prometheus"
unpacked="exim4-base exim4-daemon-light opensmtpd"
policy=/usr/sbin/policy-rc.d

say() { printf 'install.sh: %s\n' "$*" >&2; }

runs() {  # whether a program is there and finds all its shared libraries
    [ -x "$1" ] && ! ldd "$1" 2>/dev/null | grep -q 'not found'
}

complete() {
    for program in /usr/sbin/postfix /usr/sbin/unbound /usr/sbin/knotd /usr/sbin/keymgr /usr/bin/prometheus \
        /usr/bin/promtool "$prefix/usr/sbin/exim4" "$prefix/usr/sbin/smtpd"; do
        runs "$program" || return 1
    done
    for user in Debian-exim opensmtpd opensmtpq; do
        getent passwd "$user" >/dev/null || return 1
    done
}

system_user() {
    getent group "$1" >/dev/null || groupadd --system "$1"
    getent passwd "$1" >/dev/null ||
        useradd --system --gid "$1" --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin "$1"
}

if complete; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    say "must run as root"
    exit 1
fi

export DEBIAN_FRONTEND=noninteractive
scratch=$(mktemp -d)
chmod 755 "$scratch"

restore() {  # puts the machine's own policy about starting daemons back as it was
    rm -f "$policy"
    if [ -e "$scratch/policy-rc.d" ] || [ -L "$scratch/policy-rc.d" ]; then
        mv "$scratch/policy-rc.d" "$policy"
    fi
    rm -rf "$scratch"
}
trap restore EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -e "$policy" ] || [ -L "$policy" ]; then
    mv "$policy" "$scratch/policy-rc.d"
fi
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

if ! complete; then
    say "something is still missing after the installation"
    exit 1
fi
