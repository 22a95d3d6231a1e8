#include "report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace rkv::attacks {
namespace {

// What stands above the table; at most 100 columns.
constexpr const char* kPreface =
    R"(Attacks on rkvd, and on rpcgen's stubs of the same kv.x under libtirpc's svc_run()
==================================================================================

Every attack is made on a server that was started for it, over loopback, and next to it a
well-behaved client calls NULL, PUT and GET, one call at a time with 3 ms between two, on a
connection of its own and every fourth call on a new one. It checks every answer. `make attacks`
makes them all and writes this file; tests/system/attacks_test.sh asserts what it says: that rkvd
passes all of them, and that the stock server fails those that are marked with a star. The sources
are tests/attacks/*.cc: each attack is a function, with a comment that names what stands against it.

  median, worst  of the well-behaved client's calls during the attack, in milliseconds. A call is
                 given up after 2,000 ms. PUTs of rkvd are on disk when they are answered; the
                 stock server keeps its values in memory and does nothing else.
  MiB            by how much the server's resident memory grew, at its peak.
  CPU            of one core, in percent of the time in which it could have one, that the server
                 used while the attacker held on. With the attacks that make it work, it works.
  verdict        the worst that is true:
    passed       the others were answered, every call within 2,000 ms; memory and CPU stayed within
                 the attack's bounds (8 MiB and 75 % where its source does not say otherwise); the
                 attacker was answered as RFC 5531 says, or closed at his deadline
    wrong        something was not answered as it should have been
    held         the attacker was not closed
    grew         memory went over its bound
    spins        CPU went over its bound
    stalled      others were not answered in time, or not rightly
    died         the process ended (SIGPIPE, which the main() that rpcgen makes does not ignore)

)";

std::string cells(const Line& line, Kind kind) {
  const auto found = std::find_if(line.outcomes.begin(), line.outcomes.end(),
                                  [kind](const auto& entry) { return entry.first == kind; });
  if (found == line.outcomes.end()) return fmt::format("{:>36}", "-");
  const Outcome& outcome = found->second;
  return fmt::format("{:>8} {:>6.2f} {:>7.1f} {:>7.1f} {:>4.0f}", to_string(outcome.verdict),
                     outcome.others.median_ms, outcome.others.worst_ms,
                     static_cast<double>(outcome.memory_growth) / kMebibyte,
                     outcome.cpu_share * 100);
}

std::string without_blanks_at_the_end(std::string text) {
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace

void print_outcome(const Attack& attack, Kind kind, const Outcome& outcome) {
  fmt::print(
      "{:<8} {:<5} {:<19} {:>5} answered, {:.2f} ms median, {:.1f} worst; {:.1f} MiB, {:.0f} "
      "% CPU, {} descriptors\n",
      to_string(outcome.verdict), to_string(kind), attack.name, outcome.others.answered,
      outcome.others.median_ms, outcome.others.worst_ms,
      static_cast<double>(outcome.memory_growth) / kMebibyte, outcome.cpu_share * 100,
      outcome.descriptors);
  if (!outcome.problem.empty()) fmt::print("         {}\n", outcome.problem);
  std::fflush(stdout);
}

void write_table(const std::string& path, const std::vector<Line>& lines) {
  std::ofstream file(path);
  file << kPreface;
  file << fmt::format("{:<20} {:^36}   {:>25}\n", "", "rkvd", "stock libtirpc");
  const std::string head =
      fmt::format("{:>8} {:>6} {:>7} {:>7} {:>4}", "verdict", "median", "worst", "MiB", "CPU");
  file << fmt::format("{:<20} {}   {}\n", "attack", head, head);
  for (const Line& line : lines) {
    const std::string name =
        std::string(line.attack->name) + (line.attack->stock_fails ? " *" : "");
    file << without_blanks_at_the_end(fmt::format("{:<20} {}   {}", name, cells(line, Kind::kRkvd),
                                                  cells(line, Kind::kStock)))
         << '\n';
  }
  file << "\nThe attacks\n\n";
  for (const Line& line : lines) {
    file << fmt::format("  {:<19} {}\n", line.attack->name, line.attack->what);
  }
  file << fmt::format("\nMeasured on a machine with {} cores.\n",
                      std::thread::hardware_concurrency());
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

}  // namespace rkv::attacks
