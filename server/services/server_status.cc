#include "server/services/server_status.h"

#include <cmath>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/base/proto_time.h"
#include "server/metrics/process_metrics.h"
#include "server/services/entries.h"

namespace farebox::server {
namespace {

constexpr double kMicrosPerSecond = 1e6;

// Prometheus counts in each bucket those below it too.
void FillHistogram(const prometheus::ClientMetric::Histogram& seconds, v1::DurationHistogram* out) {
  uint64_t below = 0;
  for (const prometheus::ClientMetric::Bucket& bucket : seconds.bucket) {
    if (std::isfinite(bucket.upper_bound)) {
      out->add_bound_micros(std::llround(bucket.upper_bound * kMicrosPerSecond));
    }
    out->add_counts(static_cast<int64_t>(bucket.cumulative_count - below));
    below = bucket.cumulative_count;
  }
  out->set_sum_micros(std::llround(seconds.sample_sum * kMicrosPerSecond));
}

void FillLedger(const ServerStatusParts& parts, v1::GetStatusResponse* response) {
  const LedgerStats ledger = parts.ledger->Stats();
  const JournalStats journal = parts.journal->Stats();
  response->set_accounts(ledger.accounts);
  response->set_entries(ledger.last_entry);
  response->set_batches(ledger.batches);
  response->set_derived_through_entry_id(journal.derived_through);
  response->set_start_entries(parts.start.last_entry);
  response->set_start_batches(parts.start.batches);
  response->set_queued(ledger.queued_commands);
  response->set_queued_max(parts.queued_commands_max);
  FillDuration(ledger.last_commit_duration, response->mutable_last_commit_duration());
  FillDuration(ledger.max_commit_duration, response->mutable_max_commit_duration());
  FillDuration(ledger.last_sync_duration, response->mutable_last_sync_duration());
  FillDuration(ledger.commit_under_way, response->mutable_commit_under_way());
  FillHistogram(parts.commits->seconds(), response->mutable_commits());
  FillHistogram(parts.commits->sync_seconds(), response->mutable_syncs());
  response->set_journal_bytes(journal.journal_bytes + journal.wal_bytes);
  response->set_wal_bytes(journal.wal_bytes);
  response->set_derived_bytes(journal.derived_bytes);
  if (journal.disk_free_bytes.has_value()) {
    response->set_disk_free_bytes(*journal.disk_free_bytes);
  }
}

void FillRpcs(const RpcMetrics& rpcs, v1::GetStatusResponse* response) {
  for (const RpcCount& count : rpcs.Counts()) {
    v1::RpcCount* const out = response->add_rpcs();
    out->set_method(count.method);
    out->set_code(count.code);
    out->set_count(count.count);
  }
  for (const RpcLatency& latency : rpcs.Latencies()) {
    v1::RpcLatency* const out = response->add_rpc_latencies();
    out->set_method(latency.method);
    FillHistogram(latency.seconds, out->mutable_latency());
  }
}

void FillTotals(const LedgerMetrics& metrics, v1::GetStatusResponse* response) {
  for (const CurrencyTotals& totals : metrics.Totals()) {
    v1::CurrencyTotals* const out = response->add_currencies();
    out->set_currency_code(totals.currency_code);
    out->set_accounts(totals.accounts);
    out->set_open_holds(totals.open_holds);
    out->set_held_micros(SumText(totals.held_micros));
    out->set_balance_micros(SumText(totals.balance_micros));
  }
  for (const LedgerMetrics::DeclineCount& decline : metrics.Declines()) {
    v1::DeclineCount* const out = response->add_declines();
    out->set_reason(ToProto(decline.reason));
    out->set_count(decline.count);
  }
}

void FillRecharges(const WorkInHand::Pile& open, const RechargeMetrics& metrics,
                   v1::RechargeStatus* out) {
  out->set_open(open.count);
  FillDuration(open.oldest, out->mutable_oldest_open_age());
  for (const OutcomeCount& count : metrics.Counts()) {
    v1::RechargeState state = v1::RECHARGE_STATE_UNSPECIFIED;
    v1::RechargeState_Parse(absl::StrCat("RECHARGE_STATE_", absl::AsciiStrToUpper(count.outcome)),
                            &state);
    v1::RechargeStateCount* const reached = out->add_reached();
    reached->set_state(state);
    reached->set_count(count.count);
  }
}

void FillMails(const WorkInHand::Pile& waiting, const MailMetrics& metrics, v1::MailStatus* out) {
  out->set_waiting(waiting.count);
  FillDuration(waiting.oldest, out->mutable_oldest_waiting_age());
  for (const OutcomeCount& count : metrics.Counts()) {
    if (count.outcome == "sent") out->set_sent(count.count);
    if (count.outcome == "delayed") out->set_delayed(count.count);
    if (count.outcome == "settings_wrong") out->set_settings_wrong(count.count);
    if (count.outcome == "given_up") out->set_given_up(count.count);
  }
}

void FillProcess(v1::ProcessStatus* out) {
  const ProcessFigures process = ReadProcess();
  FillDuration(process.cpu_time, out->mutable_cpu_time());
  out->set_resident_bytes(process.resident_bytes);
  out->set_open_descriptors(process.open_descriptors);
  out->set_descriptors_max(process.descriptors_max);
}

}  // namespace

std::string SumText(absl::int128 sum) {
  std::ostringstream out;
  out << sum;
  return out.str();
}

void FillServerStatus(const ServerStatusParts& parts, v1::GetStatusResponse* response) {
  response->set_version(FAREBOX_VERSION);
  FillTime(parts.start_time, response->mutable_start_time());
  FillTime(parts.clock->Now(), response->mutable_time());
  FillLedger(parts, response);
  FillRpcs(*parts.rpcs, response);
  FillTotals(*parts.totals, response);
  response->set_watchers(parts.watchers->watcher_count());
  response->set_reader_queries_waiting(parts.readers->stats().waiting);
  FillProcess(response->mutable_process());
  if (parts.tls != nullptr) {
    FillTime(parts.tls->Current()->expire_time, response->mutable_certificate_expire_time());
  }
  const absl::StatusOr<WorkInHand::Figures> work = parts.work->Look();
  if (!work.ok()) return;
  FillRecharges(work->attempts, *parts.recharges, response->mutable_recharges());
  FillMails(work->mails, *parts.mails, response->mutable_mails());
}

}  // namespace farebox::server
