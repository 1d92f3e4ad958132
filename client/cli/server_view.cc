#include "client/cli/server_view.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/decimal.h"
#include "client/cli/table.h"
#include "client/cli/times.h"
#include "client/cli/words.h"

namespace farebox::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kGap = "   ";
// As the alerts have it (tools/monitoring/alerts.yml).
constexpr absl::Duration kStuckCommit = absl::Seconds(2);
constexpr int64_t kDiskNearlyFullBytes = 2'000'000'000;

// "0.4", "12", "1234".
std::string Number(double number) {
  const int decimals = number != 0 && number < 10 ? 1 : 0;
  return absl::StrFormat("%.*f", decimals, number);
}

std::string Rate(double per_second) { return absl::StrCat(Number(per_second), "/s"); }

std::string Money(const std::string& micros) {
  absl::int128 value = 0;
  return absl::SimpleAtoi(micros, &value) ? FormatMicros(value) : micros;
}

std::string Named(const std::vector<NamedRate>& rates) {
  if (rates.empty()) return "none";
  return absl::StrJoin(rates, kGap, [](std::string* out, const NamedRate& rate) {
    absl::StrAppend(out, Rate(rate.per_second), " ", rate.name);
  });
}

std::string Both(const Quantiles& times) {
  return absl::StrCat("p50 ", FormatShort(times.p50), "  p99 ", FormatShort(times.p99));
}

// Nothing where the server cannot tell.
std::optional<int64_t> DiskFree(const v1::GetStatusResponse& status) {
  return status.has_disk_free_bytes() ? std::make_optional(status.disk_free_bytes()) : std::nullopt;
}

// A line: its subject, then what is to be said of it.
using Lines = std::vector<std::vector<Cell>>;

void Add(const char* subject, const std::vector<std::string>& facts, Lines* lines,
         Tone tone = Tone::kPlain) {
  lines->push_back({{subject, Tone::kFaint}, {absl::StrJoin(facts, kGap), tone}});
}

void AddProcess(const v1::GetStatusResponse& status, const ServerRates& rates,
                const ServerViewOptions& options, Lines* lines) {
  const absl::Duration up = TimeOf(status.time()) - TimeOf(status.start_time());
  Add("server",
      {absl::StrCat(status.version(), " at ", options.server),
       absl::StrCat(FormatTime(status.time(), options.zone), " ",
                    ZoneName(options.zone, TimeOf(status.time()))),
       absl::StrCat("up ", FormatSeconds(absl::ToInt64Seconds(up)))},
      lines);
  const v1::ProcessStatus& process = status.process();
  std::vector<std::string> facts = {
      absl::StrFormat("%.2f processors", rates.cpus),
      absl::StrCat(FormatBytes(process.resident_bytes()), " memory"),
      absl::StrCat(process.open_descriptors(), " of ", process.descriptors_max(), " descriptors"),
      absl::StrCat(status.watchers(), " watchers")};
  if (status.has_certificate_expire_time()) {
    facts.push_back(absl::StrCat("certificate until ",
                                 FormatTime(status.certificate_expire_time(), options.zone)));
  }
  Add("process", facts, lines);
}

void AddDisk(const v1::GetStatusResponse& status, Lines* lines) {
  std::vector<std::string> facts = {
      absl::StrCat(FormatBytes(status.journal_bytes() - status.wal_bytes()), " journal"),
      absl::StrCat(FormatBytes(status.wal_bytes()), " log"),
      absl::StrCat(FormatBytes(status.derived_bytes()), " derived")};
  const std::optional<int64_t> free_bytes = DiskFree(status);
  if (free_bytes.has_value()) facts.push_back(absl::StrCat(FormatBytes(*free_bytes), " free"));
  const bool is_nearly_full = free_bytes.value_or(kDiskNearlyFullBytes) < kDiskNearlyFullBytes;
  Add("disk", facts, lines, is_nearly_full ? Tone::kBad : Tone::kPlain);
}

