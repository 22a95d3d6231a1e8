#include "json_bytes.h"

#include <cstdint>

#include "base/bytes.h"

namespace rkv::history {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string to_base64(std::string_view bytes) {
  std::string text;
  std::uint32_t bits = 0;
  std::uint32_t bits_held = 0;
  for (const char c : bytes) {
    bits = (bits << 8 | static_cast<std::uint8_t>(c)) & 0xFFFF;
    for (bits_held += 8; bits_held >= 6; bits_held -= 6) {
      text += kDigits[bits >> (bits_held - 6) & 0x3F];
    }
  }
  if (bits_held > 0) text += kDigits[bits << (6 - bits_held) & 0x3F];
  while (text.size() % 4 != 0) text += '=';
  return text;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  text.remove_suffix(padding);
  std::string bytes;
  std::uint32_t bits = 0;
  std::size_t bits_held = 0;
  for (const char c : text) {
    const std::size_t digit = kDigits.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    bits_held += 6;
    if (bits_held < 8) continue;
    bits_held -= 8;
    bytes += static_cast<char>(bits >> bits_held & 0xFF);
    bits &= (1U << bits_held) - 1;
  }
  if (bits != 0) return std::nullopt;  // what the padding cut off must have been zeros
  return bytes;
}

void add_bytes(Json& object, const std::string& name, std::string_view bytes) {
  if (is_text(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "_base64"] = to_base64(bytes);
  }
}

}  // namespace rkv::history
