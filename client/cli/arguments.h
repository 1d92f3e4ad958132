#ifndef FAREBOX_CLIENT_CLI_ARGUMENTS_H_
#define FAREBOX_CLIENT_CLI_ARGUMENTS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "client/cli/session.h"
#include "farebox/v1/usage.pb.h"
#include "google/protobuf/descriptor.h"

// The commands and what may be written after them.
namespace farebox::cli {

// The command tree, and the command of it that was chosen.
class Commands {
 public:
  using Run = std::function<int(Session*)>;

  explicit Commands(CLI::App* root) : root_(root) {}

  CLI::App* root() { return root_; }
  // A command that others belong to.
  CLI::App* AddGroup(const std::string& name, const std::string& description);
  // A command; `parent` is the root or a group.
  CLI::App* Add(CLI::App* parent, const std::string& name, const std::string& description, Run run);
  CLI::App* Add(const std::string& name, const std::string& description, Run run) {
    return Add(root_, name, description, std::move(run));
  }

  // After parsing.
  int RunChosen(Session* session) const { return chosen_(session); }

 private:
  CLI::App* const root_;
  Run chosen_;
};

CLI::Option* AddAccountId(CLI::App* command, std::string* account_id);

// An amount in currency units; `set` gets micros.
CLI::Option* AddMoney(CLI::App* command, const std::string& name, std::function<void(int64_t)> set,
                      const std::string& description);

// One word of an enum.
CLI::Option* AddChoice(CLI::App* command, const std::string& name,
                       const google::protobuf::EnumDescriptor* type, std::function<void(int)> set,
                       const std::string& description);

template <typename Enum>
CLI::Option* AddChoice(CLI::App* command, const std::string& name, std::function<void(Enum)> set,
                       const std::string& description) {
  return AddChoice(
      command, name, google::protobuf::GetEnumDescriptor<Enum>(),
      [set = std::move(set)](int value) { set(static_cast<Enum>(value)); }, description);
}

struct NumberRange {
  int64_t min = 1;
  int64_t max = std::numeric_limits<int64_t>::max();
};

// A whole number, decimal also where it begins with a zero.
CLI::Option* AddNumber(CLI::App* command, const std::string& name, std::function<void(int64_t)> set,
                       const std::string& description, const std::string& type_name,
                       NumberRange range = {});

// What is used: a kind, as a positional argument, and its options.
struct UsageArguments {
  std::string kind;
  v1::Direction direction = v1::DIRECTION_OUTBOUND;
  std::string from;
  std::string to;
  std::string body;
  int32_t segments = 0;
  std::string number;
  bool is_renewal = false;

  bool empty() const { return kind.empty(); }
  v1::Usage ToUsage() const;
};
CLI::Option* AddUsage(CLI::App* command, UsageArguments* usage);

// How many lines of a list to show, all for 0.
CLI::Option* AddLimit(CLI::App* command, int64_t* limit);

// Completes the names of files and directories, and no others.
inline constexpr char kFileType[] = "FILE";
inline constexpr char kDirectoryType[] = "DIR";

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_ARGUMENTS_H_
