#!/usr/bin/env bash
# Makes the root of the image as tools/packaging/Containerfile does, and runs in it what an engine would run,
# as the same user, with nothing else of this machine but its kernel.
# Usage: image_test.sh BINARY_DIRECTORY
set -euo pipefail

binaries=$1
if [[ -z ${FAREBOX_UNSHARED:-} ]]; then
  if [[ $(id -u) -ne 0 ]]; then
    echo "skipped: only root changes its root"
    exit 77
  fi
  work=$(mktemp -d)
  # Mounts and ports are those of a process of its own, and with it they go: nothing is left to delete.
  result=0
  FAREBOX_UNSHARED=$work unshare --mount --net --propagation private "$0" "$@" || result=$?
  rmdir "$work"
  exit $result
fi

top=$(dirname "$0")/../..
recipe=$top/tools/packaging/Containerfile
work=$FAREBOX_UNSHARED
mount -t tmpfs tmpfs "$work"
ip link set lo up
trap 'kill "${server:-}" 2>/dev/null || true; wait' EXIT

fail() {
  echo "FAILED: $1" >&2
  cat "$work/log" "$work/output" >&2
  exit 1
}

root=$work/root
"$top/tools/packaging/image_root" "$binaries" "$root" >"$work/output" 2>&1 || fail "image_root"
mkdir "$root/proc" "$root/dev"
mount -t proc proc "$root/proc"
for device in "null 1 3" "random 1 8" "urandom 1 9"; do
  read -r name major minor <<<"$device"
  mknod -m 0666 "$root/dev/$name" c "$major" "$minor"
done
[[ ! -e $root/bin/sh ]] || fail "there is a shell in it"

# What the recipe says: NAME=VALUE lines, and the words of a list.
mapfile -t environment < <(sed -n '/^ENV/,/[^\\]$/p' "$recipe" | grep -o '[A-Z_]*=[^ ]*')
words() { sed -n "/^$1/,/[^\\\\]\$/p" "$recipe" | grep -o '"[^"]*"' | tr -d '"'; }
mapfile -t entrypoint < <(words ENTRYPOINT)
mapfile -t health < <(words HEALTHCHECK)
user=$(sed -n 's/^USER //p' "$recipe")
[[ ${#environment[@]} -eq 5 && ${#entrypoint[@]} -eq 1 && ${#health[@]} -eq 4 ]] ||
  fail "the recipe is read wrongly"

as_in_image() { exec env -i "${environment[@]}" "$(command -v chroot)" --userspec="$user" "$root" "$@"; }

(as_in_image "${entrypoint[@]}") >"$work/log" 2>&1 &
server=$!
for _ in $(seq 300); do
  (as_in_image "${health[@]}") >"$work/output" 2>&1 && break
  kill -0 $server 2>/dev/null || fail "the server does not start"
  sleep 0.1
done
(as_in_image "${health[@]}") >"$work/output" 2>&1 || fail "it is not well"
for command in "account create acme --currency USD --time-zone America/New_York" "credit acme 25" "verify"; do
  # shellcheck disable=SC2086 # Words are what is wanted.
  (as_in_image "${health[@]:0:3}" $command) >"$work/output" 2>&1 || fail "$command"
done
kill $server
wait $server || fail "it does not stop well"
[[ -s $root/var/lib/farebox/journal.db ]] || fail "there is no ledger in its volume"
