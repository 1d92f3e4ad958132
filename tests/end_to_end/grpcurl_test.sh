#!/usr/bin/env bash
# Walks the API as support staff do, with grpcurl alone, against the real server.
# Usage: grpcurl_test.sh SERVER_BINARY
set -euo pipefail

server_binary=$1
# shellcheck source=tests/end_to_end/server.sh
source "$(dirname "$0")/server.sh"

start_server "$server_binary" --data "$work/ledger" --listen 127.0.0.1:0

# call METHOD JSON: keeps the answer, errors too.
call() { grpcurl -plaintext -d "$2" "$address" "farebox.v1.$1" >"$work/answer" 2>&1; }
# expect TEXT: the last answer has it.
expect() { grep -qF -- "$1" "$work/answer" || fail "the answer has no $1"; }

echo "list and describe"
grpcurl -plaintext "$address" list >"$work/answer"
expect farebox.v1.BillingService
expect farebox.v1.AccountService
grpcurl -plaintext "$address" describe farebox.v1.BillingService.Authorize >"$work/answer"
expect "rpc Authorize ( .farebox.v1.AuthorizeRequest )"

echo "a deck and an account"
deck=$(printf 'item,prefix,rate_per_minute,initial_increment,increment\nOUTBOUND_CALL,44,0.02,60,60\n' | base64 -w0)
call RateService/ImportRates "{\"deck\":\"walk\",\"csv\":\"$deck\"}" || fail "ImportRates"
expect '"rate_count": "1"'
call AccountService/CreateAccount \
  '{"request_id":"c","account":{"account_id":"alice","currency_code":"USD","deck":"walk"}}' ||
  fail "CreateAccount"
expect '"state": "ACCOUNT_STATE_OPEN"'

echo "credit, authorize, settle"
call BillingService/Credit \
  '{"account_id":"alice","request_id":"p1","amount_micros":"5000000","reason":"CREDIT_REASON_PAYMENT"}' ||
  fail "Credit"
expect '"available_micros": "5000000"'
call BillingService/Authorize \
  '{"account_id":"alice","request_id":"a1","requested_seconds":1800,"usage":{"call":{"direction":"DIRECTION_OUTBOUND","from":"+12025550123","to":"+442071838750"}}}' ||
  fail "Authorize"
expect '"decision": "DECISION_GRANTED"'
expect '"granted_seconds": "1800"'
expect '"held_micros": "600000"'
expect '"prefix": "44"'
hold=$(sed -n 's/.*"hold_id": "\([0-9]*\)".*/\1/p' "$work/answer")
call BillingService/Debit \
  "{\"account_id\":\"alice\",\"request_id\":\"s1\",\"settlement\":{\"hold_id\":\"$hold\",\"used_seconds\":61}}" ||
  fail "Debit"
expect '"billed_seconds": "120"'
expect '"balance_after_micros": "4960000"'

echo "balance and activity"
call BillingService/GetBalance '{"account_id":"alice"}' || fail "GetBalance"
expect '"balance_micros": "4960000"'
expect '"currency_code": "USD"'
call AccountService/ListActivity '{"account_id":"alice"}' || fail "ListActivity"
expect ENTRY_KIND_HOLD_SETTLED
expect ENTRY_KIND_CREDIT

echo "a readable error"
call BillingService/Debit \
  '{"account_id":"alice","request_id":"d1","amount_micros":"9000000","item":"ITEM_OUTGOING_TEXT"}' &&
  fail "a debit that cannot be paid must fail"
expect "Code: FailedPrecondition"
expect INSUFFICIENT_BALANCE
call BillingService/Debit '{"account_id":"alice","amount_micros":"1","item":"ITEM_OUTGOING_TEXT"}' &&
  fail "a debit without a request id must fail"
expect "Code: InvalidArgument"
expect request_id

echo "verify"
call OperationsService/Verify '{}' || fail "Verify"
expect '"ok": true'

stop_server
echo "all as it should be"
