#include "tools/benchmark/requests.h"

#include <random>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "storage/clock.h"

namespace farebox::benchmark {

RequestMaker::RequestMaker(int accounts)
    : accounts_(static_cast<uint64_t>(accounts)), run_(std::random_device()()) {}

std::string RequestMaker::AccountId(uint64_t index) const {
  return absl::StrCat("bench-", index % accounts_);
}

std::string RequestMaker::RequestId(uint64_t index) const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string id = "00000000-0000-7000-8000-000000000000";
  const auto put = [&id](size_t at, size_t digits, uint64_t value) {
    for (size_t i = 0; i < digits; ++i) id[at + i] = kHex[(value >> (4 * (digits - 1 - i))) & 15];
  };
  const auto unix_millis = static_cast<uint64_t>(absl::ToUnixMillis(SystemClock().Now()));
  put(0, 8, unix_millis >> 16);
  put(9, 4, unix_millis & 0xffff);
  put(15, 3, run_ >> 20);
  put(20, 3, run_ >> 8);
  put(24, 12, index);
  return id;
}

void RequestMaker::Fill(v1::DebitRequest* request) {
  const uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
  request->set_account_id(AccountId(index));
  request->set_request_id(RequestId(index));
  request->set_amount_micros(7500);
  request->set_item(v1::ITEM_OUTGOING_TEXT);
}

void RequestMaker::Fill(v1::AuthorizeRequest* request) {
  const uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
  request->set_account_id(AccountId(index));
  request->set_request_id(RequestId(index));
  v1::Call* const call = request->mutable_usage()->mutable_call();
  call->set_direction(v1::DIRECTION_OUTBOUND);
  call->set_from("+12025550123");
  call->set_to("+442071838750");
  request->set_requested_seconds(60);
}

void RequestMaker::FillSettlement(const std::string& account_id, int64_t hold_id,
                                  v1::DebitRequest* request) {
  request->set_account_id(account_id);
  request->set_request_id(RequestId(next_.fetch_add(1, std::memory_order_relaxed)));
  request->mutable_settlement()->set_hold_id(hold_id);
  request->mutable_settlement()->set_used_seconds(1);
}

void RequestMaker::Fill(v1::GetBalanceRequest* request) {
  request->set_account_id(AccountId(next_.fetch_add(1, std::memory_order_relaxed)));
}

void RequestMaker::Fill(absl::Duration past, v1::ListActivityRequest* request) {
  const uint64_t index = next_.fetch_add(1, std::memory_order_relaxed);
  request->set_account_id(AccountId(index));
  const double part = static_cast<double>(absl::Hash<uint64_t>()(index) % 10'000) / 10'000;
  const absl::Time before = SystemClock().Now() - part * past;
  request->mutable_to_time()->set_seconds(absl::ToUnixSeconds(before));
}

void RequestMaker::Fill(v1::CreateAccountRequest* request) {
  request->set_request_id("create");
  v1::Account* const created = request->mutable_account();
  created->set_account_id(AccountId(next_.fetch_add(1, std::memory_order_relaxed)));
  created->set_currency_code("USD");
  created->set_deck(kDeckName);
}

void RequestMaker::Fill(v1::CreditRequest* request) {
  request->set_account_id(AccountId(next_.fetch_add(1, std::memory_order_relaxed)));
  request->set_request_id("opening");
  request->set_amount_micros(1'000'000'000'000);
  request->set_reason(v1::CREDIT_REASON_PAYMENT);
}

}  // namespace farebox::benchmark
