#ifndef FAREBOX_SERVER_BACKUPS_H_
#define FAREBOX_SERVER_BACKUPS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "prometheus/registry.h"
#include "server/base/lanes.h"
#include "server/metrics/backup_metrics.h"
#include "storage/backup.h"
#include "storage/clock.h"
#include "storage/journal.h"
#include "storage/mutex.h"

namespace farebox::server {

// Makes backups of the journal, one at a time, on a thread that leaves the processor and the disk
// to whoever answers calls. Thread-safe.
class Backups {
 public:
  struct Options {
    // Where they are; empty: none are made.
    std::string directory;
    // Twice as much of that disk is left free, so that a backup never makes the journal short of
    // it.
    int64_t free_disk_bytes_min = 0;
  };
  // All outlive it.
  struct Parts {
    Journal* journal = nullptr;
    const Clock* clock = nullptr;
    prometheus::Registry* metrics = nullptr;
    // The journal's own: not a place for backups.
    std::string data_directory;
  };
  // InvalidArgument where the directory is none, or the ledger's. An empty one is well.
  static absl::Status CheckDirectory(const std::string& directory,
                                     const std::string& data_directory);
  // Fails as CheckDirectory() does.
  static absl::StatusOr<std::unique_ptr<Backups>> Start(const Options& options, const Parts& parts);
  ~Backups();
  Backups(const Backups&) = delete;
  Backups& operator=(const Backups&) = delete;

  // A backup that somebody waits for.
  struct Order {
    // See BackupRequest.
    std::string file_name;
    bool updates = false;
    // Told after each step, on the backup's thread; returns soon, and false to give it up.
    CopyObserver observer;
  };
  // What became of it.
  struct Made {
    std::string file_name;
    BackupReport report;
    absl::Duration duration;
  };
  using Done = absl::AnyInvocable<void(absl::StatusOr<Made>)>;

  // Calls `done` on the backup's thread, or before it returns where nothing is begun: BACKUPS_OFF,
  // FIELD_INVALID, OVERLOADED while another one is being made, SHUTTING_DOWN. That also on the
  // thread of Drain(), where it comes before the backup is begun.
  void Begin(Order order, Done done);

  // Gives up what is under way. Idempotent.
  void Drain();

 private:
  class Pending;

  Backups(const Options& options, const Parts& parts);

  absl::Status CheckOrder(const Order& order) const;
  absl::StatusOr<Made> Make(const Order& order);
  // Waits for as long as the last step took, and tells whether to go on.
  bool GoOn(const Order& order, const CopyProgress& progress, absl::Time* step_start);

  const Options options_;
  const Parts parts_;
  BackupMetrics metrics_;

  Mutex mu_;
  CondVar stopped_;  // Signalled when stopping_ changes.
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool is_busy_ ABSL_GUARDED_BY(mu_) = false;

  Lanes lanes_;  // Last: it uses all above.
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BACKUPS_H_
