#ifndef FAREBOX_TOOLS_BENCHMARK_CALLS_H_
#define FAREBOX_TOOLS_BENCHMARK_CALLS_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "absl/time/time.h"
#include "farebox/v1/account.grpc.pb.h"
#include "farebox/v1/billing.grpc.pb.h"
#include "storage/clock.h"
#include "tools/benchmark/load_options.h"
#include "tools/benchmark/requests.h"

namespace farebox::benchmark {

// How each kind of call is begun, filled and counted.
struct DebitCall {
  using Stub = v1::BillingService::Stub;
  using Request = v1::DebitRequest;
  using Response = v1::DebitResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncDebit;
  static constexpr bool kIsBatch = false;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response&) { return 1; }
};

struct AuthorizeCall {
  using Stub = v1::BillingService::Stub;
  using Request = v1::AuthorizeRequest;
  using Response = v1::AuthorizeResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncAuthorize;
  static constexpr bool kIsBatch = false;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response& response) {
    return response.decision() == v1::DECISION_GRANTED ? 1 : 0;
  }
};

struct BalanceCall {
  using Stub = v1::BillingService::Stub;
  using Request = v1::GetBalanceRequest;
  using Response = v1::GetBalanceResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncGetBalance;
  static constexpr bool kIsBatch = false;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response&) { return 1; }
};

struct CreateCall {
  using Stub = v1::AccountService::Stub;
  using Request = v1::CreateAccountRequest;
  using Response = v1::CreateAccountResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncCreateAccount;
  static constexpr bool kIsBatch = false;
  static void Fill(const LoadOptions&, RequestMaker* maker, Request* request) {
    maker->Fill(request);
  }
  static int64_t Count(const Response&) { return 1; }
};

struct ActivityCall {
  using Stub = v1::AccountService::Stub;
  using Request = v1::ListActivityRequest;
  using Response = v1::ListActivityResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncListActivity;
  static constexpr bool kIsBatch = false;
  static void Fill(const LoadOptions& options, RequestMaker* maker, Request* request) {
    const absl::Time since = absl::UnixEpoch() + absl::Seconds(options.activity_since);
    maker->Fill(SystemClock().Now() - since, request);
  }
  static int64_t Count(const Response& response) { return response.entries_size() > 0 ? 1 : 0; }
};

// ApplyBatch of `Payment`s.
template <typename Payment>
struct BatchCall {
  using Stub = v1::BillingService::Stub;
  using Request = v1::ApplyBatchRequest;
  using Response = v1::ApplyBatchResponse;
  static constexpr auto kPrepare = &Stub::PrepareAsyncApplyBatch;
  static constexpr bool kIsBatch = true;
  static void Fill(const LoadOptions& options, RequestMaker* maker, Request* request) {
    if (request->operations_size() == 0) {
      for (int i = 0; i < options.batch_size; ++i) request->add_operations();
    }
    for (v1::Operation& operation : *request->mutable_operations()) {
      if constexpr (std::is_same_v<Payment, v1::DebitRequest>) {
        maker->Fill(operation.mutable_debit());
      } else {
        maker->Fill(operation.mutable_credit());
      }
    }
  }
  static int64_t Count(const Response& response) {
    return std::count_if(response.results().begin(), response.results().end(),
                         [](const v1::OperationResult& result) { return !result.has_error(); });
  }
};

}  // namespace farebox::benchmark

#endif  // FAREBOX_TOOLS_BENCHMARK_CALLS_H_
