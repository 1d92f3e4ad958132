#include "tests/simulation/callers.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/limits.h"

namespace farebox::simulation {
namespace {

using Kind = Operation::Kind;

constexpr int64_t kRecent = 12;
constexpr int64_t kSmallDebitMax = 200;
constexpr int64_t kSmallCreditMax = 2'000;

bool IsOfHold(Kind kind) {
  return kind == Kind::kExtend || kind == Kind::kCharge || kind == Kind::kSettle ||
         kind == Kind::kRelease;
}

}  // namespace

Callers::Callers(CallerHabits habits, Random* random) : habits_(habits), random_(*random) {
  for (int64_t i = 0; i < habits_.accounts; ++i) accounts_.push_back(absl::StrCat("account-", i));
}

Operation Callers::Next(const Model& model, absl::Time clock) {
  if (!made_.empty() && random_.OneIn(habits_.one_in_repeated)) return Repeat();

  Operation operation;
  operation.kind = DrawKind();
  operation.account = DrawAccount(model);
  PointToSubject(&operation);
  if (model.FindAccount(operation.account) == nullptr && !random_.OneIn(10)) {
    operation.kind = Kind::kOpen;
  }
  operation.request_id = DrawRequestId(clock, &operation);
  operation.item = static_cast<uint8_t>(random_.Below(256));
  if (operation.kind == Kind::kOpen || operation.kind == Kind::kChange) {
    operation.terms = DrawTerms(operation.kind == Kind::kOpen);
    if (random_.OneIn(2)) operation.settings = absl::StrCat("settings ", random_.Below(4));
  } else {
    operation.micros = DrawMicros(operation, model);
    operation.detail = absl::StrCat("detail ", random_.Below(1000));
    operation.sizing = static_cast<Operation::Sizing>(random_.Below(3));
    operation.block_micros = random_.Between(1, 60);
    operation.lifetime = random_.OneIn(20) ? absl::Hours(random_.Between(-1, 30))
                                           : absl::Milliseconds(random_.Between(0, 120'000));
    const bool may_be_refused = operation.kind == Kind::kDebit || operation.kind == Kind::kHold ||
                                operation.kind == Kind::kExtend;
    if (may_be_refused && random_.OneIn(30)) operation.refusal = Reason::kNoRate;
  }
  if (random_.OneIn(50)) Spoil(&operation);
  if (random_.OneIn(100)) operation.deadline = clock + absl::Milliseconds(random_.Between(-2, 1));
  made_.push_back(operation);
  return operation;
}

Operation Callers::Repeat() {
  Operation again = random_.OneIn(2) ? random_.PickRecent(made_, kRecent) : random_.Pick(made_);
  again.deadline = absl::InfiniteFuture();
  if (random_.OneIn(8)) again.account = random_.Pick(accounts_);
  if (!random_.OneIn(4)) return again;

  switch (random_.Below(7)) {
    case 0:
      again.micros += random_.OneIn(2) ? 1 : -1;
      break;
    case 1:
      again.kind = static_cast<Kind>(random_.Below(Operation::kKinds));
      break;
    case 2:
      ++again.subject;
      break;
    case 3:
      ++again.item;
      break;
    case 4:
      again.lifetime += absl::Seconds(1);
      break;
    case 5:
      again.detail += "!";
      break;
    default:
      again.terms.credit_limit = Micros(again.terms.credit_limit.value() + 1);
  }
  return again;
}

Kind Callers::DrawKind() {
  static constexpr Kind kKinds[] = {
      Kind::kDebit,  Kind::kDebit,  Kind::kDebit,   Kind::kCredit, Kind::kCredit, Kind::kRefund,
      Kind::kHold,   Kind::kHold,   Kind::kHold,    Kind::kHold,   Kind::kExtend, Kind::kExtend,
      Kind::kCharge, Kind::kCharge, Kind::kSettle,  Kind::kSettle, Kind::kSettle, Kind::kRelease,
      Kind::kDebit,  Kind::kHold,   Kind::kRelease, Kind::kSettle,
  };
  if (random_.OneIn(25)) return Kind::kChange;
  if (random_.OneIn(60)) return Kind::kOpen;
  if (habits_.rich && !random_.OneIn(8)) return Kind::kCredit;
  return kKinds[random_.Below(std::size(kKinds))];
}

const std::string& Callers::DrawAccount(const Model& model) {
  std::string& id = accounts_[static_cast<size_t>(random_.Below(habits_.accounts))];
  const Model::Account* const account = model.FindAccount(id);
  const bool is_closed =
      account != nullptr && account->terms.status == AccountStatus::kClosed && random_.OneIn(6);
  if (is_closed) id = absl::StrCat("account-", model.accounts().size(), "-", made_.size());
  return id;
}

std::string Callers::DrawRequestId(absl::Time clock, Operation* operation) {
  const bool is_timed = habits_.timed_ids && !random_.OneIn(5);
  if (!is_timed) return absl::StrCat("request-", made_.size());
  absl::Time time = clock;
  if (random_.OneIn(3)) time += absl::Minutes(random_.Between(-20'000, 400));
  if (random_.OneIn(20)) time += absl::Hours(random_.Between(-800, 400));
  operation->id_time = absl::FromUnixMillis(absl::ToUnixMillis(time));
  const auto millis = static_cast<uint64_t>(absl::ToUnixMillis(time));
  return absl::StrFormat("%08x-%04x-7000-8000-%012x", millis >> 16, millis & 0xffff, made_.size());
}

// Mostly one of the newest, of the account it belongs to.
void Callers::PointToSubject(Operation* operation) {
  const bool is_refund = operation->kind == Kind::kRefund;
  if (!is_refund && !IsOfHold(operation->kind)) return;
  operation->subject = random_.Between(-1, 50);
  const std::vector<Subject>& subjects = is_refund ? debits_ : holds_;
  if (subjects.empty() || random_.OneIn(30)) return;
  const Subject& subject =
      random_.OneIn(5) ? random_.Pick(subjects) : random_.PickRecent(subjects, kRecent);
  operation->subject = subject.id;
  if (!random_.OneIn(30)) operation->account = subject.account;
}

int64_t Callers::EdgeOf(const Operation& operation, const Model& model) const {
  const Model::Account* const account = model.FindAccount(operation.account);
  if (account == nullptr) return 0;
  const Model::Hold* const hold = model.FindHold(operation.subject);
  if (!IsOfHold(operation.kind) || hold == nullptr) return account->available();
  const int64_t set_aside = hold->held + hold->charged;
  return operation.kind == Kind::kExtend ? account->available() + set_aside : set_aside;
}

int64_t Callers::DrawMicros(const Operation& operation, const Model& model) {
  if (operation.kind == Kind::kCredit && habits_.rich && !random_.OneIn(20)) {
    return limits::kAmountMax.value();
  }
  if (random_.OneIn(80)) return random_.Between(-2, 0);
  if (random_.OneIn(200)) return limits::kAmountMax.value() + random_.Below(2);
  if (operation.kind == Kind::kCredit) return random_.Between(1, kSmallCreditMax);
  if (random_.OneIn(12)) return 0;
  if (random_.OneIn(4)) return EdgeOf(operation, model) + random_.Between(-1, 1);
  return random_.Between(1, kSmallDebitMax);
}

AccountTerms Callers::DrawTerms(bool opens) {
  AccountTerms terms;
  if (!opens && random_.OneIn(4)) terms.status = AccountStatus::kSuspended;
  if (random_.OneIn(opens ? 50 : 6)) terms.status = AccountStatus::kClosed;
  if (random_.OneIn(3)) terms.credit_limit = Micros(random_.Below(500));
  if (random_.OneIn(3)) terms.low_balance_threshold = Micros(random_.Below(500));
  if (random_.OneIn(3)) terms.open_holds_max = static_cast<int32_t>(random_.Between(1, 4));
  return terms;
}

// What no caller should send.
void Callers::Spoil(Operation* operation) {
  switch (random_.Below(8)) {
    case 0:
      operation->request_id.clear();
      break;
    case 1:
      operation->request_id.append(limits::kRequestIdBytesMax, 'x');
      break;
    case 2:
      operation->request_id += '\n';
      break;
    case 3:
      operation->account.append(limits::kAccountIdBytesMax, 'x');
      break;
    case 4:
      operation->terms.credit_limit = Micros(-1);
      break;
    case 5:
      operation->terms.open_holds_max = static_cast<int32_t>(random_.Below(2)) * 10'001;
      break;
    case 6:
      operation->terms.status = static_cast<AccountStatus>(random_.Below(2) * 4);
      break;
    default:
      operation->settings.assign(limits::kSettingsBytesMax + 1, 's');
  }
}

void Callers::Remember(const Operation& operation, const Model::Answer& answer) {
  if (answer.error != Reason::kNone || answer.replayed) return;
  if (answer.entry.kind == EntryKind::kHold) holds_.push_back({answer.entry.id, operation.account});
  if (answer.entry.amount.is_negative()) debits_.push_back({answer.entry.id, operation.account});
}

}  // namespace farebox::simulation
