#include "server/security/audit_log.h"

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "server/base/document_kinds.h"
#include "server/base/limits.h"
#include "server/base/log.h"
#include "server/base/proto_time.h"
#include "storage/status_macros.h"

namespace farebox::server {
namespace {

constexpr absl::Duration kDeniedPause = absl::Minutes(1);

// How long a drain waits for changes to be answered: who takes over waits as long.
constexpr absl::Duration kDrainTimeout = absl::Milliseconds(300);

void ForgetSecrets(google::protobuf::Message* message);

void ForgetSecretsIn(const google::protobuf::FieldDescriptor& field,
                     google::protobuf::Message* message) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  if (field.options().GetExtension(v1::is_secret)) return reflection.ClearField(message, &field);
  if (field.cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) return;
  if (!field.is_repeated()) return ForgetSecrets(reflection.MutableMessage(message, &field));
  for (int i = 0; i < reflection.FieldSize(*message, &field); ++i) {
    ForgetSecrets(reflection.MutableRepeatedMessage(message, &field, i));
  }
}

void ForgetSecrets(google::protobuf::Message* message) {
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  message->GetReflection()->ListFields(*message, &fields);
  for (const google::protobuf::FieldDescriptor* const field : fields) {
    ForgetSecretsIn(*field, message);
  }
}

// By what a line that is lost is found again.
struct CallName {
  std::string call_id;
  std::string trace_id;
};

CallName NameOf(const v1::AuditRecord& line) {
  return {.call_id = line.call_id(), .trace_id = line.trace_id()};
}

// Where its lines have their turn: with those of their account, where they are about one. What is
// to be next waits for none of these: only for what the same caller would have next.
std::string LaneOf(const AuditLog::Lines& lines, Lanes::Turn turn) {
  if (turn == Lanes::Turn::kNext) return absl::StrCat("next ", lines.front().caller());
  const std::string& account_id = lines.front().account_id();
  const bool is_of_one = std::all_of(lines.begin(), lines.end(), [&](const v1::AuditRecord& line) {
    return line.account_id() == account_id;
  });
  return is_of_one ? account_id : "";
}

void LogLost(const CallName& name, absl::string_view why) {
  Log(LogLevel::kError, "audit_line_lost",
      {{"call_id", name.call_id}, {"trace_id", name.trace_id}, {"error", why}});
}

}  // namespace

std::string MakeCallId() {
  absl::InsecureBitGen bits;
  return absl::StrFormat("%016x%016x", absl::Uniform<uint64_t>(bits),
                         absl::Uniform<uint64_t>(bits));
}

std::string AuditJson(const google::protobuf::Message& message) {
  const std::unique_ptr<google::protobuf::Message> shown(message.New());
  shown->CopyFrom(message);
  ForgetSecrets(shown.get());
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(*shown, &json).ok()) return "";
  if (json.size() > limits::kAuditTextBytesMax) {
    json.resize(limits::kAuditTextBytesMax);
    // Not in the middle of a character.
    while (!json.empty() && (static_cast<unsigned char>(json.back()) & 0x80) != 0) json.pop_back();
    json += "...";
  }
  return json;
}

AuditLog::AuditLog(DocumentStore* documents, const Ledger* ledger, const Clock* clock)
    : documents_(documents),
      ledger_(ledger),
      clock_(clock),
      lanes_("audit", limits::kAuditThreads) {}

AuditLog::~AuditLog() { Drain(); }

void AuditLog::Drain() {
  AwaitChanges();
  lanes_.Drain();
}

void AuditLog::AwaitChanges() {
  const SystemClock clock;
  const absl::Time end = clock.Now() + kDrainTimeout;
  MutexLock lock(&mu_);
  while (changes_ > 0) {
    const absl::Duration left = end - clock.Now();
    if (left <= absl::ZeroDuration()) return;
    change_left_.WaitFor(&mu_, left);
  }
}

void AuditLog::EnterChange() {
  MutexLock lock(&mu_);
  ++changes_;
}

void AuditLog::LeaveChange() {
  MutexLock lock(&mu_);
  --changes_;
  // Under the lock: who drains may destroy it right after.
  change_left_.SignalAll();
}

Document AuditLog::DocumentOf(v1::AuditRecord line, size_t number) const {
  FillTime(clock_->Now(), line.mutable_time());
  AccountNumber account = 0;
  if (!line.account_id().empty()) {
    const absl::StatusOr<AccountFacts> facts = ledger_->FindAccount(line.account_id());
    if (facts.ok()) account = facts->number;
  }
  std::string key = absl::StrCat(line.call_id(), "/", v1::AuditEvent_Name(line.event()));
  if (number > 0) absl::StrAppend(&key, "/", number);
  return {.kind = kAuditRecords,
          .key = std::move(key),
          .account = account,
          .content = line.SerializeAsString()};
}

