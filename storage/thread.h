#ifndef FAREBOX_STORAGE_THREAD_H_
#define FAREBOX_STORAGE_THREAD_H_

#include <pthread.h>

#include <functional>
#include <thread>
#include <utility>

namespace farebox {

// Starts a thread that `top`, a debugger and a core dump know by name (at most 15 characters).
inline std::thread StartThread(const char* name, std::function<void()> body) {
  return std::thread([name, body = std::move(body)] {
    pthread_setname_np(pthread_self(), name);
    body();
  });
}

}  // namespace farebox

#endif  // FAREBOX_STORAGE_THREAD_H_
