#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/facts.h"
#include "client/cli/pages.h"
#include "client/cli/table.h"
#include "client/cli/times.h"
#include "client/cli/words.h"
#include "client/cpp/request_id.h"
#include "farebox/v1/recharge.pb.h"

namespace farebox::cli {
namespace {

Tone ToneOf(v1::RechargeState state) {
  switch (state) {
    case v1::RECHARGE_STATE_CREDITED:
      return Tone::kGood;
    case v1::RECHARGE_STATE_DECLINED:
    case v1::RECHARGE_STATE_ABANDONED:
      return Tone::kBad;
    default:
      return Tone::kPlain;
  }
}

std::string CardName(const v1::Card& card) {
  return card.last_four().empty() ? "" : absl::StrCat(card.brand(), " ", card.last_four());
}

// The decline code, and what it means.
std::string WhyNot(const v1::Recharge& recharge) {
  if (recharge.decline_code().empty()) return recharge.message();
  if (recharge.message().empty()) return recharge.decline_code();
  return absl::StrCat(recharge.decline_code(), ": ", recharge.message());
}

void AddRecharge(Session* session, const v1::Recharge& recharge, Facts* facts) {
  facts->Add("recharge", recharge.recharge_id())
      .Add("state", {Word(recharge.state()), ToneOf(recharge.state())})
      .AddMoney("amount", recharge.amount_micros(), recharge.currency_code())
      .Add("card", CardName(recharge.card()))
      .Add("payment", recharge.provider_payment_id())
      .Add("why", WhyNot(recharge))
      .Add("to confirm", recharge.action_url())
      .Add("asked again", FormatTime(recharge.next_attempt_time(), session->zone()));
}

// ---- pay

int RunPay(Session* session, v1::PayRequest request) {
  const bool is_named = !session->request_id().empty();
  request.set_request_id(is_named ? session->request_id() : client::MakeRequestId());
  // Said before it is known how it ends: whoever interrupts this can still ask.
  if (!is_named) session->Note(absl::StrCat("Request id ", request.request_id()));
  return session->Answer<v1::PayResponse>(
      session->client().Pay(request, session->call_options()), [&](const auto& response) {
        Facts facts(session);
        facts.Add("account", {request.account_id(), Tone::kStrong})
            .Add("request id", request.request_id());
        AddRecharge(session, response.recharge(), &facts);
        facts.AddNumber("entry", response.recharge().entry_id());
        if (response.replayed()) facts.Add("replayed", "yes: paid before, by the same request id");
        facts.Print();
      });
}

void AddPay(Commands* commands) {
  auto request = std::make_shared<v1::PayRequest>();
  CLI::App* const command =
      commands->Add("pay", "Charge the card on file and credit the amount",
                    [request](Session* session) { return RunPay(session, *request); });
  AddAccountId(command, request->mutable_account_id());
  AddMoney(
      command, "AMOUNT", [request](int64_t micros) { request->set_amount_micros(micros); },
      "In currency units, e.g. 25")
      ->required();
}

// ---- recharge

void ShowSettings(Session* session, const std::string& account_id, const v1::AutoRecharge& settings,
                  const v1::Recharge* last) {
  const std::string currency = session->CurrencyOf(account_id);
  const bool is_on = settings.enabled();
  const bool charges = is_on && settings.stopped_because().empty();
  Facts facts(session);
  facts.Add("account", {account_id, Tone::kStrong})
      .Add("auto-recharge", {is_on ? "on" : "off", is_on ? Tone::kGood : Tone::kFaint});
  if (is_on) {
    facts.Add("mode", Word(settings.mode()))
        .AddMoney("amount", settings.amount_micros(), currency)
        .AddMoney("below", settings.threshold_micros(), currency)
        .Add("failures to", settings.failure_email())
        .AddNumber("charges a day", settings.daily_charges_max())
        .AddMoney("sum a month", settings.monthly_sum_max_micros(), currency);
  }
  facts.Add("would charge", {charges ? "yes" : "no", charges ? Tone::kGood : Tone::kBad})
      .Add("because", settings.stopped_because())
      .AddNumber("declines in a row", settings.declines_in_a_row())
      .Add("not before", FormatTime(settings.next_attempt_time(), session->zone()));
  facts.Print();
  if (last == nullptr) return;
  session->Print("\nThe newest charge:\n");
  Facts newest(session);
  AddRecharge(session, *last, &newest);
  newest.Print();
}

void AddSettingsShow(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::GetAutoRechargeRequest>();
  CLI::App* const command = commands->Add(
      group, "show", "Show the settings, and why it does not charge", [request](Session* session) {
        return session->Answer<v1::GetAutoRechargeResponse>(
            session->client().GetAutoRecharge(*request, session->call_options()),
            [&](const auto& response) {
              ShowSettings(session, request->account_id(), response.auto_recharge(),
                           response.has_last_recharge() ? &response.last_recharge() : nullptr);
            });
      });
  AddAccountId(command, request->mutable_account_id());
}

// Where nobody has chosen a month's limit, the server takes so many amounts. None that it has is
// so large that this overflows.
constexpr int64_t kUsualAmountsAMonth = 20;

// As the server's.
constexpr int64_t kDailyChargesMax = 100;

// What is to be changed of the settings.
struct SettingsChange {
  std::string account_id;
  std::optional<int64_t> amount_micros;
  std::optional<int64_t> threshold_micros;
  std::optional<std::string> email;
  std::optional<int64_t> daily_charges_max;
  std::optional<int64_t> monthly_sum_max_micros;
  bool is_target = false;
  bool is_fixed = false;
  bool is_off = false;

