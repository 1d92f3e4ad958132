// Any bytes as what a peer says to the HTTP listener: an answer or an end of the connection, never
// one that says that the server is at fault, and never another's money. The first byte says what
// the rest is: a whole request, or the body of a call.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/log.h"
#include "server/server.h"
#include "storage/check.h"
#include "storage/clock.h"
#include "tests/support/temporary_directory.h"
#include "tests/web/raw_connection.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace farebox::server {
namespace {

// How the rest of an input is sent: the head of a request, "" for all of it.
struct Form {
  const char* path;
  const char* headers;
};
constexpr std::array kForms = {
    Form{"", ""},
    Form{"/farebox.v1.BillingService/Authorize", "Content-Type: application/json\r\n"},
    Form{"/farebox.v1.BillingService/ApplyBatch", "Content-Type: application/json\r\n"},
    Form{"/farebox.v1.AccountService/CreateAccount", "Content-Type: application/json\r\n"},
    Form{"/farebox.v1.AccountService/UpdateAccount", "Content-Type: application/json\r\n"},
    Form{"/farebox.v1.AccountService/ListActivity", "Content-Type: application/json\r\n"},
    Form{"/farebox.v1.BillingService/Authorize",
         "Content-Type: application/json\r\nContent-Encoding: gzip\r\n"},
    Form{"/farebox.v1.BillingService/Debit", "Content-Type: application/proto\r\n"},
    Form{"/farebox.v1.RateService/ImportRates", "Content-Type: application/connect+json\r\n"},
    Form{"/farebox.v1.RateService/ExportRates", "Content-Type: application/connect+proto\r\n"},
    Form{"/session", "Content-Type: application/json\r\n"},
};

class FuzzedListener {
 public:
  FuzzedListener() {
    ConfigureLog(LogFormat::kText, LogLevel::kError);
    Config config;
    config.data_directory = absl::StrCat(directory_.path(), "/data");
    config.listen = absl::StrCat("unix:", directory_.path(), "/socket");
    config.http_listen = "127.0.0.1:0";
    config.drain_grace = absl::ZeroDuration();
    auto server = Server::Start(config, &clock_, [](const absl::Status&) { FAREBOX_CHECK(false); });
    FAREBOX_CHECK(server.ok());
    server_ = *std::move(server);
  }

  // Sends the bytes and no more, and reads to the end.
  std::string Send(absl::string_view bytes) {
    web::RawConnection connection(server_->http_port());
    connection.Send(bytes);
    connection.FinishSending();
    return connection.ReadAll();
  }

 private:
  testing::TemporaryDirectory directory_;
  SystemClock clock_;
  std::unique_ptr<Server> server_;
};

void SendInput(absl::string_view input) {
  static FuzzedListener listener;
  if (input.empty()) return;
  const Form& form = kForms.at(static_cast<uint8_t>(input[0]) % kForms.size());
  input.remove_prefix(1);
  std::string answer;
  if (*form.path == '\0') {
    answer = listener.Send(input);
  } else {
    answer = listener.Send(
        absl::StrCat("POST ", form.path, " HTTP/1.1\r\nHost: localhost\r\n", form.headers,
                     "Connection: close\r\nContent-Length: ", input.size(), "\r\n\r\n", input));
    FAREBOX_CHECK(absl::StartsWith(answer, "HTTP/1.1 "));
  }
  FAREBOX_CHECK(!absl::StartsWith(answer, "HTTP/1.1 500"));
  FAREBOX_CHECK(!absl::StrContains(answer, "\"code\":\"internal\""));
}

}  // namespace
}  // namespace farebox::server

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  farebox::server::SendInput({reinterpret_cast<const char*>(data), size});
  return 0;
}
