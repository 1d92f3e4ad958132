#!/bin/bash
# What a new user tries with the demo server: a card that is charged when the balance runs low, a
# card that is declined, and the mail about it.
set -euo pipefail

binaries=$1
demo_data=$2
directory=$(mktemp -d)
tools=$(dirname "$0")/../../tools
server=

fail() {
  echo "FAILED: $*" >&2
  cat "$directory/log" >&2
  exit 1
}

end() {
  [[ -z $server ]] || { kill "$server" && wait "$server"; } 2>/dev/null || true
  rm -rf "$directory"
}
trap end EXIT

# Waits until a command says what is expected.
await() {
  local expected=$1
  shift
  for _ in $(seq 600); do
    if "$@" 2>/dev/null | grep -q "$expected"; then return 0; fi
    sleep 0.1
  done
  fail "\"$*\" never said \"$expected\" but: $("$@" 2>&1)"
}

"$tools/demo_server" "$binaries" "$demo_data" "$directory/demo" --listen 127.0.0.1:0 \
  >"$directory/log" 2>&1 &
server=$!
await "Ctrl-C stops the server" cat "$directory/log"
# As somebody does who copies the lines that are shown.
(
  eval "$(grep -E '^  export ' "$directory/log")"
  farebox balance demo >/dev/null
) || fail "what is shown to be tried does not work"
farebox=("$binaries/farebox" --server "localhost:$(<"$directory/demo/port")")

register() { # a test card, on the provider's page
  local setup page
  setup=$("${farebox[@]}" card setup demo --json)
  page=$(sed -n 's/.*"url": "\([^"?]*\).*/\1/p' <<<"$setup")
  id=$(sed -n 's/.*"setup_id": "\([^"]*\).*/\1/p' <<<"$setup")
  curl -sf --data "setup_id=$id&token=$1" "$page" >/dev/null || fail "no page for a card: $setup"
  "${farebox[@]}" card complete demo "$id" >/dev/null
}

leave() { # 13.00 and no more
  local micros
  micros=$("${farebox[@]}" balance demo --json | sed -n 's/.*"balance_micros": "\(.*\)".*/\1/p')
  micros=$((micros - 13000000))
  "${farebox[@]}" debit demo --item adjustment \
    --amount "$((micros / 1000000)).$(printf %06d $((micros % 1000000)))" >/dev/null
}

# The link to the billing page, which is good once.
link=$(grep -o 'http://.*/sign-in#.*' "$directory/log")
page=${link%/sign-in*}
sign_in() {
  curl -s -o /dev/null -w '%{http_code}' -H 'content-type: application/json' \
    --data "{\"code\": \"${link#*#}\"}" "$page/session"
}
[[ $(sign_in) == 200 ]] || fail "the link does not sign in: $link"
[[ $(sign_in) == 401 ]] || fail "the link is good twice"
curl -sf --compressed -H 'accept: text/html' "$page/" | grep -q 'id="page"' || fail "there is no page"

await "outbound call" "${farebox[@]}" activity demo
register pm_card_visa
"${farebox[@]}" recharge set demo --amount 60 --below 15 --email you@example.org >/dev/null
leave
await "credited" "${farebox[@]}" recharge history demo
await "73.00" "${farebox[@]}" balance demo
await "funds-auto-recharge" "${farebox[@]}" activity demo

register pm_card_chargeDeclinedInsufficientFunds
"${farebox[@]}" debit demo --amount 60 --item adjustment >/dev/null
await "insufficient_funds" "${farebox[@]}" recharge history demo
await "you@example.org" cat "$directory/demo/mails/0001.eml"
"${farebox[@]}" recharge reconcile >/dev/null || fail "the books differ"
[[ $(ls "$directory/demo/mails" | wc -l) == 1 ]] || fail "more than one mail"

# It is repeated on the same files.
kill "$server" && wait "$server" || fail "the server did not end well"
"$tools/demo_server" "$binaries" "$demo_data" "$directory/demo" --listen 127.0.0.1:0 \
  >"$directory/log" 2>&1 &
server=$!
await "Ctrl-C stops the server" cat "$directory/log"
farebox=("$binaries/farebox" --server "localhost:$(<"$directory/demo/port")")
await "13.00" "${farebox[@]}" balance demo
echo "PASSED"
