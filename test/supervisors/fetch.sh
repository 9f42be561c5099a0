#!/bin/sh
# Real supervisors, units and monitoring plugins for the tests, from Debian's packages: unpacked into ./root, never installed, so that nothing of
# theirs runs on this machine but what a test starts. Works as any user; does nothing where all is there. Tests call root/bin/NAME
# and root/usr/lib/nagios/plugins/check_NAME.
set -eu

wanted='runit s6 supervisor libplist-utils monitoring-plugins-basic monitoring-plugins-common'
# For their units alone, in root/lib/systemd/system: prefixes, templates, Type=forking, optional environment files.
units='nginx-common redis-server postgresql-common openssh-server mosquitto cron'
# What they need beside libc and python3, which are on the machine. Libraries carry their version in their names.
needed='^(lib(s6|skarnet|execline|plist)[-0-9.]+|python3-pkg-resources)$'
tools='runsv sv s6-supervise s6-svstat supervisord plistutil'

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$here/root
[ "$(cat "$root/complete" 2>/dev/null)" = "$wanted $units: $tools" ] && exit 0

for program in apt-get apt-cache dpkg; do
  command -v "$program" >/dev/null && continue
  missing=
  for tool in $tools; do command -v "$tool" >/dev/null || missing="$missing $tool"; done
  [ -z "$missing" ] && exit 0
  echo "test/supervisors/fetch.sh: there is no $program here to get them with, and these are not on the PATH:$missing" >&2
  echo "Install runit, s6, supervisor and libplist; until then the tests that run real supervisors fail." >&2
  exit 0
done

work=$(mktemp -d "$here/.fetch-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir "$work/debs" "$work/root" "$work/lists" "$work/cache"

# The sandbox's user may not write into a home.
set -- -qq -o APT::Sandbox::User="$(id -un)" -o Acquire::Retries=2 -o Acquire::http::Timeout=30
fetch() {
  # shellcheck disable=SC2086
  names=$(apt-cache "$@" depends $wanted | awk '$1 ~ /Depends:$/ { print $2 }' | grep -E "$needed" | sort -u) &&
    (cd "$work/debs" && apt-get "$@" download $wanted $units $names)
}
# The machine's lists of packages may be missing or old: then lists of our own.
if ! fetch "$@" >"$work/log" 2>&1; then
  set -- "$@" -o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache"
  if ! { apt-get "$@" update && fetch "$@"; } >>"$work/log" 2>&1; then
    echo "test/supervisors/fetch.sh: could not get $wanted $units from Debian's packages:" >&2
    cat "$work/log" >&2
    exit 1
  fi
fi
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$work/root"; done

# usr/lib/x86_64-linux-gnu and its like
libraries=$(cd "$work/root" && find usr/lib -name 'libs6.so.*' | sed -n '1s:/[^/]*$::p')
mkdir "$work/root/bin"
for tool in $tools; do
  program=usr/bin/$tool
  [ -f "$work/root/$program" ] || program=usr/sbin/$tool
  if ! [ -f "$work/root/$program" ]; then
    echo "test/supervisors/fetch.sh: $tool is in none of these packages: $(cd "$work/debs" && echo *.deb)" >&2
    exit 1
  fi
  interpreter=
  [ "$(head -c 2 "$work/root/$program")" = '#!' ] && interpreter='/usr/bin/python3 '
  cat >"$work/root/bin/$tool" <<WRAPPER
#!/bin/sh
root=\$(CDPATH='' cd -- "\$(dirname -- "\$0")/.." && pwd)
export LD_LIBRARY_PATH="\$root/$libraries" PYTHONPATH="\$root/usr/lib/python3/dist-packages"
exec $interpreter"\$root/$program" "\$@"
WRAPPER
  chmod +x "$work/root/bin/$tool"
done

printf "%s" "$wanted $units: $tools" >"$work/root/complete"
rm -rf "$root"
mv "$work/root" "$root"
