#ifndef FAREBOX_TESTS_SERVER_BACKUPS_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_BACKUPS_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "farebox/v1/billing.pb.h"
#include "farebox/v1/operations.grpc.pb.h"
#include "grpcpp/client_context.h"
#include "tests/server/answer.h"

namespace farebox::server {

// One call of Backup: all that it told.
struct BackupAnswer {
  grpc::Status status;
  std::vector<v1::BackupProgress> progress;
  v1::BackupResult value;

  const v1::BackupResult* operator->() const { return &value; }
};

inline BackupAnswer MakeBackup(v1::OperationsService::Stub* stub, const v1::BackupRequest& request,
                               grpc::ClientContext* context) {
  BackupAnswer answer;
  const auto stream = stub->Backup(context, request);
  v1::BackupResponse told;
  while (stream->Read(&told)) {
    if (told.has_progress()) answer.progress.push_back(told.progress());
    if (told.has_result()) answer.value = told.result();
  }
  answer.status = stream->Finish();
  return answer;
}

// So many batches of debits that a backup of them, or a list, takes a while.
inline std::vector<v1::ApplyBatchRequest> ManyDebits(absl::string_view account_id, int batches) {
  std::vector<v1::ApplyBatchRequest> requests(static_cast<size_t>(batches));
  for (int batch = 0; batch < batches; ++batch) {
    for (int i = 0; i < 10'000; ++i) {
      v1::DebitRequest* const debit =
          requests[static_cast<size_t>(batch)].add_operations()->mutable_debit();
      debit->set_account_id(std::string(account_id));
      debit->set_request_id(absl::StrCat(batch, "-", i));
      debit->set_amount_micros(1);
      debit->set_item(v1::ITEM_ADJUSTMENT);
    }
  }
  return requests;
}

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_BACKUPS_FIXTURE_H_
