#include "base/bytes.h"

#include <array>

#include "base/check.h"

namespace rkv {
namespace {

constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kXdrUnit = 4;

std::uint8_t byte_at(std::string_view bytes, std::size_t i) {
  return static_cast<std::uint8_t>(bytes[i]);
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

// The length of the well-formed UTF-8 sequence that begins at `i` (Unicode 15, table 3-7); 0 if
// there is none.
std::size_t utf8_sequence_size(std::string_view bytes, std::size_t i) {
  const std::uint8_t lead = byte_at(bytes, i);
  if (lead < 0x80) return 1;
  std::size_t size = 0;
  std::uint8_t second_min = 0x80;
  std::uint8_t second_max = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    size = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    size = 3;
    if (lead == 0xE0) second_min = 0xA0;
    if (lead == 0xED) second_max = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    size = 4;
    if (lead == 0xF0) second_min = 0x90;
    if (lead == 0xF4) second_max = 0x8F;
  } else {
    return 0;
  }
  if (bytes.size() - i < size) return 0;
  if (byte_at(bytes, i + 1) < second_min || byte_at(bytes, i + 1) > second_max) return 0;
  for (std::size_t k = 2; k < size; ++k) {
    if ((byte_at(bytes, i + k) & 0xC0) != 0x80) return 0;
  }
  return size;
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    text += kHexDigits[byte_at(bytes, i) >> 4];
    text += kHexDigits[byte_at(bytes, i) & 0xF];
  }
  return text;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_value(text[i]);
    const int low = hex_value(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high * 16 + low);
  }
  return bytes;
}

std::string to_base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      const bool present = i + k < bytes.size();
      group = group << 8 | (present ? static_cast<std::uint8_t>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      const bool present = k < 2 || i + k - 1 < bytes.size();
      text += present ? kBase64Digits[group >> (18 - 6 * k) & 0x3F] : '=';
    }
  }
  return text;
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
      const std::size_t digit = k < digits ? kBase64Digits.find(text[i + k]) : 0;
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

std::string printable(std::string_view bytes, std::size_t length_max) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (text.size() >= length_max) {
      text += "...";
      break;
    }
    const char c = bytes[i];
    if (c == '\\') {
      text += "\\\\";
    } else if (c >= ' ' && c <= '~') {
      text += c;
    } else {
      text += "\\x";
      text += kHexDigits[byte_at(bytes, i) >> 4];
      text += kHexDigits[byte_at(bytes, i) & 0xF];
    }
  }
  return text;
}

bool is_text(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const std::size_t size = utf8_sequence_size(bytes, i);
    if (size == 0) return false;
    const std::uint8_t lead = byte_at(bytes, i);
    if (lead < 0x20 && lead != '\t' && lead != '\n') return false;
    if (lead == 0x7F) return false;
    if (lead == 0xC2 && byte_at(bytes, i + 1) < 0xA0) return false;  // the C1 controls
    i += size;
  }
  return true;
}

void append_uint32(std::string& out, std::uint32_t number) {
  const std::array<char, 4> bytes = {static_cast<char>(number >> 24),
                                     static_cast<char>(number >> 16),
                                     static_cast<char>(number >> 8), static_cast<char>(number)};
  out.append(bytes.data(), bytes.size());
}

void append_uint64(std::string& out, std::uint64_t number) {
  append_uint32(out, static_cast<std::uint32_t>(number >> 32));
  append_uint32(out, static_cast<std::uint32_t>(number));
}

void append_opaque(std::string& out, std::string_view bytes) {
  RKV_CHECK(bytes.size() <= UINT32_MAX, "an XDR opaque has a 32-bit length");
  append_uint32(out, static_cast<std::uint32_t>(bytes.size()));
  out.append(bytes);
  out.append((kXdrUnit - bytes.size() % kXdrUnit) % kXdrUnit, '\0');
}

std::string_view XdrReader::read_opaque(std::size_t size_max) {
  const std::size_t size = read_uint32();
  if (size > size_max) ok_ = false;
  const std::string_view bytes = take(size);
  take((kXdrUnit - size % kXdrUnit) % kXdrUnit);
  return ok_ ? bytes : std::string_view();
}

}  // namespace rkv
