#include "rkv/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/bytes.h"

namespace rkv::cli {
namespace {

constexpr std::string_view kBlanks = " \t";

bool begins_literal(char c) { return c == '\'' || c == '"' || c == '\\'; }

class Splitter {
 public:
  explicit Splitter(std::string_view line) : rest_(line) {}

  // The next word; nothing at the end of the line.
  Result<std::optional<Word>> next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(kBlanks), rest_.size()));
    if (rest_.empty()) return std::optional<Word>();
    Word word;
    word.literal = begins_literal(rest_.front());
    while (!rest_.empty() && kBlanks.find(rest_.front()) == std::string_view::npos) {
      if (Status status = take_part(&word.text); !status.ok()) return status;
    }
    return std::optional<Word>(std::move(word));
  }

 private:
  // A quoted part of a word, or a single character.
  Status take_part(std::string* text) {
    switch (rest_.front()) {
      case '\'':
        return take_single_quoted(text);
      case '"':
        return take_double_quoted(text);
      case '\\':
        return take_escape(text);
      default:
        *text += rest_.front();
        rest_.remove_prefix(1);
        return Status();
    }
  }

  Status take_single_quoted(std::string* text) {
    const std::size_t end = rest_.find('\'', 1);
    if (end == std::string_view::npos) return not_closed('\'');
    *text += rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return Status();
  }

  Status take_double_quoted(std::string* text) {
    rest_.remove_prefix(1);
    while (!rest_.empty()) {
      const char c = rest_.front();
      if (c == '\\') {
        if (Status status = take_escape(text); !status.ok()) return status;
        continue;
      }
      rest_.remove_prefix(1);
      if (c == '"') return Status();
      *text += c;
    }
    return not_closed('"');
  }

  Status take_escape(std::string* text) {
    constexpr std::size_t kHexEscapeSize = 4;  // \xNN
    if (rest_.starts_with("\\x")) {
      const std::optional<std::string> byte =
          rest_.size() < kHexEscapeSize ? std::nullopt : from_hex(rest_.substr(2, 2));
      if (!byte) return Status::invalid("behind \\x there must be two hexadecimal digits");
      *text += *byte;
      rest_.remove_prefix(kHexEscapeSize);
      return Status();
    }
    constexpr std::string_view kEscaped = "\\\"' \t";
    if (rest_.size() < 2 || kEscaped.find(rest_[1]) == std::string_view::npos) {
      const std::string shown = printable(rest_.substr(1, 1));
      return Status::invalid(
          fmt::format("\\{} is not an escape: \\xNN, \\\\, \\\", \\' or \\ and a blank", shown));
    }
    *text += rest_[1];
    rest_.remove_prefix(2);
    return Status();
  }

  static Status not_closed(char quote) {
    return Status::invalid(fmt::format("a quote is not closed: {}", quote));
  }

  std::string_view rest_;
};

}  // namespace

Result<std::vector<Word>> split_words(std::string_view line) {
  std::vector<Word> words;
  const std::size_t first = line.find_first_not_of(kBlanks);
  if (first == std::string_view::npos || line[first] == '#') return words;
  Splitter splitter(line);
  while (true) {
    Result<std::optional<Word>> word = splitter.next();
    if (!word.ok()) return word.status();
    if (!word.value()) return words;
    words.push_back(*std::move(word).value());
  }
}

std::vector<Word> split_roughly(std::string_view line) {
  std::vector<Word> words;
  char quote = '\0';  // that is open; NUL: none is
  bool is_in_word = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool is_blank = kBlanks.find(c) != std::string_view::npos;
    if (is_blank && quote == '\0') {
      is_in_word = false;
      continue;
    }
    if (!std::exchange(is_in_word, true)) words.push_back({"", begins_literal(c)});
    std::string& text = words.back().text;
    if (c == '\\' && quote != '\'') {
      text += line.substr(++i, 1);
    } else if (quote == '\0' && begins_literal(c)) {
      quote = c;
    } else if (quote != '\0' && quote == c) {
      quote = '\0';
    } else {
      text += c;
    }
  }
  return words;
}

}  // namespace rkv::cli
