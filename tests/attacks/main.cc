// Attacks on a server of kv.x, and what becomes of a well-behaved client meanwhile.
//
//   attacks --target rkvd|stock [--target ...] [--attack NAME]... [--stock-failures] [--unbounded]
//           [--table FILE]
//   attacks --list
//
// Starts a server for every attack, beside which it must lie: build/rkvd or
// build/attacks_stock_server. Ends with "N passed, N failed", and with status 0 when all passed.

#include <fmt/core.h>

#include <boost/program_options.hpp>
#include <cstdint>
#include <cstdio>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include "attack.h"
#include "deadline.h"
#include "report.h"
#include "scene.h"

namespace po = boost::program_options;

namespace rkv::attacks {

std::vector<Attack> all_attacks() {
  std::vector<Attack> all;
  for (const auto& part : {framing_attacks, slow_reader_attacks, connection_attacks, stream_attacks,
                           message_attacks, cluster_attacks, udp_attacks}) {
    for (Attack& attack : part()) all.push_back(std::move(attack));
  }
  return all;
}

namespace {

constexpr int kUsage = 2;
constexpr int kInterrupted = 130;
constexpr int kSanitizedPatience = 5;  // times as long as without a sanitizer

struct Options {
  std::vector<Kind> targets;
  std::vector<std::string> attacks;  // empty: all
  bool stock_failures = false;
  bool unbounded = false;
  std::string table;
  std::string programs;  // the folder of this program
};

Kind kind_of(const std::string& name) {
  if (name == "rkvd") return Kind::kRkvd;
  if (name == "stock") return Kind::kStock;
  throw po::error("--target " + name + ": rkvd or stock");
}

// Nothing when help or a list was asked for, and given.
bool read_options(int argc, char** argv, Options* options) {
  std::vector<std::string> targets;
  po::options_description known("attacks - attacks a server of kv.x");
  known.add_options()("target", po::value(&targets)->value_name("rkvd|stock"), "whom; repeatable")(
      "attack", po::value(&options->attacks)->value_name("NAME"), "only this one; repeatable")(
      "stock-failures", po::bool_switch(&options->stock_failures),
      "only those that stock libtirpc is known to fail")(
      "unbounded", po::bool_switch(&options->unbounded),
      "for a server with a sanitizer: memory and CPU are not judged, and calls may take longer")(
      "table", po::value(&options->table)->value_name("FILE"), "write docs/attacks.txt there")(
      "list", "names the attacks")("help", "this text");
  po::variables_map values;
  po::store(po::parse_command_line(argc, argv, known), values);
  po::notify(values);
  if (values.contains("help")) {
    std::cout << known;
    return false;
  }
  if (values.contains("list")) {
    for (const Attack& attack : all_attacks()) fmt::print("{:<19} {}\n", attack.name, attack.what);
    return false;
  }
  if (targets.empty()) throw po::error("--target is missing: rkvd or stock");
  for (const std::string& target : targets) options->targets.push_back(kind_of(target));
  const std::string self = argv[0];
  const std::size_t slash = self.rfind('/');
  options->programs = slash == std::string::npos ? "." : self.substr(0, slash);
  return true;
}

std::vector<Attack> chosen(const Options& options) {
  std::vector<Attack> all = all_attacks();
  for (const std::string& name : options.attacks) {
    const bool known = std::any_of(all.begin(), all.end(),
                                   [&name](const Attack& attack) { return attack.name == name; });
    if (!known) throw po::error("there is no attack " + name + "; --list names them");
  }
  std::erase_if(all, [&options](const Attack& attack) {
    if (options.stock_failures && !attack.stock_fails) return true;
    return !options.attacks.empty() && std::find(options.attacks.begin(), options.attacks.end(),
                                                 attack.name) == options.attacks.end();
  });
  if (options.unbounded) {
    multiply_patience(kSanitizedPatience);
    for (Attack& attack : all) attack.bounds = {.memory_growth_max = SIZE_MAX, .cpu_max = 0};
  }
  return all;
}

bool applies(const Attack& attack, Kind kind, bool udp) {
  return (!attack.rkvd_only || kind == Kind::kRkvd) && (!attack.needs_udp || udp);
}

int run(const Options& options) {
  const std::vector<Attack> attacks = chosen(options);
  std::vector<Line> lines;
  std::size_t passed = 0;
  std::size_t failed = 0;
  lines.reserve(attacks.size());
  for (const Attack& attack : attacks) lines.push_back({&attack, {}});
  for (const Kind kind : options.targets) {
    const bool udp = serves_udp(kind, options.programs);
    for (Line& line : lines) {
      if (!applies(*line.attack, kind, udp)) continue;
      line.outcomes.emplace_back(kind, run_attack(*line.attack, kind, options.programs));
      const Outcome& outcome = line.outcomes.back().second;
      print_outcome(*line.attack, kind, outcome);
      ++(outcome.verdict == Verdict::kPassed ? passed : failed);
    }
  }
  if (!options.table.empty()) write_table(options.table, lines);
  fmt::print("{} passed, {} failed\n", passed, failed);
  return failed == 0 ? 0 : 1;
}

int checked_main(int argc, char** argv) {
  note_interrupts();
  try {
    Options options;
    return read_options(argc, argv, &options) ? run(options) : 0;
  } catch (const po::error& error) {
    fmt::print(stderr, "attacks: {}\n", error.what());
    return kUsage;
  } catch (const Interrupted&) {
    fmt::print(stderr, "attacks: interrupted\n");
    return kInterrupted;
  } catch (const std::exception& error) {
    fmt::print(stderr, "attacks: {}\n", error.what());
    return kUsage;
  }
}

}  // namespace
}  // namespace rkv::attacks

int main(int argc, char** argv) { return rkv::attacks::checked_main(argc, argv); }