void AddJournal(const v1::GetStatusResponse& status, const ServerRates& rates, Lines* lines) {
  Add("journal",
      {absl::StrCat(status.accounts(), " accounts"), absl::StrCat(status.entries(), " entries"),
       absl::StrCat(Rate(rates.entries_per_second), " entries"),
       absl::StrCat(Rate(rates.commits_per_second), " commits"),
       absl::StrCat(rates.entries_per_commit.has_value() ? Number(*rates.entries_per_commit) : "-",
                    " entries a commit")},
      lines);
  const absl::Duration under_way = DurationOf(status.commit_under_way());
  Add("commit",
      {Both(rates.commit), absl::StrCat("of that the disk: ", Both(rates.sync)),
       absl::StrCat("longest ", FormatShort(DurationOf(status.max_commit_duration()))),
       absl::StrCat("under way ", FormatShort(under_way))},
      lines, under_way > kStuckCommit ? Tone::kBad : Tone::kPlain);
  const bool is_filling = status.queued() > status.queued_max() / 2;
  Add("queue",
      {absl::StrCat(status.queued(), " of ", status.queued_max(), " changes wait"),
       absl::StrCat(status.reader_queries_waiting(), " queries wait"),
       absl::StrCat(status.entries() - status.derived_through_entry_id(), " not derived yet")},
      lines, is_filling ? Tone::kBad : Tone::kPlain);
  AddDisk(status, lines);
}

void AddMoney(const v1::GetStatusResponse& status, const ServerRates& rates, Lines* lines) {
  const char* subject = "money";
  for (const v1::CurrencyTotals& totals : status.currencies()) {
    Add(subject,
        {totals.currency_code(), absl::StrCat(totals.accounts(), " accounts"),
         absl::StrCat(totals.open_holds(), " open holds"),
         absl::StrCat(Money(totals.held_micros()), " held"),
         absl::StrCat(Money(totals.balance_micros()), " balances")},
        lines);
    subject = "";
  }
  Add("refused", {Named(rates.declines)}, lines);
  Add("errors", {Named(rates.errors)}, lines,
      rates.faults_per_second > 0 ? Tone::kBad : Tone::kPlain);
  const v1::RechargeStatus& recharges = status.recharges();
  Add("charges",
      {Named(rates.recharges), absl::StrCat(recharges.open(), " open"),
       absl::StrCat("oldest ", FormatSeconds(recharges.oldest_open_age().seconds()))},
      lines);
  const v1::MailStatus& mails = status.mails();
  Add("mails",
      {absl::StrCat(mails.sent(), " sent"), absl::StrCat(mails.delayed(), " delayed"),
       absl::StrCat(mails.given_up(), " given up"), absl::StrCat(mails.waiting(), " waiting"),
       absl::StrCat("oldest ", FormatSeconds(mails.oldest_waiting_age().seconds()))},
      lines, mails.given_up() + mails.settings_wrong() > 0 ? Tone::kBad : Tone::kPlain);
}

// Whether `a` comes first; by name where they are alike.
bool IsBefore(const RpcRates& a, const RpcRates& b, RpcOrder order) {
  const auto latency = [](const RpcRates& rpc) {
    return rpc.latency.p99.value_or(absl::ZeroDuration());
  };
  switch (order) {
    case RpcOrder::kByCalls:
      if (a.calls_per_second != b.calls_per_second) return a.calls_per_second > b.calls_per_second;
      break;
    case RpcOrder::kByErrors:
      if (a.errors_per_second != b.errors_per_second) {
        return a.errors_per_second > b.errors_per_second;
      }
      break;
    case RpcOrder::kByLatency:
      if (latency(a) != latency(b)) return latency(a) > latency(b);
      break;
    case RpcOrder::kByName:
      break;
  }
  return a.method < b.method;
}

std::string RpcText(std::vector<RpcRates> rpcs, const ServerViewOptions& options) {
  std::sort(rpcs.begin(), rpcs.end(), [&](const RpcRates& a, const RpcRates& b) {
    return options.is_reversed ? IsBefore(b, a, options.order) : IsBefore(a, b, options.order);
  });
  Table table({{"rpc"},
               {"calls/s", Align::kRight},
               {"errors/s", Align::kRight},
               {"p50", Align::kRight},
               {"p99", Align::kRight},
               {"calls", Align::kRight}});
  for (const RpcRates& rpc : rpcs) {
    table.AddRow({{rpc.method, rpc.calls_per_second > 0 ? Tone::kStrong : Tone::kFaint},
                  Number(rpc.calls_per_second),
                  Number(rpc.errors_per_second),
                  FormatShort(rpc.latency.p50),
                  FormatShort(rpc.latency.p99),
                  absl::StrCat(rpc.calls)});
  }
  return table.ToString(options.has_colour);
}

