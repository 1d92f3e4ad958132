#include <algorithm>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/time_util.h"
#include "server/web/json_message.h"
#include "storage/errors.h"

namespace farebox::web {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::util::TimeUtil;

constexpr size_t kLevelsMax = 64;
// The integers that every program has which keeps JSON's numbers in floating point.
constexpr int64_t kExactMax = int64_t{1} << 53;

// Digits as a program writes them, and nothing else.
bool IsCanonicalInteger(absl::string_view text) {
  const bool is_negative = absl::ConsumePrefix(&text, "-");
  if (text == "0") return !is_negative;
  if (text.empty() || text[0] == '0') return false;
  for (const char c : text) {
    if (!absl::ascii_isdigit(c)) return false;
  }
  return true;
}

bool IsWrittenAsString(const Descriptor* type) {
  return type == google::protobuf::Timestamp::descriptor() ||
         type == google::protobuf::Duration::descriptor() || type == FieldMask::descriptor();
}

// Paths by either way of writing names; whether they exist is for others to say.
void ReadFieldMask(absl::string_view text, FieldMask* mask) {
  if (text.empty()) return;
  for (const absl::string_view path : absl::StrSplit(text, ',')) {
    std::string name;
    for (const char c : path) {
      if (absl::ascii_isupper(c)) name.push_back('_');
      name.push_back(absl::ascii_tolower(c));
    }
    mask->add_paths(std::move(name));
  }
}

// What the parser calls with each thing that it reads. An object or a list that is open is a
// frame; the innermost one says where the next value goes.
class Reader {
 public:
  explicit Reader(Message* root) : root_(root) {}

  const absl::Status& status() const { return status_; }

  // What nlohmann::json::sax_parse wants to find. False ends the parse.
  bool null();
  bool boolean(bool value);
  bool number_integer(int64_t value) { return Integer(value, value < -kExactMax); }
  bool number_unsigned(uint64_t value) {
    // What does not fit is beyond what is exact, too.
    const bool is_inexact = value > static_cast<uint64_t>(kExactMax);
    return Integer(is_inexact ? 0 : static_cast<int64_t>(value), is_inexact);
  }
  bool number_float(double, const std::string&) { return Fail("must be a whole number"); }
  bool string(std::string& value);
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(size_t);
  bool key(std::string& name);
  bool end_object() { return Leave(); }
  bool start_array(size_t);
  bool end_array() { return Leave(); }
  bool parse_error(size_t position, const std::string&, const nlohmann::detail::exception&) {
    if (status_.ok()) {
      status_ = error::FieldInvalid(
          "request", absl::StrCat("is no JSON, as of byte ", position == 0 ? 1 : position));
    }
    return false;
  }

 private:
  struct Frame {
    enum class Kind { kMessage, kMap, kList };
    Kind kind;
    // Whose fields are read; of a map or a list, the message that has it.
    Message* message;
    // The field that was named last; of a map or a list, the field that it is.
    const FieldDescriptor* field = nullptr;
    // Fields that were named.
    absl::InlinedVector<const FieldDescriptor*, 8> seen;
    // Of a map: keys that were named, the last one, and its entry.
    absl::flat_hash_set<std::string> keys;
    std::string last_key;
    // Of a list.
    int size = 0;
  };

  // Where a value goes.
  struct Slot {
    Message* message = nullptr;
    const FieldDescriptor* field = nullptr;
    bool is_added = false;
  };

  bool Fail(absl::string_view problem);
  std::string Path() const;
  std::optional<Slot> NextSlot();
  bool Enter(Frame frame);
  bool Leave();
  bool NameField(const std::string& name);
  bool NameKey(const std::string& name);
  bool Integer(int64_t value, bool is_inexact);
  bool SetInteger(const Slot& slot, int64_t value);
  bool SetIntegerText(const Slot& slot, const std::string& text);
  bool SetText(const Slot& slot, std::string& value);
  bool SetMessageText(const Slot& slot, const std::string& value);

