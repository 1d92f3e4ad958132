#ifndef FAREBOX_SERVER_TRANSPORT_DESCRIPTOR_H_
#define FAREBOX_SERVER_TRANSPORT_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace farebox::server {

// A file descriptor that is closed with its owner. Thread-compatible.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    Close();
    fd_ = other.Release();
    return *this;
  }

  // -1 where there is none.
  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }

  // For whoever closes it now.
  int Release() { return std::exchange(fd_, -1); }

  void Close() {
    const int fd = Release();
    if (fd >= 0) close(fd);
  }

 private:
  int fd_ = -1;
};

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_TRANSPORT_DESCRIPTOR_H_
