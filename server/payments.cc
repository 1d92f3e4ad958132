#include "server/payments.h"

#include <utility>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "server/base/log.h"
#include "server/recharge/limits.h"
#include "server/web/simulated_pages.h"
#include "server/web/webhook_route.h"
#include "storage/check.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

std::string RandomHex() {
  absl::BitGen random;
  return absl::StrCat(absl::Hex(absl::Uniform<uint64_t>(random), absl::kZeroPad16),
                      absl::Hex(absl::Uniform<uint64_t>(random), absl::kZeroPad16));
}

std::string NewRechargeId() { return absl::StrCat("auto-", RandomHex()); }

}  // namespace

absl::StatusOr<std::unique_ptr<Payments>> Payments::Start(const Options& options,
                                                          const Parts& parts) {
  std::unique_ptr<Payments> payments(new Payments(options, parts));
  FAREBOX_RETURN_IF_ERROR(payments->MakeGateway(options));
  FAREBOX_RETURN_IF_ERROR(payments->StartWorking());
  return payments;
}

Payments::Payments(const Options& options, const Parts& parts)
    : limits_(options.limits),
      reached_(options.reached),
      parts_(parts),
      mails_(options.mails),
      documents_(parts.ledger, parts.journal),
      settings_("fbx-settings", limits::kSettingsThreads),
      provider_("fbx-provider", limits::kProviderThreads) {
  FAREBOX_CHECK(parts_.restored != nullptr);
}

Payments::~Payments() { Drain(); }

absl::Status Payments::MakeGateway(const Options& options) {
  if (options.provider.provider == PaymentProvider::kStripe) {
    FAREBOX_ASSIGN_OR_RETURN(gateway_,
                             MakeStripeGateway(options.provider, [this] { return !IsEnding(); }));
    return absl::OkStatus();
  }
  simulated_secret_ = RandomHex();
  const std::string page_url =
      parts_.http_url.empty() ? "" : absl::StrCat(parts_.http_url, web::kSimulatedPages);
  FAREBOX_ASSIGN_OR_RETURN(
      std::unique_ptr<SimulatedGateway> simulated,
      MakeSimulatedGateway(options.data_directory, page_url, simulated_secret_, parts_.clock));
  simulated_ = simulated.get();
  gateway_ = std::move(simulated);
  return absl::OkStatus();
}

absl::Status Payments::StartWorking() {
  const auto is_held = [mark = parts_.restored] { return mark->IsThere(); };
  if (is_held()) {
    Log(LogLevel::kWarning, "recharges_held", {{"until_this_is_deleted", parts_.restored->path()}});
  }
  recharger_ = std::make_unique<Recharger>(
      Recharger::Parts{.ledger = parts_.ledger,
                       .journal = parts_.journal,
                       .documents = &documents_,
                       .gateway = gateway_.get(),
                       .mails = &mails_,
                       .clock = parts_.clock,
                       .new_recharge_id = NewRechargeId,
                       .limits = &limits_,
                       .on_state = [this](const auto& attempt) { parts_.metrics->Count(attempt); },
                       .is_held = is_held,
                       .forgotten_since = [this] { return parts_.restored->ForgottenSince(); },
                       .is_ending = [this] { return IsEnding(); },
                       .reached = reached_});
  FAREBOX_ASSIGN_OR_RETURN(
      worker_, RechargeWorker::Start(
                   {.ledger = parts_.ledger,
                    .documents = &documents_,
                    .recharger = recharger_.get(),
                    .clock = parts_.clock,
                    .threads = limits::kRechargeThreads,
                    .on_error = [](absl::string_view account_id, const absl::Status& status) {
                      Log(LogLevel::kWarning, "recharge_failed",
                          {{"account_id", std::string(account_id)},
                           {"error", std::string(status.message())}});
                    }}));
  events_ = std::make_unique<ProviderEvents>(ProviderEvents::Parts{.ledger = parts_.ledger,
                                                                   .documents = &documents_,
                                                                   .gateway = gateway_.get(),
                                                                   .worker = worker_.get(),
                                                                   .clock = parts_.clock,
                                                                   .is_held = is_held});
  reconciliation_ =
      std::make_unique<Reconciliation>(Reconciliation::Parts{.journal = parts_.journal,
                                                             .documents = &documents_,
                                                             .gateway = gateway_.get(),
                                                             .clock = parts_.clock});
  desk_ =
      std::make_unique<RechargeDesk>(RechargeDesk::Parts{.ledger = parts_.ledger,
                                                         .journal = parts_.journal,
                                                         .documents = &documents_,
                                                         .gateway = gateway_.get(),
                                                         .recharger = recharger_.get(),
                                                         .worker = worker_.get(),
                                                         .reconciliation = reconciliation_.get(),
                                                         .mails = &mails_,
                                                         .limits = &limits_,
                                                         .clock = parts_.clock,
                                                         .lanes = &provider_,
                                                         .is_held = is_held});
  service_ = std::make_unique<RechargeService>(
      RechargeService::Parts{.environment = parts_.environment,
                             .desk = desk_.get(),
                             .worker = worker_.get(),
                             .settings = &settings_,
                             .provider = &provider_,
                             .is_ending = [this] { return IsEnding(); }});
  return absl::OkStatus();
}

void Payments::AddRoutes(const web::OriginRules* origins, web::Router* routes) {
  web::AddWebhookRoute(events_.get(), parts_.clock, routes);
  if (simulated_ == nullptr) return;
  web::AddSimulatedPages({.origins = origins,
                          .gateway = simulated_,
                          .events = events_.get(),
                          .webhook_secret = simulated_secret_,
                          .clock = parts_.clock},
                         routes);
}

void Payments::Drain() {
  is_draining_.store(true);
  // Nothing is begun while others are waited for: it would be waited for too.
  provider_.Stop();
  if (worker_ != nullptr) worker_->Drain();
  // Settings last: they are answered as long as others wait for the provider.
  provider_.Drain();
  settings_.Drain();
}

}  // namespace farebox::server
