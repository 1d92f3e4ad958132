#ifndef FAREBOX_SERVER_BASE_TUNING_H_
#define FAREBOX_SERVER_BASE_TUNING_H_

namespace farebox::server {

// How the threads of this process run. Before any are started: they inherit it.
//
//   They let each other finish    (SCHED_BATCH, sched(7)). Whoever is woken waits for a processor
//                                 that is free, or for who has it to pause: gRPC wakes a thread for
//                                 each answer given, which would interrupt the one that gives the
//                                 next. A policy that the process was started with is left alone.
//   Locks look for no cycles      Debian builds absl so that all of gRPC's do: for debugging only.
void TuneThreads();

}  // namespace farebox::server

#endif  // FAREBOX_SERVER_BASE_TUNING_H_
