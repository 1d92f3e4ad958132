#!/usr/bin/env bash
# Makes the Debian package and installs, runs, upgrades, removes and purges it, on a copy of this
# machine's root that nobody else sees and that is gone afterwards.
# Usage: package_test.sh BUILD_DIRECTORY
set -euo pipefail

build=$1
if [[ -z ${FAREBOX_UNSHARED:-} ]]; then
  if [[ $(id -u) -ne 0 ]]; then
    echo "skipped: packages are installed by root"
    exit 77
  fi
  work=$(mktemp -d)
  # All mounts are those of a process of its own, and with it they go: nothing is left to delete.
  result=0
  FAREBOX_UNSHARED=$work unshare --mount --propagation private "$0" "$@" || result=$?
  rmdir "$work"
  exit $result
fi

work=$FAREBOX_UNSHARED
mount -t tmpfs tmpfs "$work"
trap 'kill "${server:-}" 2>/dev/null || true; wait' EXIT

fail() {
  echo "FAILED: $1" >&2
  cat "$work/output" >&2
  [[ ! -e $work/log ]] || cat "$work/log" >&2
  exit 1
}
quietly() { "$@" >"$work/output" 2>&1; }

# --- The package, and what judges it.
quietly cpack -G DEB --config "$build/CPackConfig.cmake" -B "$work" || fail "cpack"
package=$(echo "$work"/farebox_*.deb)
quietly lintian --fail-on error,warning --tag-display-limit 0 "$package" ||
  fail "lintian finds something"
for field in Depends Description Maintainer; do
  dpkg-deb --field "$package" $field >"$work/output"
  [[ -s $work/output ]] || fail "it has no $field"
done
for library in libgrpc++1.51 libsqlite3-0 libssl3 libcurl4; do
  dpkg-deb --field "$package" Depends | tee "$work/output" | grep -q "$library" ||
    fail "it does not say that it needs $library"
done

# --- A root of its own.
mkdir "$work/root" "$work/upper" "$work/work"
quietly mount -t overlay overlay "$work/root" \
  -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" || {
  echo "skipped: there are no overlays here"
  exit 77
}
mount -t proc proc "$work/root/proc"
mount -t tmpfs tmpfs "$work/root/tmp"
mount -t tmpfs tmpfs "$work/root/run"
mount -t tmpfs tmpfs "$work/root/dev"
for device in "null 1 3" "zero 1 5" "random 1 8" "urandom 1 9"; do
  read -r name major minor <<<"$device"
  mknod -m 0666 "$work/root/dev/$name" c "$major" "$minor"
done
cp "$package" "$work/root/tmp/farebox.deb"
inside() { chroot "$work/root" "$@"; }

quietly inside dpkg --install /tmp/farebox.deb || fail "dpkg --install"
[[ $(inside dpkg-query -W -f '${Status}' farebox) == "install ok installed" ]] ||
  fail "it is not installed"
inside getent passwd farebox >"$work/output" || fail "there is no user farebox"
grep -q "/usr/sbin/nologin" "$work/output" || fail "its user can log in"
quietly inside systemd-analyze verify --man=yes farebox.service farebox.socket || fail "the unit is wrong"
# Tenths; of the systemd that is here.
quietly inside systemd-analyze security --offline=true --threshold=15 farebox.service ||
  fail "the unit lets it do more than it did"
for page in man1/farebox.1 man8/farebox-server.8; do
  inside man --warnings -E UTF-8 -l -Tutf8 "/usr/share/man/$page.gz" >"$work/page" \
    2>"$work/output" || fail "man $page"
  [[ -s $work/page && ! -s $work/output ]] || fail "man $page has warnings"
  zcat "$work/root/usr/share/man/$page.gz" | mandoc -T lint -W warning >"$work/output" ||
    fail "the manual page $page"
done
quietly inside bash -c '. /usr/share/bash-completion/completions/farebox && complete -p farebox' ||
  fail "no completion in bash"

