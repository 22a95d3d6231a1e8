#include "field_reader.h"

#include <utility>

namespace rkv::history {

const Json* FieldReader::find(const char* name) {
  if (!ok()) return nullptr;
  const auto found = object_.find(name);
  if (found != object_.end()) return &*found;
  fail(std::string(name) + " is missing");
  return nullptr;
}

std::uint64_t FieldReader::number(const char* name) {
  const Json* const field = find(name);
  if (field == nullptr) return 0;
  if (field->is_number_unsigned()) return field->get<std::uint64_t>();
  fail(std::string(name) + " is no number from 0 on: " + field->dump());
  return 0;
}

std::int64_t FieldReader::signed_number(const char* name) {
  const Json* const field = find(name);
  if (field == nullptr) return 0;
  const bool fits = field->is_number_integer() &&
                    (!field->is_number_unsigned() || field->get<std::uint64_t>() <= INT64_MAX);
  if (fits) return field->get<std::int64_t>();
  fail(std::string(name) + " is no number in 64 bits with sign: " + field->dump());
  return 0;
}

bool FieldReader::boolean(const char* name) {
  const Json* const field = find(name);
  if (field == nullptr) return false;
  if (field->is_boolean()) return field->get<bool>();
  fail(std::string(name) + " is neither true nor false: " + field->dump());
  return false;
}

std::string FieldReader::bytes(const char* name) {
  std::optional<std::string> bytes = bytes_if_there(name);
  if (!bytes) fail(std::string(name) + " is missing");
  return std::move(bytes).value_or(std::string());
}

std::size_t FieldReader::word(const char* name, std::initializer_list<const char*> words) {
  const Json* const field = find(name);
  if (field == nullptr) return 0;
  std::string list;
  for (const char* const& it : words) {
    if (*field == it) return static_cast<std::size_t>(&it - words.begin());
    list += (list.empty() ? "" : ", ") + std::string(it);
  }
  fail(std::string(name) + " is none of " + list + ": " + field->dump());
  return 0;
}

const Json& FieldReader::object(const char* name) {
  static const Json kEmpty = Json::object();
  if (!has(name)) return kEmpty;
  if (object_[name].is_object()) return object_[name];
  fail(std::string(name) + " is no JSON object");
  return kEmpty;
}

const Json& FieldReader::array(const char* name) {
  static const Json kEmpty = Json::array();
  if (!has(name)) return kEmpty;
  if (object_[name].is_array()) return object_[name];
  fail(std::string(name) + " is no JSON array");
  return kEmpty;
}

std::optional<std::uint64_t> FieldReader::number_if_there(const char* name) {
  if (!has(name)) return std::nullopt;
  return number(name);
}

std::optional<std::int64_t> FieldReader::signed_number_if_there(const char* name) {
  if (!has(name)) return std::nullopt;
  return signed_number(name);
}

std::optional<std::string> FieldReader::bytes_if_there(const char* name) {
  if (!ok()) return std::nullopt;
  const auto text = object_.find(name);
  if (text != object_.end()) {
    if (text->is_string()) return text->get<std::string>();
    fail(std::string(name) + " is no string: " + text->dump());
    return std::nullopt;
  }
  const std::string name_base64 = std::string(name) + "_base64";
  const auto encoded = object_.find(name_base64);
  if (encoded == object_.end()) return std::nullopt;
  std::optional<std::string> bytes;
  if (encoded->is_string()) bytes = from_base64(encoded->get_ref<const std::string&>());
  if (!bytes) fail(name_base64 + " is no base64: " + encoded->dump());
  return bytes;
}

}  // namespace rkv::history
