#include <memory>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "google/protobuf/any.pb.h"
#include "google/protobuf/descriptor.h"
#include "google/protobuf/duration.pb.h"
#include "google/protobuf/field_mask.pb.h"
#include "google/protobuf/timestamp.pb.h"
#include "google/protobuf/util/field_mask_util.h"
#include "google/protobuf/util/time_util.h"
#include "server/web/json_message.h"

namespace farebox::web {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldMask;
using google::protobuf::Message;
using google::protobuf::Reflection;
using google::protobuf::util::FieldMaskUtil;
using google::protobuf::util::TimeUtil;

void AppendObject(const Message& message, absl::string_view type_url, std::string* json);

void AppendQuoted(absl::string_view plain, std::string* json) {
  absl::StrAppend(json, "\"", plain, "\"");
}

// The message inside, with its type beside its fields; the type alone where it is not known.
void AppendAny(const google::protobuf::Any& any, std::string* json) {
  std::string type;
  std::unique_ptr<Message> inner;
  if (google::protobuf::Any::ParseAnyTypeUrl(any.type_url(), &type)) {
    const Descriptor* const descriptor =
        google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
    if (descriptor != nullptr) {
      inner.reset(
          google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor)->New());
    }
  }
  const bool is_known = inner != nullptr && inner->ParseFromString(any.value());
  if (is_known) {
    AppendObject(*inner, any.type_url(), json);
  } else {
    AppendObject(google::protobuf::Any(), any.type_url(), json);
  }
}

void AppendMessage(const Message& message, std::string* json) {
  const Descriptor* const type = message.GetDescriptor();
  if (type == google::protobuf::Timestamp::descriptor()) {
    const auto& time = static_cast<const google::protobuf::Timestamp&>(message);
    AppendQuoted(TimeUtil::ToString(time), json);
  } else if (type == google::protobuf::Duration::descriptor()) {
    const auto& duration = static_cast<const google::protobuf::Duration&>(message);
    AppendQuoted(TimeUtil::ToString(duration), json);
  } else if (type == FieldMask::descriptor()) {
    std::string paths;
    FieldMaskUtil::ToJsonString(static_cast<const FieldMask&>(message), &paths);
    AppendQuoted(paths, json);
  } else if (type == google::protobuf::Any::descriptor()) {
    AppendAny(static_cast<const google::protobuf::Any&>(message), json);
  } else {
    AppendObject(message, "", json);
  }
}

void AppendEnum(const FieldDescriptor& field, int number, std::string* json) {
  const auto* const value = field.enum_type()->FindValueByNumber(number);
  value == nullptr ? absl::StrAppend(json, number) : AppendQuoted(value->name(), json);
}

void AppendBytes(const FieldDescriptor& field, const std::string& bytes, std::string* json) {
  if (field.type() == FieldDescriptor::TYPE_BYTES) {
    AppendQuoted(absl::Base64Escape(bytes), json);
  } else {
    AppendJsonString(bytes, json);
  }
}

