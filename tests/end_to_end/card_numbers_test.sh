#!/usr/bin/env bash
# Uses a card and looks for its number in the server's memory, as a core dump would have it. Then
# sends one wherever somebody might type it, and looks for it in all that the server has written:
# its files, its log and its mails.
# Usage: card_numbers_test.sh SERVER_BINARY
set -euo pipefail

server_binary=$1
# shellcheck source=tests/end_to_end/server.sh
source "$(dirname "$0")/server.sh"
mkdir "$work/mails"

start_server "$server_binary" --data "$work/ledger" --listen 127.0.0.1:0 --payments simulated \
  --http-listen 127.0.0.1:0 --mail file --mail-directory "$work/mails" \
  --mail-from billing@example.org --log-level debug

call() { grpcurl -plaintext -d "$2" "$address" "farebox.v1.$1" >"$work/answer" 2>&1; }
refuses() { # METHOD JSON FIELD: it is refused, and the answer does not repeat the number
  ! call "$1" "$2" || fail "$1 took a card's number"
  grep -q '"reason": "FIELD_INVALID"' "$work/answer" || fail "$1 has another reason"
  grep -q "\"$3\"" "$work/answer" || fail "$1 does not name $3"
  ! grep -qE "$pattern" "$work/answer" || fail "$1 repeats the number"
}

pattern='4242[ -]?4242[ -]?4242[ -]?4242'
pan='4242424242424242'
account='{"request_id":"c","account":{"account_id":"acme","currency_code":"USD","email":"a@b.example"'
call AccountService/CreateAccount "$account}}" || fail "CreateAccount"

# A card in use: registered, charged, and declined so that a mail is written.
call RechargeService/StartCardSetup '{"account_id":"acme"}' || fail "StartCardSetup"
setup=$(sed -n 's/.*"setup_id": "\([^"]*\).*/\1/p' "$work/answer")
page=$(sed -n 's/.*"url": "\([^"\\?]*\).*/\1/p' "$work/answer")
call RechargeService/CompleteCardSetup \
  "{\"account_id\":\"acme\",\"setup_id\":\"$setup:pm_card_chargeDeclined\"}" || fail "the card"
call RechargeService/UpdateAutoRecharge \
  '{"account_id":"acme","auto_recharge":{"enabled":true,"amount_micros":"60000000","threshold_micros":"25000000","failure_email":"a@b.example"}}' ||
  fail "UpdateAutoRecharge"
has_mail() { [[ -n $(ls "$work/mails") ]]; }
await "a mail is written" has_mail

# What a core dump would have: the last four digits, and not the number of the card in use.
/usr/bin/python3 - "$server_pid" <<'END' || fail "a card's number is in memory"
import re, sys
pid, found = sys.argv[1], {b"4000000000000002": False, b"chargeDeclined": False}
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
    for line in maps:
        begin, end = (int(n, 16) for n in re.match(r"(\w+)-(\w+) rw", line).groups()) \
            if re.match(r"\w+-\w+ rw", line) else (0, 0)
        # What a sanitizer maps to keep its notes in is larger than any memory.
        if 0 < end - begin < 1 << 32 and "[v" not in line:
            memory.seek(begin)
            content = memory.read(end - begin)
            found = {key: was or key in content for key, was in found.items()}
sys.exit(found[b"4000000000000002"] or not found[b"chargeDeclined"])
END

refuses AccountService/CreateAccount "${account/acme/other},\"metadata\":{\"card\":\"$pan\"}}}" \
  account.metadata
credit='"account_id":"acme","request_id":"p","amount_micros":"20000000","reason":"CREDIT_REASON_PAYMENT"'
refuses BillingService/Credit "{$credit,\"description\":\"visa 4242 4242 4242 4242\"}" description
call BillingService/Credit "{$credit}" || fail "Credit"
refuses BillingService/Debit \
  "{\"account_id\":\"acme\",\"request_id\":\"d\",\"amount_micros\":1,\"item\":\"ITEM_ADJUSTMENT\",\"description\":\"4242-4242-4242-4242\"}" \
  description
refuses RechargeService/CompleteCardSetup "{\"account_id\":\"acme\",\"setup_id\":\"$pan\"}" setup_id
refuses RechargeService/DeleteCard "{\"account_id\":\"acme\",\"card_id\":\"$pan\"}" card_id
curl -s --data "setup_id=$setup&token=$pan" "$page" >"$work/answer"
! grep -qE "$pattern" "$work/answer" || fail "the page repeats the number"

stop_server
# That this would find it: the last four digits, which may be known, are there.
grep -rqa 0002 "$work/ledger" || fail "the card's last four digits are nowhere"
if grep -raE "$pattern" "$work/ledger" "$work/log" "$work/mails"; then
  fail "a card's number was written"
fi
echo PASSED
