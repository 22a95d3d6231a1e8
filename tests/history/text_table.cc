#include "text_table.h"

#include <charconv>
#include <system_error>

namespace rkv::history {

TextNumber TextTable::number_of(std::string_view text) {
  const auto found = numbers_.find(text);
  if (found != numbers_.end()) return found->second;
  texts_.emplace_back(text);
  bytes_ += text.size();
  const auto number = static_cast<TextNumber>(texts_.size() - 1) + kFirst;
  numbers_.emplace(texts_.back(), number);
  return number;
}

TextNumber TextTable::append(TextNumber value, TextNumber suffix) {
  if (value == kAbsent) return suffix;
  const auto [found, is_new] = appended_.try_emplace({value, suffix}, kAbsent);
  if (is_new) found->second = number_of(text(value) + text(suffix));
  return found->second;
}

std::optional<std::int64_t> TextTable::incremented(TextNumber value, std::int64_t amount) const {
  std::int64_t number = 0;
  if (value != kAbsent) {
    const std::string& decimal = text(value);
    const char* const end = decimal.data() + decimal.size();
    const auto [rest, error] = std::from_chars(decimal.data(), end, number);
    if (error != std::errc() || rest != end) return std::nullopt;
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(number, amount, &sum)) return std::nullopt;
  return sum;
}

}  // namespace rkv::history
