#include "server/config.h"

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "server/exit_codes.h"
#include "tests/support/server_process.h"

namespace farebox::server {
namespace {

ConfigResult Read(std::vector<const char*> flags) {
  flags.insert(flags.begin(), "farebox-server");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  ConfigResult result = ReadConfig(static_cast<int>(flags.size()), flags.data());
  ::testing::internal::GetCapturedStdout();
  ::testing::internal::GetCapturedStderr();
  return result;
}

TEST(ReadConfig, ListensOnLoopbackWhereNothingElseIsSaid) {
  const ConfigResult result = Read({});

  EXPECT_FALSE(result.is_done);
  EXPECT_EQ(result.config.listen, "127.0.0.1:50051");
  EXPECT_EQ(result.config.request_window, absl::Hours(24 * 7));
}

TEST(ReadConfig, RefusesToBeReachedByOthersUnlessToldSoLoudly) {
  for (const char* address :
       {"0.0.0.0:50051", "[::]:50051", "192.0.2.1:1", "example.org:1", "127x:1", "[::1]x:1"}) {
    const ConfigResult result = Read({"--listen", address});
    EXPECT_TRUE(result.is_done) << address;
    EXPECT_EQ(result.exit_code, kExitUsage) << address;
    EXPECT_FALSE(Read({"--listen", address, "--insecure-listen-anywhere"}).is_done) << address;
  }
  for (const char* address : {"127.0.0.1:0", "127.1.2.3:1", "localhost:1", "[::1]:1", "unix:/x"}) {
    EXPECT_FALSE(Read({"--listen", address}).is_done) << address;
  }
}

TEST(ReadConfig, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Read({"--no-such-flag"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--queue-max", "0"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--queue-max", "many"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--log-format", "xml"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--listen", "127.0.0.1"}).exit_code, kExitUsage);
  EXPECT_EQ(Read({"--config", "/no/such/file"}).exit_code, kExitUsage);
}

TEST(ReadConfig, TellsOfItselfAndIsDone) {
  for (const char* flag : {"--help", "--version"}) {
    EXPECT_TRUE(Read({flag}).is_done);
    EXPECT_EQ(Read({flag}).exit_code, kExitOk);
  }
}

TEST(ReadConfig, TakesAFlagBeforeTheEnvironmentAndThatBeforeTheFile) {
  const testing::TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/farebox.toml");
  std::ofstream(path) << "data = \"/file\"\nlisten = \"127.0.0.1:1\"\nlog-format = \"json\"\n";
  setenv("FAREBOX_LISTEN", "127.0.0.1:2", 1);
  setenv("FAREBOX_DATA", "/environment", 1);

  const ConfigResult result = Read({"--config", path.c_str(), "--data", "/flag"});

  unsetenv("FAREBOX_LISTEN");
  unsetenv("FAREBOX_DATA");
  EXPECT_FALSE(result.is_done);
  EXPECT_EQ(result.config.data_directory, "/flag");
  EXPECT_EQ(result.config.listen, "127.0.0.1:2");
  EXPECT_EQ(result.config.log_format, LogFormat::kJson);
}

TEST(ReadConfig, RefusesAFileWithOptionsThatItDoesNotKnow) {
  const testing::TemporaryDirectory directory;
  const std::string path = absl::StrCat(directory.path(), "/farebox.toml");
  std::ofstream(path) << "lisen = \"127.0.0.1:1\"\n";

  EXPECT_EQ(Read({"--config", path.c_str()}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace farebox::server
