#ifndef FAREBOX_SERVER_TRANSPORT_ACCEPTOR_H_
#define FAREBOX_SERVER_TRANSPORT_ACCEPTOR_H_

#include <memory>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "prometheus/registry.h"
#include "server/transport/admission.h"
#include "server/transport/connection_metrics.h"
#include "server/transport/connection_table.h"
#include "server/transport/connection_watch.h"
#include "server/transport/descriptor.h"
#include "server/transport/listening_sockets.h"

namespace farebox::server {

// Takes connections for a gRPC server, in place of its own listener, which after one failed
// accept() never takes another. Too many connections are closed at once, floods are cut, and when
// descriptors run out the ones that come are closed, so that a server without any still answers
// as soon as it has one.
//
// Every connection has two descriptors: see ConnectionWatch. Thread-compatible.
class Acceptor {
 public:
  struct Options {
    Admission::Options connections;
    int64_t calls_per_connection_max = 0;
  };

  // Makes room for as many descriptors as the process may have, and takes only as many connections
  // as those are enough for. Traffic and registry outlive it.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Make(ListeningSockets sockets,
                                                        const Options& options,
                                                        ConnectionTable* connections,
                                                        prometheus::Registry* registry);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  int port() const { return sockets_.port(); }

  // Connections will be given to the server that is built here.
  void AddTo(grpc::ServerBuilder* builder,
             const std::shared_ptr<grpc::ServerCredentials>& credentials);

  // Once that server has started.
  void Start();

  // Closes the sockets that listen, and watches no more. Connections go on. Before the server shuts
  // down; idempotent.
  void Drain();

 private:
  Acceptor(ListeningSockets sockets, const Options& options, ConnectionTable* connections,
           prometheus::Registry* registry);

  absl::Status Open();
  void Loop();
  void OnTimer();
  // Takes what waits at a socket, up to a number.
  void Accept(int listener);
  // Returns false where it is no use to try again at once.
  bool AcceptOne(int listener);
  void Take(int listener, Descriptor socket, const PeerAddress& peer);
  bool RefuseForDescriptors(int listener);
  void Listen(bool on);

  // Used by the thread once it runs.
  ListeningSockets sockets_;
  Admission admission_;
  const int64_t calls_per_connection_max_;
  ConnectionMetrics metrics_;
  ConnectionTable* const connections_;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> grpc_;
  Descriptor epoll_;
  Descriptor timer_;
  // Closed where there is no other descriptor, to take and close a connection.
  Descriptor reserve_;
  bool is_listening_ = false;
  std::unique_ptr<ConnectionWatch> watch_;

  Descriptor stop_;  // Readable when the thread is to end.
  std::thread thread_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_ACCEPTOR_H_
