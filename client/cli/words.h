#ifndef FAREBOX_CLIENT_CLI_WORDS_H_
#define FAREBOX_CLIENT_CLI_WORDS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/generated_enum_reflection.h"

// The API's enums as people type and read them: ITEM_OUTBOUND_CALL is "outbound-call". Taken from
// the descriptors, so that a new value needs no work here.
namespace farebox::cli {

// All words, without the one for unspecified.
std::vector<std::string> EnumWords(const google::protobuf::EnumDescriptor* type);

// Empty for unspecified; the number for a value that this program does not know.
std::string EnumWord(const google::protobuf::EnumDescriptor* type, int value);

// 0, unspecified, where there is no such word.
int EnumFromWord(const google::protobuf::EnumDescriptor* type, absl::string_view word);

// The same for a value of a generated enum.
template <typename Enum>
std::string Word(Enum value) {
  return EnumWord(google::protobuf::GetEnumDescriptor<Enum>(), static_cast<int>(value));
}

}  // namespace farebox::cli

#endif  // FAREBOX_CLIENT_CLI_WORDS_H_
