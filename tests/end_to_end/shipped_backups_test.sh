#!/usr/bin/env bash
# Ships backups to another place with the command that docs/operations.md names, while calls go on;
# breaks a transfer off, and restores what was shipped.
# Usage: shipped_backups_test.sh BINARY_DIRECTORY
set -euo pipefail

binaries=$1
# shellcheck source=tests/end_to_end/server.sh
source "$(dirname "$0")/server.sh"

# What Debian's rsync does by itself only where the other place is another machine.
read -r -a shipping < <(sed -n 's|.*ExecStart=/usr/bin/rsync \(--.*\) /backup.*|\1|p' \
  "$top/docs/operations.md")
((${#shipping[@]} > 0)) || fail "docs/operations.md names no rsync"
shipping+=(--no-whole-file)

start_on() { # DIRECTORY
  start_server "$binaries/farebox-server" --data "$1" --listen 127.0.0.1:0 \
    --backup-directory "$work/backups"
  export FAREBOX_SERVER=$address
}
calls() { # SECONDS
  "$binaries/farebox-load" --server "$FAREBOX_SERVER" --operation debit --outstanding 16 \
    --seconds "$1" --warmup 0 >>"$work/log" 2>&1 || fail "calls beside a backup"
}
back_up() { "$binaries/farebox" backup --to hourly.db --update >>"$work/log" 2>&1 || fail "a backup"; }
fingerprint() { # FILE
  "$binaries/farebox" verify --data "$1" | tee -a "$work/log" | grep -io '[0-9a-f]\{64\}' || true
}

mkdir "$work/backups" "$work/vault"
start_on "$work/ledger"
"$binaries/farebox-load" --server "$FAREBOX_SERVER" --prepare >>"$work/log" 2>&1
calls 1
calls 3 &
callers=$!
back_up
rsync "${shipping[@]}" "$work/backups/hourly.db" "$work/vault/"
wait "$callers" || fail "calls beside shipping"
first=$(fingerprint "$work/vault/hourly.db")
[[ -n $first ]] || fail "what was shipped is not verified"

# The next one breaks off on its way: what was there before is still whole.
calls 1
back_up
rsync "${shipping[@]}" --bwlimit=100 "$work/backups/hourly.db" "$work/vault/" &
transfer=$!
has_begun() { compgen -G "$work/vault/.hourly*" >/dev/null; }
await "the transfer begins, and not in place" has_begun
kill "$transfer"
wait "$transfer" 2>/dev/null && fail "the transfer was not broken off"
[[ $(fingerprint "$work/vault/hourly.db") == "$first" ]] || fail "half a transfer spoiled the copy"

rsync "${shipping[@]}" "$work/backups/hourly.db" "$work/vault/"
second=$(fingerprint "$work/vault/hourly.db")
[[ -n $second && $second != "$first" ]] || fail "the news was not shipped"

# The machine is lost; a new one begins with what was shipped.
kill -9 "$server_pid"
wait "$server_pid" 2>/dev/null || true
"$binaries/farebox" restore "$work/vault/hourly.db" --data "$work/new" >"$work/answer" 2>&1 ||
  fail "restore"
grep -qi "$second" "$work/answer" || fail "the restored ledger is another"
start_on "$work/new"
"$binaries/farebox" verify >>"$work/log" 2>&1 || fail "the restored ledger is not good"
calls 1
echo "PASSED: shipped twice, broken off once, restored"
