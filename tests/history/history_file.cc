#include "history_file.h"

#include <charconv>
#include <optional>
#include <system_error>
#include <utility>

#include "base/bytes.h"

namespace rkv::history {
namespace {

constexpr std::string_view kNone = "-";
constexpr std::string_view kEmpty = "%";

std::string escaped(std::string_view bytes) {
  if (bytes.empty()) return std::string(kEmpty);
  std::string word;
  for (const char c : bytes) {
    if (c > ' ' && c <= '~' && c != '%') {
      word += c;
    } else {
      word += '%' + to_hex({&c, 1});
    }
  }
  return word;
}

std::optional<std::string> unescaped(std::string_view word) {
  if (word == kEmpty) return std::string();
  std::string bytes;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (word[i] != '%') {
      bytes += word[i];
      continue;
    }
    if (word.size() - i < 3) return std::nullopt;
    const std::optional<std::string> byte = from_hex(word.substr(i + 1, 2));
    if (!byte) return std::nullopt;
    bytes += *byte;
    i += 2;
  }
  return bytes;
}

std::optional<std::uint64_t> number_of(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

// Takes a line apart. After the first word that is not as it must be, failure() says what is wrong
// and every further word is empty.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  std::string_view word(std::string_view what) {
    skip_blanks();
    const std::string_view word = rest_.substr(0, rest_.find_first_of(" \t"));
    if (word.empty()) fail(std::string(what) + " is missing");
    if (!ok()) return {};
    rest_.remove_prefix(word.size());
    return word;
  }

  std::uint64_t number(std::string_view what) {
    const std::string_view it = word(what);
    if (!ok()) return 0;
    const std::optional<std::uint64_t> number = number_of(it);
    if (!number) fail(std::string(what) + " is no number: " + printable(it));
    return number.value_or(0);
  }

  std::optional<std::uint64_t> number_or_none(std::string_view what) {
    const LineReader before = *this;
    if (word(what) == kNone) return std::nullopt;
    *this = before;
    return number(what);
  }

  std::string bytes(std::string_view what) {
    const std::string_view it = word(what);
    if (!ok()) return {};
    std::optional<std::string> bytes = unescaped(it);
    if (!bytes) fail(std::string(what) + " has a % without two hexadecimal digits behind it");
    return std::move(bytes).value_or(std::string());
  }

  // What follows has to be NAME=TEXT.
  void rest() {
    for (skip_blanks(); ok() && !rest_.empty(); skip_blanks()) {
      const std::string_view it = word("NAME=TEXT");
      if (it.find('=') == std::string_view::npos || it.front() == '=') {
        fail("behind the result, this is not NAME=TEXT: " + printable(it));
      }
    }
  }

  void fail(std::string reason) {
    if (ok()) failure_ = std::move(reason);
  }
  bool ok() const { return failure_.empty(); }
  const std::string& failure() const { return failure_; }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }

  std::string_view rest_;
  std::string failure_;
};

void read_kind(LineReader& reader, Operation& operation) {
  const std::string_view kind = reader.word("what was asked");
  if (kind == "put") {
    operation.kind = Kind::kPut;
  } else if (kind == "get") {
    operation.kind = Kind::kGet;
  } else if (kind == "del") {
    operation.kind = Kind::kDel;
  } else {
    reader.fail("this is not put, get or del: " + printable(kind));
  }
}

void read_result(LineReader& reader, Operation& operation) {
  const std::string_view result = reader.word("the result");
  if (result == "ok") {
    operation.outcome = Outcome::kOk;
    operation.version = reader.number_or_none("the version");
    if (operation.kind == Kind::kGet) operation.value = reader.bytes("the value that was read");
  } else if (result == "none" && operation.kind != Kind::kPut) {
    operation.outcome = Outcome::kNotFound;
  } else if (result == "refused") {
    operation.outcome = Outcome::kRefused;
  } else if (result == "unknown") {
    operation.outcome = Outcome::kUnknown;
    operation.returned = kNever;
  } else {
    reader.fail("this is no result of it: " + printable(result));
  }
}

Operation read_operation(LineReader& reader) {
  Operation operation;
  operation.process = reader.number("the process");
  operation.invoked = reader.number("the time of the request");
  operation.returned = reader.number_or_none("the time of the answer").value_or(kNever);
  read_kind(reader, operation);
  operation.key = reader.bytes("the key");
  if (operation.kind == Kind::kPut) operation.argument = reader.bytes("the value to put");
  read_result(reader, operation);
  reader.rest();
  if (operation.invoked == kNever) reader.fail("the time of the request is never");
  if (operation.returned < operation.invoked) reader.fail("the answer comes before the request");
  if (operation.outcome != Outcome::kUnknown && operation.returned == kNever) {
    reader.fail("there is a result, but no time of the answer");
  }
  return operation;
}

}  // namespace

std::string to_line(const Operation& operation) {
  std::string line = std::to_string(operation.process) + ' ' + std::to_string(operation.invoked);
  line += ' ';
  line += operation.returned == kNever ? std::string(kNone) : std::to_string(operation.returned);
  switch (operation.kind) {
    case Kind::kPut:
      line += " put " + escaped(operation.key) + ' ' + escaped(operation.argument);
      break;
    case Kind::kGet:
      line += " get " + escaped(operation.key);
      break;
    case Kind::kDel:
      line += " del " + escaped(operation.key);
      break;
  }
  switch (operation.outcome) {
    case Outcome::kOk:
      line += " ok ";
      line += operation.version ? std::to_string(*operation.version) : std::string(kNone);
      if (operation.kind == Kind::kGet) line += ' ' + escaped(operation.value);
      break;
    case Outcome::kNotFound:
      line += " none";
      break;
    case Outcome::kRefused:
      line += " refused";
      break;
    case Outcome::kUnknown:
      line += " unknown";
      break;
  }
  return line;
}

Result<History> parse_history(std::string_view text, std::string_view name) {
  History history;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.find_first_not_of(" \t") == std::string_view::npos || line.front() == '#') continue;
    LineReader reader(line);
    history.push_back(read_operation(reader));
    if (!reader.ok()) {
      return Status::invalid(std::string(name) + ":" + std::to_string(number) + ": " +
                             reader.failure());
    }
  }
  return history;
}

}  // namespace rkv::history
