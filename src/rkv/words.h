#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/status.h"

namespace rkv::cli {

// Bytes of a line: a put of the longest key and value, every byte of them as \xNN, and some room
// for the rest.
constexpr std::size_t kLineSizeMax = 4 * (kKeySizeMax + kValueSizeMax) + 4096;

// A word of a line of the shell.
struct Word {
  std::string text;      // any bytes
  bool literal = false;  // it begins with a quote or an escape: it is what it is, never an option
  bool operator==(const Word&) const = default;
};

// Splits a line at blanks and tabs. Between '...' every byte is itself; between "...", and outside
// of quotes, \xNN is the byte of that number, and \\ \" \' and a backslash before a blank are the
// second character itself. Quotes may begin and end within a word. So what rkv shows of bytes that
// are not text can be given back to it. A line whose first word would begin with # has no words.
//
// kInvalid for a quote that is not closed and for any other use of a backslash.
Result<std::vector<Word>> split_words(std::string_view line);

// What can be told of the words of a line that split_words() refuses: quotes and backslashes only
// keep blanks in a word, and what is open at the end of the line ends there.
std::vector<Word> split_roughly(std::string_view line);

}  // namespace rkv::cli
