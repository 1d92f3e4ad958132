#include "client/cli/arguments.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/decimal.h"
#include "client/cli/words.h"

namespace farebox::cli {
namespace {

constexpr char kCall[] = "call";
constexpr char kText[] = "text";
constexpr char kNumber[] = "number";
constexpr char kRingThrough[] = "ring-through";

// Refuses, in a sentence, whatever is not among `words`.
CLI::Validator IsOneOf(std::vector<std::string> words) {
  const auto check = [words](const std::string& value) -> std::string {
    if (std::find(words.begin(), words.end(), value) != words.end()) return "";
    return absl::StrCat("\"", value, "\" is none of ", absl::StrJoin(words, ", "));
  };
  return CLI::Validator(check, "");
}

// Refuses, in a sentence, whatever is no whole number of that range. To be used as a transform:
// what is checked is what is taken, while CLI11 by itself reads 010 as eight and 0x10 as a number.
CLI::Validator WholeNumber(NumberRange range) {
  const auto rewrite = [range](std::string& text) -> std::string {
    int64_t number = 0;
    if (!absl::SimpleAtoi(text, &number)) {
      return absl::StrCat("\"", text, "\" is not a whole number");
    }
    if (number < range.min) return absl::StrCat(number, " is below ", range.min);
    if (number > range.max) return absl::StrCat(number, " is above ", range.max);
    text = absl::StrCat(number);
    return "";
  };
  return CLI::Validator(rewrite, "");
}

std::string Choices(const std::vector<std::string>& words) {
  return absl::StrCat("{", absl::StrJoin(words, ","), "}");
}

}  // namespace

CLI::App* Commands::AddGroup(const std::string& name, const std::string& description) {
  CLI::App* const group = root_->add_subcommand(name, description);
  group->require_subcommand(1);
  group->footer("");  // The root's is about the whole.
  return group;
}

CLI::App* Commands::Add(CLI::App* parent, const std::string& name, const std::string& description,
                        Run run) {
  CLI::App* const command = parent->add_subcommand(name, description);
  command->footer("");
  command->callback([this, run = std::move(run)] { chosen_ = run; });
  return command;
}

CLI::Option* AddAccountId(CLI::App* command, std::string* account_id) {
  return command->add_option("ACCOUNT", *account_id, "The account's id")->type_name("")->required();
}

CLI::Option* AddMoney(CLI::App* command, const std::string& name, std::function<void(int64_t)> set,
                      const std::string& description) {
  const auto check = [](const std::string& text) {
    return std::string(ParseMicros(text).status().message());
  };
  const auto read = [set = std::move(set)](const std::string& text) {
    set(ParseMicros(text).value_or(0));  // Checked before.
  };
  return command->add_option_function<std::string>(name, read, description)
      ->check(CLI::Validator(check, ""))
      ->type_name("AMOUNT");
}

CLI::Option* AddChoice(CLI::App* command, const std::string& name,
                       const google::protobuf::EnumDescriptor* type, std::function<void(int)> set,
                       const std::string& description) {
  const auto read = [set = std::move(set), type](const std::string& word) {
    set(EnumFromWord(type, word));
  };
  const std::vector<std::string> words = EnumWords(type);
  return command->add_option_function<std::string>(name, read, description)
      ->check(IsOneOf(words))
      ->type_name(Choices(words));
}

CLI::Option* AddNumber(CLI::App* command, const std::string& name, std::function<void(int64_t)> set,
                       const std::string& description, const std::string& type_name,
                       NumberRange range) {
  return command->add_option_function<int64_t>(name, std::move(set), description)
      ->transform(WholeNumber(range))
      ->type_name(type_name);
}

v1::Usage UsageArguments::ToUsage() const {
  v1::Usage usage;
  if (kind == kCall) {
    usage.mutable_call()->set_direction(direction);
    usage.mutable_call()->set_from(from);
    usage.mutable_call()->set_to(to);
  } else if (kind == kText) {
    usage.mutable_text()->set_direction(direction);
    usage.mutable_text()->set_from(from);
    usage.mutable_text()->set_to(to);
    if (segments > 0) {
      usage.mutable_text()->set_segments(segments);
    } else {
      usage.mutable_text()->set_body(body);
    }
  } else if (kind == kNumber) {
    usage.mutable_phone_number()->set_number(number);
    usage.mutable_phone_number()->set_kind(is_renewal ? v1::PhoneNumber::KIND_RENEWAL
                                                      : v1::PhoneNumber::KIND_PURCHASE);
  } else if (kind == kRingThrough) {
    usage.mutable_ring_through()->set_from(from);
    usage.mutable_ring_through()->set_to(to);
  }
  return usage;
}

CLI::Option* AddUsage(CLI::App* command, UsageArguments* usage) {
  const std::vector<std::string> kinds = {kCall, kText, kNumber, kRingThrough};
  CLI::Option* const kind = command->add_option("KIND", usage->kind, "What is used")
                                ->check(IsOneOf(kinds))
                                ->type_name(Choices(kinds));
  AddChoice<v1::Direction>(
      command, "--direction", [usage](v1::Direction value) { usage->direction = value; },
      "Which way a call or text goes, seen from the account; outbound by default");
  command->add_option("--from", usage->from, "Who calls or sends")->type_name("NUMBER");
  command->add_option("--to", usage->to, "Who is called or receives")->type_name("NUMBER");
  CLI::Option* const body =
      command->add_option("--body", usage->body, "The text, whose segments the server counts")
          ->type_name("TEXT");
  command->add_option("--segments", usage->segments, "Segments of the text, counted already")
      ->transform(WholeNumber({.max = 255}))
      ->type_name("COUNT")
      ->excludes(body);
  command->add_option("--number", usage->number, "The phone number that is rented")
      ->type_name("NUMBER");
  command->add_flag("--renewal", usage->is_renewal, "A further month of the number, not its first");
  return kind;
}

CLI::Option* AddLimit(CLI::App* command, int64_t* limit) {
  return command->add_option("--limit", *limit, "How many to show at most; 0 for all")
      ->transform(WholeNumber({.min = 0}))
      ->type_name("COUNT")
      ->capture_default_str();
}

}  // namespace farebox::cli
