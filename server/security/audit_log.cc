#include "server/security/audit_log.h"

#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/util/json_util.h"
#include "server/document_kinds.h"
#include "server/limits.h"
#include "server/log.h"
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

void LogLost(const CallName& name, absl::string_view why) {
  Log(LogLevel::kError, "audit_line_lost",
      {{"call_id", name.call_id}, {"trace_id", name.trace_id}, {"error", why}});
}

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  const int64_t micros = absl::ToUnixMicros(time);
  out->set_seconds(micros / 1'000'000);
  out->set_nanos(static_cast<int32_t>(micros % 1'000'000) * 1'000);
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

AuditLog::Change AuditLog::EnterChange() {
  MutexLock lock(&mu_);
  ++changes_;
  return Change(this);
}

void AuditLog::LeaveChange() {
  MutexLock lock(&mu_);
  --changes_;
  // Under the lock: who drains may destroy it right after.
  change_left_.SignalAll();
}

absl::Status AuditLog::Write(v1::AuditRecord record) {
  SetTime(clock_->Now(), record.mutable_time());
  AccountNumber account = 0;
  if (!record.account_id().empty()) {
    const absl::StatusOr<AccountFacts> facts = ledger_->FindAccount(record.account_id());
    if (facts.ok()) account = facts->number;
  }
  std::string key = absl::StrCat(record.call_id(), "/", v1::AuditEvent_Name(record.event()));
  absl::Status written = documents_->Put({{.kind = kAuditRecords,
                                           .key = std::move(key),
                                           .account = account,
                                           .content = record.SerializeAsString()}});
  Count(record.event(), written.ok());
  return written;
}

void AuditLog::Count(v1::AuditEvent event, bool is_written) {
  MutexLock lock(&mu_);
  if (!is_written) {
    ++counts_.lost;
  } else if (event == v1::AUDIT_EVENT_ASKED) {
    ++counts_.asked;
  } else if (event == v1::AUDIT_EVENT_ANSWERED) {
    ++counts_.answered;
  } else {
    ++counts_.denied;
  }
}

AuditLog::Counts AuditLog::counts() const {
  MutexLock lock(&mu_);
  return counts_;
}

void AuditLog::Begin(v1::AuditRecord asked, Describe describe,
                     absl::AnyInvocable<void(const absl::Status&)> then) {
  std::string lane = asked.account_id();
  lanes_.Post(std::move(lane), [this, asked = std::move(asked), describe = std::move(describe),
                                then = std::move(then)]() mutable {
    asked.set_before_json(describe());
    then(Write(std::move(asked)));
  });
}

void AuditLog::End(v1::AuditRecord answered, absl::AnyInvocable<void()> then) {
  std::string lane = answered.account_id();
  WriteSoon(std::move(lane), std::move(answered), std::move(then));
}

void AuditLog::WriteSoon(std::string lane, v1::AuditRecord line, absl::AnyInvocable<void()> then) {
  const v1::AuditEvent event = line.event();
  const CallName name = {.call_id = line.call_id(), .trace_id = line.trace_id()};
  // Where the work is dropped too: the change was made, and its caller waits.
  auto done = absl::MakeCleanup(std::move(then));
  const bool is_posted = lanes_.Post(
      std::move(lane), [this, name, line = std::move(line), done = std::move(done)]() mutable {
        const absl::Status written = Write(std::move(line));
        if (!written.ok()) LogLost(name, written.message());
      });
  if (is_posted) return;
  Count(event, /*is_written=*/false);
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
  WriteSoon(/*lane=*/"", std::move(denied), [] {});
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