  Message* const root_;
  std::vector<Frame> frames_;
  absl::Status status_;
};

std::string Reader::Path() const {
  std::string path;
  for (const Frame& frame : frames_) {
    switch (frame.kind) {
      case Frame::Kind::kMessage:
        if (frame.field == nullptr) break;
        absl::StrAppend(&path, path.empty() ? "" : ".", frame.field->name());
        break;
      case Frame::Kind::kList:
        absl::StrAppend(&path, "[", frame.size - 1, "]");
        break;
      case Frame::Kind::kMap:
        // What was named may be anything: it is not repeated.
        absl::StrAppend(&path, "[", frame.keys.size() - 1, "]");
        break;
    }
  }
  return path.empty() ? "request" : path;
}

bool Reader::Fail(absl::string_view problem) {
  if (status_.ok()) status_ = error::FieldInvalid(Path(), problem);
  return false;
}

// Nothing where no value can be: the reason is told then.
std::optional<Reader::Slot> Reader::NextSlot() {
  if (frames_.empty()) {
    Fail("must be a JSON object");
    return std::nullopt;
  }
  Frame& top = frames_.back();
  if (top.kind == Frame::Kind::kList) {
    ++top.size;
    return Slot{.message = top.message, .field = top.field, .is_added = true};
  }
  if (top.kind == Frame::Kind::kMap) {
    // Made by NameKey.
    const int last = top.message->GetReflection()->FieldSize(*top.message, top.field) - 1;
    Message* const entry =
        top.message->GetReflection()->MutableRepeatedMessage(top.message, top.field, last);
    return Slot{.message = entry, .field = top.field->message_type()->map_value()};
  }
  if (top.field->is_repeated()) {
    Fail(top.field->is_map() ? "must be a JSON object" : "must be a JSON array");
    return std::nullopt;
  }
  return Slot{.message = top.message, .field = top.field};
}

bool Reader::Enter(Frame frame) {
  if (frames_.size() >= kLevelsMax) return Fail("has too many levels");
  frames_.push_back(std::move(frame));
  return true;
}

bool Reader::Leave() {
  frames_.pop_back();
  return true;
}

bool Reader::start_object(size_t) {
  if (frames_.empty()) return Enter({.kind = Frame::Kind::kMessage, .message = root_});
  Frame& top = frames_.back();
  if (top.kind == Frame::Kind::kMessage && top.field->is_map()) {
    return Enter({.kind = Frame::Kind::kMap, .message = top.message, .field = top.field});
  }
  const std::optional<Slot> slot = NextSlot();
  if (!slot.has_value()) return false;
  const bool is_message = slot->field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
  if (!is_message || IsWrittenAsString(slot->field->message_type())) {
    return Fail("must not be a JSON object");
  }
  const auto* const reflection = slot->message->GetReflection();
  Message* const inner = slot->is_added ? reflection->AddMessage(slot->message, slot->field)
                                        : reflection->MutableMessage(slot->message, slot->field);
  return Enter({.kind = Frame::Kind::kMessage, .message = inner});
}

bool Reader::start_array(size_t) {
  if (frames_.empty()) return Fail("must be a JSON object");
  Frame& top = frames_.back();
  const bool is_list =
      top.kind == Frame::Kind::kMessage && top.field->is_repeated() && !top.field->is_map();
  if (!is_list) return Fail("must not be a JSON array");
  return Enter({.kind = Frame::Kind::kList, .message = top.message, .field = top.field});
}

bool Reader::key(std::string& name) {
  return frames_.back().kind == Frame::Kind::kMap ? NameKey(name) : NameField(name);
}

bool Reader::NameKey(const std::string& name) {
  Frame& map = frames_.back();
  const bool is_new = map.keys.insert(name).second;
  if (!is_new) return Fail("comes twice");
  const FieldDescriptor* const key = map.field->message_type()->map_key();
  if (key->type() != FieldDescriptor::TYPE_STRING) return Fail("is not supported in JSON");
  Message* const entry = map.message->GetReflection()->AddMessage(map.message, map.field);
  entry->GetReflection()->SetString(entry, key, name);
  return true;
}

bool Reader::NameField(const std::string& name) {
  Frame& frame = frames_.back();
  const Descriptor* const type = frame.message->GetDescriptor();
  frame.field = nullptr;
  const FieldDescriptor* field = type->FindFieldByName(name);
  for (int i = 0; field == nullptr && i < type->field_count(); ++i) {
    if (type->field(i)->json_name() == name) field = type->field(i);
  }
  if (field == nullptr) {
    // Shown where it can be: what is no name would only make the answer unreadable.
    const bool is_name = name.size() <= 64 && !name.empty() &&
                         std::all_of(name.begin(), name.end(),
                                     [](char c) { return absl::ascii_isalnum(c) || c == '_'; });
    return Fail(is_name ? absl::StrCat("has no field ", name) : "has a field that is unknown");
  }
  frame.field = field;
  for (const FieldDescriptor* const seen : frame.seen) {
    if (seen == field) return Fail("comes twice");
    const auto* const oneof = field->real_containing_oneof();
    if (oneof != nullptr && seen->real_containing_oneof() == oneof) {
      return Fail(absl::StrCat("and ", seen->name(), " exclude each other"));
    }
  }
  frame.seen.push_back(field);
  return true;
}

bool Reader::null() {
  if (!frames_.empty() && frames_.back().kind == Frame::Kind::kList) ++frames_.back().size;
  // As if the field were not there.
  if (!frames_.empty() && frames_.back().kind == Frame::Kind::kMessage) return true;
  return Fail(frames_.empty() ? "must be a JSON object" : "must not be null");
}

bool Reader::boolean(bool value) {
  const std::optional<Slot> slot = NextSlot();
  if (!slot.has_value()) return false;
  if (slot->field->cpp_type() != FieldDescriptor::CPPTYPE_BOOL)
    return Fail("must not be a truth value");
  const auto* const reflection = slot->message->GetReflection();
  slot->is_added ? reflection->AddBool(slot->message, slot->field, value)
                 : reflection->SetBool(slot->message, slot->field, value);
  return true;
}

bool Reader::Integer(int64_t value, bool is_inexact) {
  const std::optional<Slot> slot = NextSlot();
  if (!slot.has_value()) return false;
  if (is_inexact) return Fail("is beyond 2^53: such a number must be a string of digits");
  return SetInteger(*slot, value);
}

bool Reader::SetInteger(const Slot& slot, int64_t value) {
  const auto* const in = slot.message->GetReflection();
  Message* const message = slot.message;
  const FieldDescriptor* const field = slot.field;
  const auto fits = [value](auto type) {
    return value >= std::numeric_limits<decltype(type)>::min() &&
           value <= std::numeric_limits<decltype(type)>::max();
  };
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64:
      slot.is_added ? in->AddInt64(message, field, value) : in->SetInt64(message, field, value);
      return true;
    case FieldDescriptor::CPPTYPE_INT32:
      if (!fits(int32_t{})) return Fail("is out of range");
      slot.is_added ? in->AddInt32(message, field, static_cast<int32_t>(value))
                    : in->SetInt32(message, field, static_cast<int32_t>(value));
      return true;
    case FieldDescriptor::CPPTYPE_ENUM:
      if (!fits(int32_t{})) return Fail("is out of range");
      slot.is_added ? in->AddEnumValue(message, field, static_cast<int>(value))
                    : in->SetEnumValue(message, field, static_cast<int>(value));
      return true;
    default:
      return Fail("must not be a number");
  }
}

