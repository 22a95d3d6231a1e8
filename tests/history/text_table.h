#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace rkv::history {

using TextNumber = std::uint32_t;

// Values as numbers: equal ones for equal values. What is made of them is made once.
class TextTable {
 public:
  static constexpr TextNumber kAbsent = 0;   // no value at all
  static constexpr TextNumber kNotTold = 1;  // one that nobody asks for
  static constexpr TextNumber kFirst = 2;    // the values are numbered from here on

  TextNumber number_of(std::string_view text);
  // Of a number that is neither kAbsent nor kNotTold.
  const std::string& text(TextNumber number) const { return texts_[number - kFirst]; }

  // What is left when the suffix stands behind the value, which may be kAbsent.
  TextNumber append(TextNumber value, TextNumber suffix);
  // The value, or 0 for kAbsent, as a decimal number and `amount` more; nothing if it is no number,
  // or not in 64 bits with sign.
  std::optional<std::int64_t> incremented(TextNumber value, std::int64_t amount) const;

  std::uint64_t bytes() const { return bytes_; }

 private:
  std::deque<std::string> texts_;  // never moved: numbers_ points into it
  std::unordered_map<std::string_view, TextNumber> numbers_;
  std::map<std::pair<TextNumber, TextNumber>, TextNumber> appended_;
  std::uint64_t bytes_ = 0;
};

}  // namespace rkv::history
