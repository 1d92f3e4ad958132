#ifndef FAREBOX_CLIENT_CPP_CHANNEL_H_
#define FAREBOX_CLIENT_CPP_CHANNEL_H_

#include <memory>

#include "client/cpp/options.h"
#include "grpcpp/channel.h"

namespace farebox::client {

// A connection to the server, with TLS and an API key where the options have them. Every call on it
// says who is calling.
std::shared_ptr<grpc::Channel> Connect(const ClientOptions& options);

}  // namespace farebox::client

#endif  // FAREBOX_CLIENT_CPP_CHANNEL_H_
