#include "rkv/json.h"

#include <utility>

#include "base/bytes.h"

namespace rkv::cli {

void add_bytes(Json& object, const std::string& name, std::string_view bytes) {
  if (is_text(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "_base64"] = to_base64(bytes);
  }
}

std::optional<std::string> find_bytes(const Json& object, const std::string& name) {
  const auto plain = object.find(name);
  const auto encoded = object.find(name + "_base64");
  if ((plain == object.end()) == (encoded == object.end())) return std::nullopt;
  const auto& found = plain == object.end() ? encoded : plain;
  if (!found->is_string()) return std::nullopt;
  const std::string& text = found->get_ref<const std::string&>();
  return plain == object.end() ? from_base64(text) : std::optional(text);
}

std::optional<std::uint64_t> find_number(const Json& object, const std::string& name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number_unsigned()) return std::nullopt;
  return found->get<std::uint64_t>();
}

std::string to_text(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string to_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace rkv::cli
