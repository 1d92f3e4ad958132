#ifndef FAREBOX_SERVER_HAND_OVER_PASSED_SOCKETS_H_
#define FAREBOX_SERVER_HAND_OVER_PASSED_SOCKETS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "server/transport/descriptor.h"

namespace farebox::server {

// A socket that listens, on its way from one process to another.
struct PassedSocket {
  // Where a server passes it to the next: see Place. Whatever a service manager likes otherwise.
  std::string name;
  int descriptor = -1;
};

// The first descriptor that is passed to a new process.
inline constexpr int kFirstPassedDescriptor = 3;

// The sockets that were passed to this process by a service manager (sd_listen_fds(3): LISTEN_FDS
// and so on), or by the server before this one, which cannot know our process id beforehand. Takes
// what says so out of the environment. Once, before any thread.
std::vector<PassedSocket> TakePassedSockets(bool has_predecessor);

// What a socket is bound to, as the settings have it: "127.0.0.1:50051", "[::1]:50051",
// "unix:/run/farebox". Empty for any other.
std::string AddressOf(int socket);

// The sockets that a server was passed, until it listens on them, and those that it will pass on
// itself. Thread-compatible.
class SocketShelf {
 public:
  // One way in: what for, and at which address by the settings; none where that is empty.
  struct Place {
    std::string purpose;
    std::string address;

    // Of a socket that is passed; without colons, which part names in the environment.
    std::string SocketName() const;
  };

  SocketShelf() = default;
  // Closes what nobody has taken.
  ~SocketShelf();
  SocketShelf(const SocketShelf&) = delete;
  SocketShelf& operator=(const SocketShelf&) = delete;

  // Keeps the sockets that are for one of the places, by their name or else their address, until
  // they are taken; closes the others, which somebody else may have made reachable for anybody.
  void Adopt(const std::vector<PassedSocket>& sockets, const std::vector<Place>& places);
  // The sockets for the place; whoever takes them closes them. Empty where there are none.
  std::vector<int> Take(const Place& place);

  // Copies a socket that listens, to be passed on.
  void Keep(const Place& place, int descriptor);
  std::vector<PassedSocket> ToPass() const;
  // Closes those that would be passed on: nobody gets in by them any more.
  void Close() { kept_.clear(); }

 private:
  struct Kept {
    std::string name;
    Descriptor descriptor;
  };

  std::vector<PassedSocket> adopted_;  // By the names of their places.
  std::vector<Kept> kept_;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_HAND_OVER_PASSED_SOCKETS_H_
