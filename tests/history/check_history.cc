// Checks recorded histories for linearizability.
//
//   check_history [--steps N] FILE...
//
// The files, as history_file.h has them, are one history. Prints what was found and exits with 0 if
// it is linearizable, 1 if it is not, 2 if N steps for a key (4000000) did not suffice to know, 3
// if a file cannot be read or the command line makes no sense.

#include <array>
#include <charconv>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "checker.h"
#include "history_file.h"

namespace {

using namespace rkv;

constexpr int kExitNotLinearizable = 1;
constexpr int kExitNotDecided = 2;
constexpr int kExitFailure = 3;

int fail(const std::string& reason) {
  std::fprintf(stderr, "check_history: %s\n", reason.c_str());
  return kExitFailure;
}

Status add_file(const std::string& path, history::History& history) {
  std::ifstream stream(path, std::ios::binary);
  std::string text;
  std::array<char, 65536> part{};
  while (stream) {
    stream.read(part.data(), part.size());
    text.append(part.data(), static_cast<std::size_t>(stream.gcount()));
  }
  if (!stream.is_open() || stream.bad()) return Status::invalid(path + " cannot be read");
  Result<history::History> parsed = history::parse_history(text, path);
  if (!parsed.ok()) return parsed.status();
  for (history::Operation& operation : parsed.value()) history.push_back(std::move(operation));
  return {};
}

int report_exit_status(const history::Report& report) {
  switch (report.verdict) {
    case history::Verdict::kLinearizable:
      std::printf("linearizable: ");
      break;
    case history::Verdict::kNotLinearizable:
      std::printf("NOT LINEARIZABLE: ");
      break;
    case history::Verdict::kUnknown:
      std::printf("UNDECIDED: ");
      break;
  }
  std::printf("%zu operations on %zu keys, %llu steps\n", report.operations, report.keys,
              static_cast<unsigned long long>(report.steps));
  if (!report.explanation.empty()) std::printf("%s\n", report.explanation.c_str());
  if (report.verdict == history::Verdict::kNotLinearizable) return kExitNotLinearizable;
  return report.verdict == history::Verdict::kUnknown ? kExitNotDecided : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> arguments(argv + 1, argv + argc);
  history::CheckOptions options;
  if (arguments.size() >= 2 && arguments[0] == "--steps") {
    const std::string_view number = arguments[1];
    const auto [end, error] =
        std::from_chars(number.data(), number.data() + number.size(), options.steps_max);
    if (error != std::errc() || end != number.data() + number.size()) {
      return fail("--steps takes a number, not " + std::string(number));
    }
    arguments.erase(arguments.begin(), arguments.begin() + 2);
  }
  if (arguments.empty() || arguments[0].starts_with("--")) {
    return fail("usage: check_history [--steps N] FILE...");
  }
  history::History history;
  for (const std::string_view path : arguments) {
    const Status added = add_file(std::string(path), history);
    if (!added.ok()) return fail(added.reason());
  }
  return report_exit_status(history::check(history, options));
}
