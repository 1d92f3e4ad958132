#!/usr/bin/env bash
# Plays demo calls and texts against the real server, kills it meanwhile, and looks whether the
# drivers find the books right; and wrong, where they are told wrong prices.
# Usage: drivers_end_to_end_test.sh DIRECTORY_OF_BINARIES DIRECTORY_OF_DEMO_DATA
set -euo pipefail

binaries=$1
demo=$2
work=$(mktemp -d)
trap 'kill "${server_pid:-}" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

# start LISTEN: returns when the server takes calls.
start() {
  rm -f "$work/port"
  "$binaries/farebox-server" --data "$work/ledger" --listen "$1" --port-file "$work/port" \
    >>"$work/log" 2>&1 &
  server_pid=$!
  for _ in $(seq 300); do
    [[ -s $work/port ]] && return
    sleep 0.1
  done
  echo "FAILED: the server does not start" >&2
  cat "$work/log" >&2
  exit 1
}
end_and_start() { # SIGNAL
  kill "-$1" "$server_pid"
  wait "$server_pid" 2>/dev/null || true
  start "$address"
}
fail() {
  echo "FAILED: $1" >&2
  cat "$work/report" >&2
  exit 1
}

start 127.0.0.1:0
address=127.0.0.1:$(cat "$work/port")
accounts=(--server "$address" --accounts-setup)
common=("${accounts[@]}" --deck-csv "$demo/deck.csv")

echo "calls, while the server is killed twice"
"$binaries/farebox-call-router" "${common[@]}" --import-deck --log "$demo/calls.csv" --limit 3000 \
  --opening-balance 2 --crash-rate 0.01 --repeat-rate 0.05 --interim-rate 0.1 \
  --balance-rate 0.05 --hold-ttl 5 --await-expiry >"$work/report" 2>&1 &
router_pid=$!
for _ in 1 2; do
  sleep 0.7
  end_and_start KILL
done
wait "$router_pid" || fail "the call router found problems"
grep -q "The books balance and the history holds" "$work/report" || fail "no verdict"

for by in unary batch stream; do
  echo "texts by $by"
  "$binaries/farebox-sms-gateway" "${common[@]}" --log "$demo/texts.csv" --limit 1000 --by "$by" \
    --opening-balance 0.2 --repeat-rate 0.1 >"$work/report" 2>&1 ||
    fail "the gateway found problems by $by"
done

echo "texts, while the server is restarted under the one caller that makes their accounts"
"$binaries/farebox-sms-gateway" "${common[@]}" --log "$demo/texts.csv" --limit 500 \
  >"$work/report" 2>&1 &
gateway_pid=$!
sleep 0.1
end_and_start TERM
wait "$gateway_pid" || fail "the gateway found problems"

echo "calls at a speed, on accounts that have played before"
"$binaries/farebox-call-router" "${common[@]}" --log "$demo/calls.csv" --limit 100 --speed 1000 \
  >"$work/report" 2>&1 || fail "the call router found problems at a speed"

echo "wrong prices are noticed"
sed 's/^\(OUTBOUND_CALL,[^,]*,.*\),6,6,/\1,6,7,/' "$demo/deck.csv" >"$work/wrong.csv"
status=0
"$binaries/farebox-call-router" "${accounts[@]}" --deck-csv "$work/wrong.csv" \
  --log "$demo/calls.csv" --limit 300 >"$work/report" 2>&1 || status=$?
[[ $status -eq 1 ]] || fail "the exit code is $status"
grep -q "THERE ARE PROBLEMS" "$work/report" || fail "no verdict"

echo "passed"
