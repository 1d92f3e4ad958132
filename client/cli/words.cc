#include "client/cli/words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace farebox::cli {
namespace {

std::string WordOf(const google::protobuf::EnumValueDescriptor& value) {
  absl::string_view prefix = value.type()->value(0)->name();
  absl::ConsumeSuffix(&prefix, "UNSPECIFIED");
  absl::string_view name = value.name();
  absl::ConsumePrefix(&name, prefix);
  return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"_", "-"}});
}

}  // namespace

std::vector<std::string> EnumWords(const google::protobuf::EnumDescriptor* type) {
  std::vector<std::string> words;
  for (int i = 1; i < type->value_count(); ++i) words.push_back(WordOf(*type->value(i)));
  return words;
}

std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value) {
  if (value == 0) return "";
  const google::protobuf::EnumValueDescriptor* const found = type->FindValueByNumber(value);
  return found == nullptr ? absl::StrCat(value) : WordOf(*found);
}

int EnumFromWord(const google::protobuf::EnumDescriptor* type, absl::string_view word) {
  for (int i = 1; i < type->value_count(); ++i) {
    if (WordOf(*type->value(i)) == word) return type->value(i)->number();
  }
  return 0;
}

}  // namespace farebox::cli
