#!/usr/bin/env bash
# What tests that are scripts have in common: to be sourced. `work` is a folder of the test's own,
# which goes away at its end; what it has started is stopped then.

top=$(git rev-parse --show-toplevel)
PATH=$PATH:$top/.cache/bin
work=$(mktemp -d)
touch "$work/answer" "$work/log"
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

# Ends the test, with the last answer and what the server has said.
fail() { # WHAT
  echo "FAILED: $1" >&2
  cat "$work/answer" "$work/log" >&2
  exit 1
}

# Waits until the command succeeds.
await() { # WHAT COMMAND...
  local -r end=$((SECONDS + 20))
  until "${@:2}"; do
    ((SECONDS < end)) || fail "$1: not in 20 s"
    sleep 0.05
  done
}

# Starts the server and waits until it takes calls: `server_pid`, and `address` with its port.
start_server() { # BINARY OPTIONS...
  rm -f "$work/port"
  "$1" --port-file "$work/port" "${@:2}" >>"$work/log" 2>&1 &
  server_pid=$!
  await_port
}
await_port() {
  await "the server listens" has_ended_or_listens
  [[ -s $work/port ]] || fail "the server has ended"
  # shellcheck disable=SC2034 # The tests use it.
  address=127.0.0.1:$(<"$work/port")
}
has_ended_or_listens() { [[ -s $work/port ]] || ! kill -0 "$server_pid" 2>/dev/null; }

# It must end well.
stop_server() {
  kill -TERM "$server_pid"
  wait "$server_pid" || fail "the server must stop with 0"
}

# A port that nobody listens on just now.
free_port() {
  /usr/bin/python3 -c \
    'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}