bool Reader::SetIntegerText(const Slot& slot, const std::string& text) {
  if (!IsCanonicalInteger(text)) return Fail("must be a whole number in digits, such as \"12\"");
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) return Fail("is out of range");
  return SetInteger(slot, value);
}

bool Reader::SetMessageText(const Slot& slot, const std::string& value) {
  const Descriptor* const type = slot.field->message_type();
  if (!IsWrittenAsString(type)) return Fail("must be a JSON object");
  const auto* const reflection = slot.message->GetReflection();
  Message* const inner = slot.is_added ? reflection->AddMessage(slot.message, slot.field)
                                       : reflection->MutableMessage(slot.message, slot.field);
  if (type == FieldMask::descriptor()) {
    ReadFieldMask(value, static_cast<FieldMask*>(inner));
  } else if (type == google::protobuf::Duration::descriptor()) {
    auto* const duration = static_cast<google::protobuf::Duration*>(inner);
    if (!TimeUtil::FromString(value, duration)) return Fail("must be as 1.5s");
  } else {
    auto* const time = static_cast<google::protobuf::Timestamp*>(inner);
    if (!TimeUtil::FromString(value, time)) return Fail("must be as 2026-01-31T09:30:00Z");
  }
  return true;
}

bool Reader::SetText(const Slot& slot, std::string& value) {
  const auto* const reflection = slot.message->GetReflection();
  if (slot.field->type() == FieldDescriptor::TYPE_BYTES) {
    std::string bytes;
    if (!absl::Base64Unescape(value, &bytes) && !absl::WebSafeBase64Unescape(value, &bytes)) {
      return Fail("must be base64");
    }
    value = std::move(bytes);
  }
  slot.is_added ? reflection->AddString(slot.message, slot.field, std::move(value))
                : reflection->SetString(slot.message, slot.field, std::move(value));
  return true;
}

bool Reader::string(std::string& value) {
  const std::optional<Slot> slot = NextSlot();
  if (!slot.has_value()) return false;
  switch (slot->field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      return SetText(*slot, value);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return SetMessageText(*slot, value);
    case FieldDescriptor::CPPTYPE_INT32:
    case FieldDescriptor::CPPTYPE_INT64:
      return SetIntegerText(*slot, value);
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* const known = slot->field->enum_type()->FindValueByName(value);
      if (known == nullptr) {
        return Fail(absl::StrCat("must be one of the ", slot->field->enum_type()->name()));
      }
      return SetInteger(*slot, known->number());
    }
    default:
      return Fail("must not be a string");
  }
}

}  // namespace

absl::Status ReadJson(absl::string_view json, Message* message) {
  // The parser would pass over the one, and take the other for the end.
  if (absl::StartsWith(json, "\xef\xbb\xbf") || json.find('\0') != absl::string_view::npos) {
    return error::FieldInvalid("request", "has a byte order mark, or a NUL");
  }
  Reader reader(message);
  const bool is_read = nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  if (!is_read && reader.status().ok()) return error::FieldInvalid("request", "is no JSON");
  return reader.status();
}

}  // namespace farebox::web