  void ApplyTo(v1::AutoRecharge* settings) const {
    settings->set_enabled(!is_off);
    // One that nobody has chosen follows the amount.
    const bool is_usual =
        settings->monthly_sum_max_micros() == kUsualAmountsAMonth * settings->amount_micros();
    if (is_usual) settings->clear_monthly_sum_max_micros();
    if (amount_micros) settings->set_amount_micros(*amount_micros);
    if (threshold_micros) settings->set_threshold_micros(*threshold_micros);
    if (email) settings->set_failure_email(*email);
    if (daily_charges_max)
      settings->set_daily_charges_max(static_cast<int32_t>(*daily_charges_max));
    if (monthly_sum_max_micros) settings->set_monthly_sum_max_micros(*monthly_sum_max_micros);
    if (is_target) settings->set_mode(v1::RECHARGE_MODE_TARGET);
    if (is_fixed) settings->set_mode(v1::RECHARGE_MODE_FIXED);
  }
};

int RunSet(Session* session, const SettingsChange& change) {
  v1::GetAutoRechargeRequest current;
  current.set_account_id(change.account_id);
  const auto before = session->client().GetAutoRecharge(current, session->call_options());
  if (!before.ok()) return session->Fail(before.status());
  v1::UpdateAutoRechargeRequest request;
  request.set_account_id(change.account_id);
  *request.mutable_auto_recharge() = before->auto_recharge();
  change.ApplyTo(request.mutable_auto_recharge());
  return session->Answer<v1::UpdateAutoRechargeResponse>(
      session->client().UpdateAutoRecharge(request, session->call_options()),
      [&](const auto& response) {
        ShowSettings(session, change.account_id, response.auto_recharge(), /*last=*/nullptr);
      });
}

void AddSettingsSet(Commands* commands, CLI::App* group) {
  auto change = std::make_shared<SettingsChange>();
  CLI::App* const command =
      commands->Add(group, "set", "Switch auto-recharge on with these settings; others stay",
                    [change](Session* session) { return RunSet(session, *change); });
  AddAccountId(command, &change->account_id);
  AddMoney(
      command, "--amount", [change](int64_t micros) { change->amount_micros = micros; },
      "What is charged, or the balance to reach with --target");
  AddMoney(
      command, "--below", [change](int64_t micros) { change->threshold_micros = micros; },
      "It is charged when less than this is available");
  command->add_option("--email", change->email, "Who is told when it fails")->type_name("ADDRESS");
  AddNumber(command, "--daily-max", [change](int64_t count) { change->daily_charges_max = count; },
            "Charges a day", "COUNT", {.max = kDailyChargesMax});
  AddMoney(
      command, "--monthly-max",
      [change](int64_t micros) { change->monthly_sum_max_micros = micros; },
      "The sum of a month's charges; by default 20 times the amount");
  CLI::Option* const target =
      command->add_flag("--target", change->is_target, "Charge what is missing up to --amount");
  command->add_flag("--fixed", change->is_fixed, "Charge --amount, or its multiple")
      ->excludes(target);
  command->add_flag("--off", change->is_off, "Switch it off; the settings are kept");
}

void AddRetry(Commands* commands, CLI::App* group) {
  auto request = std::make_shared<v1::RetryRechargeRequest>();
  CLI::App* const command = commands->Add(
      group, "retry", "Forget earlier declines and try again at once", [request](Session* session) {
        return session->Answer<v1::RetryRechargeResponse>(
            session->client().RetryRecharge(*request, session->call_options()),
            [&](const auto& response) {
              ShowSettings(session, request->account_id(), response.auto_recharge(),
                           /*last=*/nullptr);
              session->Note("`farebox recharge history` shows what becomes of it.");
            });
      });
  AddAccountId(command, request->mutable_account_id());
}

void ShowHistory(Session* session, const v1::ListRechargesResponse& response) {
  Table table({{"time"},
               {"kind"},
               {"state"},
               {"amount", Align::kPoint},
               {"card"},
               {"payment"},
               {"why"},
               {"asked again"},
               {"recharge"}});
  for (const v1::Recharge& recharge : response.recharges()) {
    table.AddRow({FormatTime(recharge.create_time(), session->zone()),
                  Word(recharge.kind()),
                  {Word(recharge.state()), ToneOf(recharge.state())},
                  session->Money(recharge.amount_micros(), recharge.currency_code()),
                  CardName(recharge.card()),
                  recharge.provider_payment_id(),
                  WhyNot(recharge),
                  FormatTime(recharge.next_attempt_time(), session->zone()),
                  recharge.recharge_id()});
  }
  if (table.empty()) {
    session->Note("No charges yet.");
  } else {
    session->Print(table);
  }
  NoteMore(session, response);
}

void AddHistory(Commands* commands, CLI::App* group) {
  struct Arguments {
    v1::ListRechargesRequest request;
    int64_t limit = 20;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      group, "history", "List charges of the card, newest first", [arguments](Session* session) {
        const auto response =
            FetchPages(session, arguments->request, arguments->limit, kPageSizeMax,
                       &client::Client::ListRecharges, &v1::ListRechargesResponse::recharges);
        return session->Answer<v1::ListRechargesResponse>(
            response, [session](const auto& list) { ShowHistory(session, list); });
      });
  AddAccountId(command, arguments->request.mutable_account_id());
  AddLimit(command, &arguments->limit);
}

// ---- reconcile

void ShowReport(Session* session, const v1::ReconcileRechargesResponse& report) {
  Facts facts(session);
  facts.Add("charges", absl::StrCat(report.charges()))
      .Add("credits", absl::StrCat(report.credits()))
      .AddNumber("under way", report.under_way())
      .Add("differences", {absl::StrCat(report.differences_size()),
                           report.differences().empty() ? Tone::kGood : Tone::kBad});
  facts.Print();
  if (report.differences().empty()) return;
  Table table({{"what"},
               {"account"},
               {"charged", Align::kPoint},
               {"credited", Align::kPoint},
               {"payment"},
               {"recharge"}});
  for (const v1::RechargeDifference& difference : report.differences()) {
    table.AddRow({{Word(difference.kind()), Tone::kBad},
                  difference.account_id(),
                  session->Money(difference.charged_micros(), ""),
                  session->Money(difference.credited_micros(), ""),
                  difference.provider_payment_id(),
                  difference.recharge_id()});
  }
  session->Print("\n");
  session->Print(table);
}

void AddReconcile(Commands* commands, CLI::App* group) {
  struct Arguments {
    std::string from;
    std::string to;
    bool repairs = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* const command = commands->Add(
      group, "reconcile", "Compare the provider's charges with the ledger's credits",
      [arguments](Session* session) {
        v1::ReconcileRechargesRequest request;
        request.set_repair(arguments->repairs);
        const auto read = [&](const std::string& text, google::protobuf::Timestamp* out) {
          const absl::StatusOr<absl::Time> time = ParseTime(text, session->zone(), absl::Now());
          if (time.ok()) FillTimestamp(*time, out);
          return time.status();
        };
        absl::Status valid;
        if (!arguments->from.empty()) valid = read(arguments->from, request.mutable_from_time());
        if (valid.ok() && !arguments->to.empty()) {
          valid = read(arguments->to, request.mutable_to_time());
        }
        if (!valid.ok()) return session->Fail(valid);
        const auto report = session->client().ReconcileRecharges(request, session->call_options());
        const int answered = session->Answer<v1::ReconcileRechargesResponse>(
            report, [session](const auto& shown) { ShowReport(session, shown); });
        const bool differs = report.ok() && !report->differences().empty();
        if (differs && request.repair()) {
          session->Note("What could be credited is credited by now: reconcile again to see.");
        }
        return differs ? static_cast<int>(kExitDifferences) : answered;
      });
  command->add_option("--from", arguments->from, "Charges from then on; two days ago by default")
      ->type_name("TIME");
  command->add_option("--to", arguments->to, "Charges before then; now by default")
      ->type_name("TIME");
  command->add_flag("--repair", arguments->repairs,
                    "Also credit what was charged and not credited");
}

}  // namespace

void AddRechargeCommands(Commands* commands) {
  AddPay(commands);
  CLI::App* const group =
      commands->AddGroup("recharge", "Charge the card when the balance runs low");
  AddSettingsShow(commands, group);
  AddSettingsSet(commands, group);
  AddRetry(commands, group);
  AddHistory(commands, group);
  AddReconcile(commands, group);
}

}  // namespace farebox::cli
