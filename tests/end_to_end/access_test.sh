#!/usr/bin/env bash
# Lets in with keys and by TLS whom it should, with the farebox command and with grpcurl, and looks
# for a key in all that the server has written.
# Usage: access_test.sh BINARY_DIRECTORY
set -euo pipefail

binaries=$1
# shellcheck source=tests/end_to_end/server.sh
source "$(dirname "$0")/server.sh"

# Where others could reach it, only with keys and TLS.
for flags in "" "--access keys --admin-key-file $work/never" \
  "--tls-cert $work/server.pem --tls-key $work/server.key"; do
  # shellcheck disable=SC2086 # Words are what is wanted.
  ! "$binaries/farebox-server" --data "$work/refused" --listen 0.0.0.0:0 $flags \
    >"$work/answer" 2>"$work/log" || fail "it listens with \"$flags\""
  [[ ! -e $work/refused ]] || fail "it made files before it refused"
done

http_port=$(free_port)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$work/server.key" \
  -out "$work/server.pem" 2>"$work/log"
start_with_tls() { # PORT
  start_server "$binaries/farebox-server" --data "$work/ledger" --listen "0.0.0.0:$1" \
    --access keys --admin-key-file "$work/admin.key" \
    --tls-cert "$work/server.pem" --tls-key "$work/server.key" \
    --http-listen "127.0.0.1:$http_port" --log-level debug
  address=localhost:${address#*:}
}
start_with_tls 0
export FAREBOX_SERVER=$address FAREBOX_TLS_CA=$work/server.pem

as() { # KEY-FILE ARGUMENTS...: the farebox command with this key
  FAREBOX_API_KEY_FILE=$1 "$binaries/farebox" "${@:2}" >"$work/answer" 2>&1
}
admin=$work/admin.key

as "$admin" account create acme --currency USD || fail "the admin opens an account"
as "$admin" credit acme 20 || fail "the admin credits"
FAREBOX_API_KEY_FILE=$admin "$binaries/farebox" --json key create support --label "desk 1" \
  >"$work/made" 2>"$work/answer" || fail "a key is made"
sed -n 's/.*"secret": "\(.*\)".*/\1/p' "$work/made" >"$work/support.key"
key_id=$(sed -n 's/.*"key_id": "\(.*\)".*/\1/p' "$work/made")

as "$work/support.key" balance acme || fail "support reads a balance"
grep -q "20.00" "$work/answer" || fail "the balance is not shown"
! as "$work/support.key" debit acme --amount 1 || fail "support debits"
grep -q "not allowed" "$work/answer" || fail "it does not say why"
echo fbx_nobody >"$work/nobody.key"
! as "$work/nobody.key" balance acme || fail "nobody reads a balance"
grep -q "API key" "$work/answer" || fail "it does not say what is needed"
! as /dev/null balance acme || fail "no key is taken for one"
grep -q "is empty" "$work/answer" || fail "it does not say that the file is empty"

by_address=127.0.0.2:${address##*:}
! as "$admin" --server "$by_address" balance acme || fail "a certificate with another name is taken"
as "$admin" --server "$by_address" --tls-name localhost balance acme ||
  fail "the certificate's name may be told"

# With grpcurl itself.
ask() { # HEADER-ARGUMENTS...
  grpcurl -cacert "$work/server.pem" "$@" -d '{"account_id":"acme"}' "$address" \
    farebox.v1.BillingService/GetBalance >"$work/answer" 2>&1
}
ask -H "authorization: Bearer $(cat "$work/support.key")" || fail "grpcurl with a key"
grep -q '"balance_micros": "20000000"' "$work/answer" || fail "grpcurl shows another balance"
! ask || fail "grpcurl without a key"
grep -q UNAUTHENTICATED "$work/answer" || grep -q Unauthenticated "$work/answer" ||
  fail "grpcurl shows no reason"

# Figures, by TLS too, and only with a key.
read_metrics() { # KEY
  curl -sf --cacert "$work/server.pem" -H "Authorization: Bearer $1" \
    "https://localhost:$http_port/metrics" >"$work/answer"
}
! read_metrics nobody || fail "strangers read the figures"
read_metrics "$(cat "$admin")" || fail "the admin reads no figures"

as "$admin" key revoke "$key_id" || fail "a key is revoked"
! as "$work/support.key" balance acme || fail "a revoked key is good"
as "$admin" key list || fail "keys are listed"
grep -q "desk 1" "$work/answer" || fail "the list lacks a key"
as "$admin" audit acme || fail "the audit log is listed"
grep -q "Credit" "$work/answer" || fail "the audit log lacks a credit"

stop_server

# Who asked while nobody listened is answered, under TLS too, once somebody does.
GRPC_VERBOSITY=info FAREBOX_API_KEY_FILE=$admin timeout 20 "$binaries/farebox" balance acme \
  --timeout 15s >"$work/answer" 2>&1 &
waiting_pid=$!
await "the farebox command finds nobody" grep -q "connect failed" "$work/answer"
start_with_tls "${address#*:}"
wait "$waiting_pid" || fail "the farebox command does not find the server that came back"
stop_server
for key in "$admin" "$work/support.key"; do
  ! grep -rqF "$(cat "$key")" "$work/ledger" "$work/log" || fail "a key is in the files"
done
echo "let in with keys and TLS, turned away without, and no key was written"