absl::Status AuditLog::Write(Lines lines) {
  const v1::AuditEvent event = lines.front().event();
  for (size_t begin = 0; begin < lines.size(); begin += limits::kAuditLinesPerCommit) {
    const size_t end = std::min(lines.size(), begin + limits::kAuditLinesPerCommit);
    DocumentGroup group;
    for (size_t i = begin; i < end; ++i) group.push_back(DocumentOf(std::move(lines[i]), i));
    const absl::Status written = documents_->Put(std::move(group));
    if (!written.ok()) {
      Count(event, lines.size() - begin, /*are_written=*/false);
      return written;
    }
    Count(event, end - begin, /*are_written=*/true);
  }
  return absl::OkStatus();
}

void AuditLog::WriteDone(Lines lines) {
  const CallName name = NameOf(lines.front());
  const absl::Status written = Write(std::move(lines));
  if (!written.ok()) LogLost(name, written.message());
}

void AuditLog::Count(v1::AuditEvent event, size_t lines, bool are_written) {
  const auto count = static_cast<int64_t>(lines);
  MutexLock lock(&mu_);
  if (!are_written) {
    counts_.lost += count;
  } else if (event == v1::AUDIT_EVENT_ASKED) {
    counts_.asked += count;
  } else if (event == v1::AUDIT_EVENT_ANSWERED) {
    counts_.answered += count;
  } else {
    counts_.denied += count;
  }
}

AuditLog::Counts AuditLog::counts() const {
  MutexLock lock(&mu_);
  return counts_;
}

void AuditLog::Change::Begin(Lines asked, Describe describe,
                             absl::AnyInvocable<void(const absl::Status&)> then) {
  std::string lane = LaneOf(asked, turn_);
  log_->lanes_.Post(
      std::move(lane),
      [log = log_.get(), asked = std::move(asked), describe = std::move(describe),
       then = std::move(then)]() mutable {
        asked.front().set_before_json(describe());
        then(log->Write(std::move(asked)));
      },
      turn_);
}

void AuditLog::Change::End(Lines answered, absl::AnyInvocable<void()> then) {
  AuditLog* const log = log_.get();
  std::string lane = LaneOf(answered, turn_);
  log->WriteSoon(
      std::move(lane), std::move(answered),
      [under_way = std::move(log_), then = std::move(then)]() mutable {
        under_way = nullptr;
        then();
      },
      turn_);
}

void AuditLog::WriteSoon(std::string lane, Lines lines, absl::AnyInvocable<void()> then,
                         Lanes::Turn turn) {
  const v1::AuditEvent event = lines.front().event();
  const size_t count = lines.size();
  const CallName name = NameOf(lines.front());
  // Where the work is dropped too: the change was made, and its caller waits.
  auto done = absl::MakeCleanup(std::move(then));
  const bool is_posted = lanes_.Post(
      std::move(lane),
      [this, lines = std::move(lines), done = std::move(done)]() mutable {
        WriteDone(std::move(lines));
      },
      turn);
  if (is_posted) return;
  Count(event, count, /*are_written=*/false);
  LogLost(name, "the server stops");
}

bool AuditLog::IsNews(absl::string_view caller, absl::string_view method) {
  const absl::Time now = clock_->Now();
  MutexLock lock(&mu_);
  if (denied_until_.size() >= limits::kDeniedCallersMax) denied_until_.clear();
  absl::Time& until = denied_until_[absl::StrCat(caller, " ", method)];
  if (until > now) return false;
  until = now + kDeniedPause;
  return true;
}

void AuditLog::NoteDenied(absl::string_view caller, absl::string_view method,
                          absl::FunctionRef<v1::AuditRecord()> describe) {
  if (!IsNews(caller, method)) return;
  v1::AuditRecord denied = describe();
  Log(LogLevel::kWarning, "denied",
      {{"caller", denied.caller()},
       {"peer", denied.peer()},
       {"method", denied.method()},
       {"problem", denied.problem()},
       {"trace_id", denied.trace_id()}});
  WriteSoon(/*lane=*/"", {std::move(denied)}, [] {}, Lanes::Turn::kInOrder);
}

absl::StatusOr<std::vector<v1::AuditRecord>> AuditLog::List(AccountNumber account, int64_t before,
                                                            size_t count_max) {
  FAREBOX_ASSIGN_OR_RETURN(const std::vector<Document> page,
                           documents_->List(kAuditRecords, account, before, count_max));
  std::vector<v1::AuditRecord> records;
  for (const Document& document : page) {
    v1::AuditRecord& record = records.emplace_back();
    if (!record.ParseFromString(document.content)) {
      return absl::DataLossError(absl::StrCat("line ", document.id, " cannot be read"));
    }
    record.set_record_id(document.id);
  }
  return records;
}

}  // namespace farebox::server
