// Checks recorded histories for linearizability.
//
//   check_history [--steps N] FILE...
//
// The files, as docs/history.txt has them, are one history. Prints whether it is linearizable, and,
// if its answers name slots, whether those can be true (sequential.h). Exits with 0 if all is well,
// 1 if something is not, 2 if N steps for a key or group of keys (4000000) did not suffice to know,
// 3 if a file cannot be read or the command line makes no sense.

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
#include "sequential.h"

namespace {

using namespace rkv;

constexpr int kExitWrong = 1;
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
  if (report.verdict == history::Verdict::kNotLinearizable) return kExitWrong;
  return report.verdict == history::Verdict::kUnknown ? kExitNotDecided : 0;
}

// Whether the slots that the answers name can be true.
bool report_slots(const history::SequentialReport& report) {
  if (report.positions == 0) return true;
  std::printf("%s: %zu answers with slots, %zu values read\n",
              report.holds ? "slots fit" : "SLOTS DO NOT FIT", report.positions, report.values);
  if (!report.holds) std::printf("%s\n", report.explanation.c_str());
  return report.holds;
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
  const int exit_status = report_exit_status(history::check(history, options));
  return report_slots(history::check_sequential(history)) ? exit_status : kExitWrong;
}
