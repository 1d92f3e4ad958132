#ifndef FAREBOX_SERVER_SERVICES_IMPORT_RATES_H_
#define FAREBOX_SERVER_SERVICES_IMPORT_RATES_H_

#include <atomic>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/base/deck_registry.h"
#include "server/base/reader_pool.h"
#include "server/services/rpc_method.h"
#include "storage/catalog.h"
#include "storage/clock.h"
#include "storage/ledger.h"

namespace farebox::server {

// Puts new versions of decks in force: the CSV is parsed first, and only a good deck is written,
// in small pieces so that no debit waits long behind one, and sealed. Thread-safe.
class DeckImporter {
 public:
  // All of them outlive the importer.
  struct Parts {
    Ledger* ledger = nullptr;
    DeckRegistry* decks = nullptr;
    ReaderPool* readers = nullptr;
    const Clock* clock = nullptr;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<DeckVersion>)>;

  explicit DeckImporter(const Parts& parts) : parts_(parts) {}

  // An import keeps a whole deck in memory: there are only so many at once. Who has entered
  // calls Leave() when it is over.
  bool Enter();
  void Leave();

  // Calls `done` on a thread of the reader pool, or at once with OVERLOADED or SHUTTING_DOWN. Fails
  // with FIELD_INVALID where the CSV is no deck; every problem names its line and column.
  void Import(std::string name, std::string csv, Done done);

 private:
  absl::StatusOr<DeckVersion> ImportNow(const std::string& name, const std::string& csv);
  // Runs a change of the catalog and waits for it: only on a thread that may wait.
  absl::Status Change(std::function<absl::Status(Catalog&)> change);

  const Parts parts_;
  std::atomic<int> entered_{0};
};

// One call of ImportRates.
grpc::ServerReadReactor<grpc::ByteBuffer>* ServeImport(const RpcMethod& method,
                                                       grpc::CallbackServerContext& context,
                                                       DeckImporter* importer,
                                                       grpc::ByteBuffer* response);

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_SERVICES_IMPORT_RATES_H_