// The value of a field, or the element of one where `index` is not negative.
void AppendValue(const Message& message, const FieldDescriptor& field, int index,
                 std::string* json) {
  const Reflection& in = *message.GetReflection();
  const bool is_one = index < 0;
  std::string scratch;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return absl::StrAppend(json, is_one ? in.GetInt32(message, &field)
                                          : in.GetRepeatedInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_UINT32:
      return absl::StrAppend(json, is_one ? in.GetUInt32(message, &field)
                                          : in.GetRepeatedUInt32(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT64:
      return AppendQuoted(absl::StrCat(is_one ? in.GetInt64(message, &field)
                                              : in.GetRepeatedInt64(message, &field, index)),
                          json);
    case FieldDescriptor::CPPTYPE_UINT64:
      return AppendQuoted(absl::StrCat(is_one ? in.GetUInt64(message, &field)
                                              : in.GetRepeatedUInt64(message, &field, index)),
                          json);
    case FieldDescriptor::CPPTYPE_BOOL:
      return absl::StrAppend(
          json, (is_one ? in.GetBool(message, &field) : in.GetRepeatedBool(message, &field, index))
                    ? "true"
                    : "false");
    case FieldDescriptor::CPPTYPE_ENUM:
      return AppendEnum(field,
                        is_one ? in.GetEnumValue(message, &field)
                               : in.GetRepeatedEnumValue(message, &field, index),
                        json);
    case FieldDescriptor::CPPTYPE_STRING:
      return AppendBytes(field,
                         is_one ? in.GetStringReference(message, &field, &scratch)
                                : in.GetRepeatedStringReference(message, &field, index, &scratch),
                         json);
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return AppendMessage(
          is_one ? in.GetMessage(message, &field) : in.GetRepeatedMessage(message, &field, index),
          json);
    case FieldDescriptor::CPPTYPE_DOUBLE:
    case FieldDescriptor::CPPTYPE_FLOAT:
      // The API has none.
      return absl::StrAppend(json, "null");
  }
}

void AppendMap(const Message& message, const FieldDescriptor& field, std::string* json) {
  const Reflection& in = *message.GetReflection();
  const FieldDescriptor& key = *field.message_type()->map_key();
  const FieldDescriptor& value = *field.message_type()->map_value();
  json->push_back('{');
  for (int i = 0; i < in.FieldSize(message, &field); ++i) {
    if (i > 0) json->push_back(',');
    const Message& entry = in.GetRepeatedMessage(message, &field, i);
    std::string name;
    AppendValue(entry, key, -1, &name);
    // Keys are strings, whatever they are in the proto.
    absl::StrAppend(json, name[0] == '"' ? name : absl::StrCat("\"", name, "\""), ":");
    AppendValue(entry, value, -1, json);
  }
  json->push_back('}');
}

void AppendList(const Message& message, const FieldDescriptor& field, std::string* json) {
  const int size = message.GetReflection()->FieldSize(message, &field);
  json->push_back('[');
  for (int i = 0; i < size; ++i) {
    if (i > 0) json->push_back(',');
    AppendValue(message, field, i, json);
  }
  json->push_back(']');
}

void AppendObject(const Message& message, absl::string_view type_url, std::string* json) {
  std::vector<const FieldDescriptor*> fields;
  message.GetReflection()->ListFields(message, &fields);
  json->push_back('{');
  if (!type_url.empty()) {
    absl::StrAppend(json, "\"@type\":");
    AppendJsonString(type_url, json);
  }
  bool is_first = type_url.empty();
  for (const FieldDescriptor* const field : fields) {
    absl::StrAppend(json, is_first ? "\"" : ",\"", field->name(), "\":");
    is_first = false;
    if (field->is_map()) {
      AppendMap(message, *field, json);
    } else if (field->is_repeated()) {
      AppendList(message, *field, json);
    } else {
      AppendValue(message, *field, -1, json);
    }
  }
  json->push_back('}');
}

}  // namespace

void AppendJsonString(absl::string_view text, std::string* json) {
  // What has a letter of its own after the backslash.
  static constexpr absl::string_view kPlain = "\"\\\b\f\n\r\t";
  static constexpr absl::string_view kLetters = "\"\\bfnrt";
  json->push_back('"');
  for (const char c : text) {
    const size_t found = kPlain.find(c);
    if (found != absl::string_view::npos) {
      json->push_back('\\');
      json->push_back(kLetters[found]);
    } else if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) {
      absl::StrAppendFormat(json, "\\u%04x", static_cast<unsigned char>(c));
    } else {
      json->push_back(c);
    }
  }
  json->push_back('"');
}

std::string WriteJson(const Message& message) {
  std::string json;
  json.reserve(512);
  AppendMessage(message, &json);
  return json;
}

}  // namespace farebox::web
