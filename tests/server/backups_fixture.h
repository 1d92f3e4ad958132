#ifndef FAREBOX_TESTS_SERVER_BACKUPS_FIXTURE_H_
#define FAREBOX_TESTS_SERVER_BACKUPS_FIXTURE_H_

#include <memory>
#include <vector>

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

}  // namespace farebox::server

#endif  // FAREBOX_TESTS_SERVER_BACKUPS_FIXTURE_H_