# --- Runs as the unit has it, as far as that goes without systemd.
setting() { sed -n "s/^$1=//p" "$work/root/lib/systemd/system/farebox.service"; }
install -d -m "$(setting StateDirectoryMode)" "$work/root/var/lib/farebox"
chroot "$work/root" chown "$(setting User):$(setting Group)" /var/lib/farebox
start_server() {
  install -d -m 0777 "$work/root/run/farebox"
  local command
  umask "$(setting UMask)"
  read -r -a command <<<"$(setting ExecStart)"
  chroot "$work/root" setpriv --reuid "$(setting User)" --regid "$(setting Group)" --clear-groups \
    --no-new-privs --bounding-set=-all --inh-caps=-all --reset-env \
    "${command[@]}" --listen 127.0.0.1:0 --port-file /run/farebox/port \
    --http-listen 127.0.0.1:0 >"$work/log" 2>&1 &
  server=$!
  for _ in $(seq 300); do
    [[ -s $work/root/run/farebox/port ]] && break
    kill -0 $server 2>/dev/null || fail "it does not start"
    sleep 0.1
  done
  address=127.0.0.1:$(cat "$work/root/run/farebox/port")
}
stop_server() {
  kill $server
  wait $server || fail "it does not stop well"
  rm -f "$work/root/run/farebox/port"
}
farebox() {
  inside farebox --server "$address" --api-key-file /var/lib/farebox/admin.key "$@" \
    >"$work/answer" 2>&1 || { cat "$work/answer" >&2; fail "farebox $*"; }
}

start_server
! inside farebox --server "$address" status >"$work/output" 2>&1 ||
  fail "it answers whoever has no key"
farebox account create acme --currency USD
farebox credit acme 25
stop_server
[[ $(inside stat -c %U:%a /var/lib/farebox/journal.db) == farebox:600 ]] ||
  fail "others can read the ledger"

# --- An upgrade keeps settings and ledger, and the server that runs hands over to the new program.
start_server
echo 'log-level = "debug"' >>"$work/root/etc/farebox/farebox.toml"
dpkg-deb --raw-extract "$package" "$work/next"
sed -i 's/^Version: .*/&.1/' "$work/next/DEBIAN/control"
dpkg-deb -Znone --build "$work/next" "$work/root/tmp/next.deb" >"$work/output"
quietly inside dpkg --install /tmp/next.deb || fail "the upgrade"
inside dpkg-query -W -f '${Version}\n' farebox >"$work/output"
grep -q '\.1$' "$work/output" || fail "it is not the new version"
grep -q 'log-level' "$work/root/etc/farebox/farebox.toml" || fail "the settings are gone"
kill -USR2 $server
wait $server || fail "it does not hand over"
old=$server
server=
for _ in $(seq 300); do
  grep -q '"event":"listening".*' <(tail -n 1 "$work/log") && break
  sleep 0.1
done
server=$(sed -n 's/.*"handed_over".*"to":"\?\([0-9]*\).*/\1/p' "$work/log")
[[ -n $server && $server != "$old" ]] || fail "there is no successor"
[[ $(readlink "/proc/$server/exe") == */usr/bin/farebox-server ]] || fail "it is not the new program"
farebox balance acme
grep -q '25\.00' "$work/answer" || fail "the money is gone"
farebox verify
kill "$server"
while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
grep -q '"event":"drained"' <(tail -n 1 "$work/log") || fail "the successor does not stop well"
rm -f "$work/root/run/farebox/port"

# --- Removed, the settings stay; purged, only the ledger.
quietly inside dpkg --remove farebox || fail "dpkg --remove"
[[ ! -e $work/root/usr/bin/farebox-server ]] || fail "the program is still there"
[[ -e $work/root/etc/farebox/farebox.toml ]] || fail "the settings are gone with the program"
quietly inside dpkg --purge farebox || fail "dpkg --purge"
grep -q 'ledger in /var/lib/farebox is kept' "$work/output" || fail "it does not say what stays"
[[ ! -e $work/root/etc/farebox/farebox.toml ]] || fail "the settings are still there"
[[ -s $work/root/var/lib/farebox/journal.db ]] || fail "THE LEDGER IS GONE"

# --- And back.
quietly inside dpkg --install /tmp/farebox.deb || fail "installed once more"
start_server
farebox balance acme
grep -q '25\.00' "$work/answer" || fail "the money is gone"
stop_server
