// Preloaded into a server, makes every fdatasync fail once the file that FAREBOX_FAIL_SYNC names
// exists: a disk that dies at a time of the test's choosing.

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

#include <cstdlib>

extern "C" int fdatasync(int fd) {
  using Sync = int (*)(int);
  static const Sync real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, "fdatasync"));
  const char* const trigger = getenv("FAREBOX_FAIL_SYNC");
  if (trigger != nullptr && access(trigger, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return real(fd);
}
