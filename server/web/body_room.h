#ifndef FAREBOX_SERVER_WEB_BODY_ROOM_H_
#define FAREBOX_SERVER_WEB_BODY_ROOM_H_

#include <atomic>
#include <cstddef>
#include <utility>

namespace farebox::web {

// What one request's body takes of the room that all have together; given back with it.
// Thread-compatible.
class BodyRoom {
 public:
  // `taken` is what all have taken; it outlives them.
  explicit BodyRoom(std::atomic<size_t>* taken) : taken_(taken) {}
  ~BodyRoom() { Leave(); }
  BodyRoom(BodyRoom&& other) noexcept
      : taken_(other.taken_), bytes_(std::exchange(other.bytes_, 0)) {}
  BodyRoom& operator=(BodyRoom&&) = delete;

  // The body has so many bytes now. False where all have more than `all_max` with it.
  bool Grow(size_t bytes, size_t all_max) {
    const size_t more = bytes - std::exchange(bytes_, bytes);
    return taken_->fetch_add(more) + more <= all_max;
  }

  // There is no body any more.
  void Leave() { taken_->fetch_sub(std::exchange(bytes_, 0)); }

  // For whoever has the body from now on.
  BodyRoom HandOn() { return std::move(*this); }

 private:
  std::atomic<size_t>* const taken_;
  size_t bytes_ = 0;
};

}  // namespace farebox::web

#endif  // FAREBOX_SERVER_WEB_BODY_ROOM_H_
