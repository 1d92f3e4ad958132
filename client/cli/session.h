#ifndef FAREBOX_CLIENT_CLI_SESSION_H_
#define FAREBOX_CLIENT_CLI_SESSION_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/exit_codes.h"
#include "client/cli/table.h"
#include "client/cpp/client.h"
#include "google/protobuf/message.h"

namespace farebox::cli {

// What holds for every command.
struct SessionOptions {
  std::string server = "127.0.0.1:50051";
  // See ClientOptions.
  std::string api_key;
  bool has_tls = false;
  std::string tls_name;
  std::string root_certificates;
  std::string certificates;
  std::string private_key;
  std::string traceparent;
  std::optional<absl::Duration> timeout;  // Of a call; what is usual where it is not set.
  std::string request_id;                 // Of the change; made where it is empty.
  bool has_json = false;
  bool has_trace = false;
  bool has_utc = false;
  bool has_colour = false;
};

// How the server is called.
client::ClientOptions ClientOptionsOf(const SessionOptions& options);

// One run of the program: talks to the server and to the person or script that started it. Answers
// go to standard output, everything else to standard error. Used only on the main thread.
class Session {
 public:
  explicit Session(SessionOptions options);

  client::Client& client();
  client::CallOptions call_options() const { return {.timeout = options_.timeout}; }
  const std::string& request_id() const { return options_.request_id; }
  const std::string& server() const { return options_.server; }
  bool has_json() const { return options_.has_json; }
  bool has_colour() const { return options_.has_colour; }
  absl::TimeZone zone() const;

  // Prints the answer, by `show` or as JSON, or fails. How the program ends.
  template <typename Response>
  int Answer(const absl::StatusOr<Response>& response,
             const std::function<void(const Response&)>& show, absl::string_view look_up = "") {
    if (!response.ok()) return Fail(response.status(), look_up);
    if (options_.has_json) {
      PrintJson(*response);
    } else {
      show(*response);
    }
    return kExitOk;
  }

  // Says what went wrong and what to do about it. `look_up`: see DescribeFailure.
  int Fail(const absl::Status& status, absl::string_view look_up = "");

  // In the API's own names, 64-bit numbers as strings, as protobuf has it.
  void PrintJson(const google::protobuf::Message& message);
  // The same in one line.
  void PrintJsonLine(const google::protobuf::Message& message);
  void Print(const Table& table);
  void Print(absl::string_view text);
  // Whether all that was printed so far could be: what goes on for ever is to look.
  bool can_print() const;
  // All of a file, or of standard output for "-". How the program ends.
  int Write(const std::string& path, absl::string_view bytes);
  // A line for the person, on standard error.
  void Note(absl::string_view text);

  // The currency of an account, asked for once; empty where that fails: then amounts are shown
  // without it.
  std::string CurrencyOf(const std::string& account_id);
  // "12.50 USD"
  std::string Money(int64_t micros, absl::string_view currency) const;

 private:
  const SessionOptions options_;
  std::unique_ptr<client::Client> client_;  // Made when it is first needed.
  std::map<std::string, std::string> currencies_;
};

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_SESSION_H_
