#include "rkv/json.h"

#include <utility>

#include "base/bytes.h"

namespace rkv::cli {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

void add_bytes(Json& object, const std::string& name, std::string_view bytes) {
  if (is_text(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "_base64"] = to_base64(bytes);
  }
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::uint32_t group = 0;
    const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    for (std::size_t k = 0; k < 4; ++k) {
      const std::size_t digit = k < digits ? kDigits.find(text[i + k]) : 0;
      if (digit == std::string_view::npos) return std::nullopt;
      group = group << 6 | static_cast<std::uint32_t>(digit);
    }
    for (std::size_t k = 0; k < digits - 1; ++k) {
      bytes += static_cast<char>(group >> (16 - 8 * k) & 0xFF);
    }
  }
  // Of several texts that would mean the same bytes, only one is right.
  return to_base64(bytes) == text ? std::optional(std::move(bytes)) : std::nullopt;
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