// ---- JSON

Json MicrosOrNull(std::optional<absl::Duration> duration) {
  const bool is_finite = duration.has_value() && *duration != absl::InfiniteDuration();
  return is_finite ? Json(absl::ToInt64Microseconds(*duration)) : Json(nullptr);
}

Json ToJson(std::optional<int64_t> number) {
  return number.has_value() ? Json(*number) : Json(nullptr);
}

Json ToJson(const Quantiles& times) {
  return {{"p50_us", MicrosOrNull(times.p50)}, {"p99_us", MicrosOrNull(times.p99)}};
}

Json ToJson(const std::vector<NamedRate>& rates) {
  Json json = Json::object();
  for (const NamedRate& rate : rates) json[rate.name] = rate.per_second;
  return json;
}

Json RpcsToJson(const std::vector<RpcRates>& rpcs) {
  Json json = Json::array();
  for (const RpcRates& rpc : rpcs) {
    json.push_back({{"method", rpc.method},
                    {"calls_per_second", rpc.calls_per_second},
                    {"errors_per_second", rpc.errors_per_second},
                    {"latency", ToJson(rpc.latency)},
                    {"calls", rpc.calls}});
  }
  return json;
}

Json CurrenciesToJson(const v1::GetStatusResponse& status) {
  Json json = Json::array();
  for (const v1::CurrencyTotals& totals : status.currencies()) {
    json.push_back({{"currency_code", totals.currency_code()},
                    {"accounts", totals.accounts()},
                    {"open_holds", totals.open_holds()},
                    {"held_micros", totals.held_micros()},
                    {"balance_micros", totals.balance_micros()}});
  }
  return json;
}

}  // namespace

std::string FormatBytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  while (size >= 1000 && unit + 1 < std::size(kUnits)) {
    size /= 1000;
    ++unit;
  }
  const int decimals = unit == 0 || size >= 100 ? 0 : 1;
  return absl::StrFormat("%.*f %s", decimals, size, kUnits[unit]);
}

std::string ServerText(const v1::GetStatusResponse& status, const ServerRates& rates,
                       const ServerViewOptions& options) {
  Lines lines;
  AddProcess(status, rates, options, &lines);
  AddJournal(status, rates, &lines);
  AddMoney(status, rates, &lines);
  Table table({{}, {}});
  for (std::vector<Cell>& line : lines) table.AddRow(std::move(line));
  return absl::StrCat(table.ToString(options.has_colour), "\n", RpcText(rates.rpcs, options));
}

std::string ServerJson(const v1::GetStatusResponse& status, const ServerRates& rates) {
  const Json json = {
      {"time", absl::FormatTime(absl::RFC3339_full, TimeOf(status.time()), absl::UTCTimeZone())},
      {"interval_seconds", absl::ToDoubleSeconds(rates.interval)},
      {"processors", rates.cpus},
      {"resident_bytes", status.process().resident_bytes()},
      {"entries", status.entries()},
      {"entries_per_second", rates.entries_per_second},
      {"commits_per_second", rates.commits_per_second},
      {"entries_per_commit",
       rates.entries_per_commit.has_value() ? Json(*rates.entries_per_commit) : Json(nullptr)},
      {"commit", ToJson(rates.commit)},
      {"sync", ToJson(rates.sync)},
      {"queued", status.queued()},
      {"queued_max", status.queued_max()},
      {"reader_queries_waiting", status.reader_queries_waiting()},
      {"not_derived", status.entries() - status.derived_through_entry_id()},
      {"wal_bytes", status.wal_bytes()},
      {"disk_free_bytes", ToJson(DiskFree(status))},
      {"currencies", CurrenciesToJson(status)},
      {"declines_per_second", ToJson(rates.declines)},
      {"errors_per_second", ToJson(rates.errors)},
      {"recharges_per_second", ToJson(rates.recharges)},
      {"recharges_open", status.recharges().open()},
      {"mails_sent", status.mails().sent()},
      {"mails_given_up", status.mails().given_up()},
      {"mails_waiting", status.mails().waiting()},
      {"rpcs", RpcsToJson(rates.rpcs)}};
  // What a server sends of text is replaced where it is no UTF-8, not thrown at.
  return json.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
}

}  // namespace farebox::cli
