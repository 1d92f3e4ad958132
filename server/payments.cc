#include "server/payments.h"

#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "server/limits.h"
#include "server/log.h"
#include "server/recharge/simulated_gateway.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

std::string NewRechargeId() {
  absl::BitGen random;
  return absl::StrCat("auto-", absl::Hex(absl::Uniform<uint64_t>(random), absl::kZeroPad16),
                      absl::Hex(absl::Uniform<uint64_t>(random), absl::kZeroPad16));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Payments>> Payments::Start(const Options& options,
                                                          const House& house) {
  std::unique_ptr<Payments> payments(new Payments(options, house));
  FAREBOX_ASSIGN_OR_RETURN(
      payments->gateway_,
      SimulatedGateway::Create(
          {.file = options.data_directory + "/simulated-payments.db", .clock = house.clock}));
  FAREBOX_RETURN_IF_ERROR(payments->StartWorking());
  return payments;
}

Payments::Payments(const Options& options, const House& house)
    : limits_(options.limits),
      house_(house),
      mails_(options.mails),
      documents_(house.ledger, house.journal) {}

Payments::~Payments() { Drain(); }

absl::Status Payments::StartWorking() {
  recharger_ =
      std::make_unique<Recharger>(Recharger::Parts{.ledger = house_.ledger,
                                                   .documents = &documents_,
                                                   .gateway = gateway_.get(),
                                                   .mails = &mails_,
                                                   .clock = house_.clock,
                                                   .new_recharge_id = NewRechargeId,
                                                   .charge_max = limits_.others.charge_max});
  FAREBOX_ASSIGN_OR_RETURN(
      worker_, RechargeWorker::Start(
                   {.ledger = house_.ledger,
                    .documents = &documents_,
                    .recharger = recharger_.get(),
                    .clock = house_.clock,
                    .threads = limits::kRechargeThreads,
                    .on_error = [](absl::string_view account_id, const absl::Status& status) {
                      Log(LogLevel::kWarning, "recharge_failed",
                          {{"account_id", std::string(account_id)},
                           {"error", std::string(status.message())}});
                    }}));
  desk_ = std::make_unique<RechargeDesk>(RechargeDesk::Parts{.ledger = house_.ledger,
                                                             .documents = &documents_,
                                                             .gateway = gateway_.get(),
                                                             .recharger = recharger_.get(),
                                                             .worker = worker_.get(),
                                                             .mails = &mails_,
                                                             .limits = &limits_,
                                                             .clock = house_.clock});
  service_ = std::make_unique<RechargeService>(RechargeService::Parts{
      .environment = house_.environment, .desk = desk_.get(), .worker = worker_.get()});
  return absl::OkStatus();
}

void Payments::Drain() {
  if (worker_ != nullptr) worker_->Drain();
}

}  // namespace farebox::server
