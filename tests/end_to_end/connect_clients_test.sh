#!/usr/bin/env bash
# Calls the server over HTTP with what others have: curl, buf curl, and Connect's own clients.
# Usage: connect_clients_test.sh BINARY_DIRECTORY
set -euo pipefail

binaries=$1
# shellcheck source=tests/end_to_end/server.sh
source "$(dirname "$0")/server.sh"

http_port=$(free_port)
url=http://127.0.0.1:$http_port
start_server "$binaries/farebox-server" --data "$work/ledger" --listen 127.0.0.1:0 \
  --access keys --admin-key-file "$work/admin.key" --http-listen "127.0.0.1:$http_port"
export FAREBOX_SERVER=$address FAREBOX_API_KEY_FILE=$work/admin.key
ADMIN_KEY=$(cat "$work/admin.key")

printf 'item,prefix,rate_per_minute,initial_increment,increment\nOUTBOUND_CALL,44,0.02,60,60\n' >"$work/deck.csv"
farebox=$binaries/farebox
"$farebox" rates import standard "$work/deck.csv" >"$work/answer"
"$farebox" account create acme --currency USD --deck standard >"$work/answer"
"$farebox" credit acme 20 >"$work/answer"
"$farebox" --json key create router >"$work/answer" 2>&1
ROUTER_KEY=$(sed -n 's/.*"secret": "\(.*\)".*/\1/p' "$work/answer")
export ADMIN_KEY ROUTER_KEY

# post RPC JSON CURL-OPTIONS...: the answer, with the status as its last line.
post() {
  curl -sS -w '\n%{http_code}\n' -H 'Content-Type: application/json' -d "$2" "${@:3}" \
    "$url/farebox.v1.$1" >"$work/answer"
}
expect() { grep -qF -- "$1" "$work/answer" || fail "the answer has no $1"; }

echo "curl"
key="Authorization: Bearer $ROUTER_KEY"
post BillingService/GetBalance '{"account_id": "acme"}' -H "$key"
expect '"balance_micros":"20000000"'
expect 200
post BillingService/GetBalance '{"account_id": "acme"}'
expect '"code":"unauthenticated"'
expect 401
post BillingService/Authorize '{"account_id": "acme", "requested_seconds": 1.5}' -H "$key"
expect '"field":"requested_seconds"'
expect 400
post BillingService/GetBalance '{"account_id": "acme"}' -H "$key" --compressed
expect '"balance_micros":"20000000"'

echo "buf curl"
buf_curl() { # RPC JSON OPTIONS...
  (cd "$top/protos" && buf curl --schema . --protocol connect -H "$key" -d "$2" "${@:3}" \
    "$url/farebox.v1.$1") >"$work/answer" 2>&1
}
buf_curl BillingService/GetBalance '{"account_id": "acme"}' || fail "GetBalance"
expect '"balanceMicros": "20000000"'
! buf_curl BillingService/GetBalance '{"account_id": "nobody"}' || fail "nobody has a balance"
expect ACCOUNT_NOT_FOUND
# A watch has no end of its own.
(cd "$top/protos" && exec buf curl --schema . --protocol connect -H "$key" \
  -d '{"account_id": "acme", "from_entry_id": 1}' "$url/farebox.v1.BillingService/WatchAccount") \
  >"$work/answer" 2>&1 &
watching_pid=$!
await "a watch shows the credit" grep -qF ENTRY_KIND_CREDIT "$work/answer"
kill "$watching_pid"
wait "$watching_pid" || true

echo "connect-node and connect-web"
protoc -I "$top/protos" --include_imports --descriptor_set_out="$work/descriptors" \
  "$top"/protos/farebox/v1/*.proto "$top"/protos/google/rpc/*.proto
timeout 60 node "$top/tests/end_to_end/connect_client/calls.mjs" "$url" "$work/descriptors" \
  "$top/.cache/connect-client" >"$work/answer" 2>&1 || fail "a client does not get on with it"

stop_server
echo "all as it should be"
