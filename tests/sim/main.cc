// Simulates clusters, by seed.
//
//   sim --seed N [--steps N] [--trace] [--shrink]        one seed; --trace prints what happens,
//                                                        --shrink a short schedule that fails
//   sim --from N --count N [--workers N]                 many
//
// Both take --replicas N (3), --replication paxos|2pc|2pc-coordinator|forward (paxos),
// --log fast|disk (fast: a log without files; disk: the segmented log on a simulated disk), and
// --light (few operations and no faults, for an hour). What fails is printed with the seed, the
// step, what does not hold and the command that repeats it. Ends with 0 if nothing fails, 1 if
// something does, 2 if it does not understand its options.

#include <fmt/core.h>
#include <getopt.h>
#include <sys/resource.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "sim/child_runs.h"
#include "sim/shrink.h"
#include "sim/simulation.h"

namespace rkv::sim {
namespace {

constexpr std::uint64_t kFailuresMax = 10;  // then many seeds are given up

struct Arguments {
  Options options;
  std::uint64_t from = 1;
  std::uint64_t count = 0;  // 0: one seed
  std::size_t workers = 1;
  bool shrink = false;
  bool light = false;
};

[[noreturn]] void usage(const std::string& reason) {
  fmt::print(stderr,
             "sim: {}\n"
             "usage: sim --seed N [--steps N] [--trace] [--shrink]\n"
             "       sim --from N --count N [--workers N]\n"
             "both: [--replicas 3|5|7] [--replication NAME] [--log disk] [--light]\n",
             reason);
  std::exit(2);
}

std::uint64_t number(const char* text, const char* option) {
  char* end = nullptr;
  errno = 0;
  const std::uint64_t value = std::strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || errno != 0) {
    usage(fmt::format("--{} wants a number, not {}", option, text));
  }
  return value;
}

void make_light(ScheduleOptions& options) {
  options.length = seconds(3600);
  options.faults = false;
  options.operations_min = 1;
  options.operations_max = 1;
}

Arguments parse(int argc, char** argv) {
  constexpr std::array kOptions = {option{"seed", required_argument, nullptr, 's'},
                                   option{"steps", required_argument, nullptr, 'n'},
                                   option{"from", required_argument, nullptr, 'f'},
                                   option{"count", required_argument, nullptr, 'c'},
                                   option{"workers", required_argument, nullptr, 'w'},
                                   option{"replicas", required_argument, nullptr, 'r'},
                                   option{"replication", required_argument, nullptr, 'p'},
                                   option{"log", required_argument, nullptr, 'd'},
                                   option{"trace", no_argument, nullptr, 't'},
                                   option{"shrink", no_argument, nullptr, 'k'},
                                   option{"light", no_argument, nullptr, 'l'},
                                   option{nullptr, 0, nullptr, 0}};
  Arguments arguments;
  std::string replication = kDefaultProtocol;
  std::string log = "fast";
  int index = 0;
  for (int letter; (letter = getopt_long(argc, argv, "", kOptions.data(), &index)) != -1;) {
    const auto value = [&] {
      return number(optarg, kOptions[static_cast<std::size_t>(index)].name);
    };
    switch (letter) {
      case 's':
        arguments.options.seed = value();
        break;
      case 'n':
        arguments.options.steps_max = value();
        break;
      case 'f':
        arguments.from = value();
        break;
      case 'c':
        arguments.count = value();
        break;
      case 'w':
        arguments.workers = value();
        break;
      case 'r':
        arguments.options.schedule.replicas = value();
        break;
      case 'p':
        replication = optarg;
        break;
      case 'd':
        log = optarg;
        break;
      case 't':
        arguments.options.transcript = true;
        break;
      case 'k':
        arguments.shrink = true;
        break;
      case 'l':
        arguments.light = true;
        break;
      default:
        usage("an option is not understood");
    }
  }
  const std::size_t replicas = arguments.options.schedule.replicas;
  if (replicas != 3 && replicas != 5 && replicas != 7) usage("--replicas is 3, 5 or 7");
  if (arguments.workers < 1 || arguments.workers > 64) usage("--workers is from 1 to 64");
  if (optind != argc) usage("there is an argument too many");
  const auto protocol = find_protocol(replication);
  if (!protocol) usage("there is no protocol " + replication);
  arguments.options.protocol = *protocol;
  prepare_schedule(*protocol, arguments.options.schedule);
  if (log != "fast" && log != "disk") usage("--log is fast or disk");
  if (log == "disk") arguments.options.log = LogKind::kDisk;
  if (arguments.light) make_light(arguments.options.schedule);
  return arguments;
}

// The command that runs a seed again.
std::string repeat(const Arguments& arguments, std::uint64_t seed) {
  std::string command =
      fmt::format("make sim SEED={} REPLICAS={} REPLICATION={}", seed,
                  arguments.options.schedule.replicas, arguments.options.protocol.name);
  if (arguments.options.log == LogKind::kDisk) command += " LOG=disk";
  if (arguments.light) command += " LIGHT=1";
  return command;
}

void print_failure(const Arguments& arguments, std::uint64_t seed, const Outcome& outcome) {
  fmt::print("seed {} FAILED at step {}, {:.6f} s: {}: {}\n  again: {}\n", seed, outcome.step,
             static_cast<double>(outcome.at.ns) / 1e9, outcome.invariant, outcome.what,
             repeat(arguments, seed));
}

void print_counters(const Counters& it) {
  fmt::print(
      "faults {}: crashes {}, pauses {}, clogs {}, weather changes {}, wrong hints {}, "
      "sync stalls {}, slow disks {}, disk errors {}, full disks {}, rotten logs {}, "
      "clock changes {}, role failures {}, partitions",
      it.faults(), it.crashes, it.pauses, it.link_clogs, it.network_changes, it.wrong_hints,
      it.sync_stalls, it.slow_disks, it.disk_errors, it.full_disks, it.rotten_logs,
      it.clock_changes, it.role_failures);
  for (std::size_t i = 0; i < kPartitions; ++i) {
    fmt::print("{} {} {}", i == 0 ? "" : ",", to_string(static_cast<Partition>(i)),
               it.partitions[i]);
  }
  fmt::print(
      "\nmessages {}: lost {}, twice {}, overtaking {}; unsynced batches lost {}, replies "
      "lost {}\n",
      it.messages, it.messages_lost, it.messages_duplicated, it.messages_reordered, it.batches_lost,
      it.replies_lost);
  fmt::print(
      "replicas: restarts {}, elections {}, slots chosen {}, syncs {}, broken {}, stranded {}\n",
      it.restarts, it.elections, it.slots_chosen, it.syncs, it.broken, it.stranded);
  if (it.transactions > 0) {
    fmt::print(
        "transactions {}: committed {}, aborted {}, conflicts {}; doubts ended by coordinators {}, "
        "by peers {}\n",
        it.transactions, it.commits, it.aborts, it.conflicts, it.doubts_ended_by_coordinator,
        it.doubts_ended_by_peers);
  }
  fmt::print("operations {}: succeeded {}, failed {}, unknown {}; attempts {}\n", it.operations,
             it.succeeded, it.failed, it.unknown, it.attempts);
  fmt::print("sessions {}: epochs {}, expired {}, full {}; pages {}\n", it.sessions, it.epochs,
             it.expired_answers, it.full_answers, it.pages);
}

// Of this process and of those it has waited for.
double cpu_seconds() {
  double sum = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    getrusage(who, &usage);
    for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
      sum += static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    }
  }
  return sum;
}

void print_speed(std::uint64_t events, Duration simulated) {
  const double cpu = cpu_seconds();
  fmt::print("events {}, {:.0f} a CPU second; simulated {:.2f} h, {:.0f} h a CPU hour\n", events,
             static_cast<double>(events) / cpu, static_cast<double>(simulated.ns) / 3.6e12,
             static_cast<double>(simulated.ns) / 1e9 / cpu);
}

void print_shrunk(const Arguments& arguments, const Outcome& first) {
  constexpr std::uint64_t kTriesMax = 2'000;
  Options options = arguments.options;
  options.transcript = false;
  Schedule schedule = make_schedule(options.seed, options.schedule);
  // What was to come behind the failure has no part in it.
  if (first.invariant != kDied) {
    std::erase_if(schedule, [&first](const Step& step) { return step.at > first.at; });
  }
  const auto fails = [&](const Schedule& tried) {
    return run_in_child(options, tried).invariant == first.invariant;
  };
  if (!fails(schedule)) schedule = make_schedule(options.seed, options.schedule);
  schedule = shrink(std::move(schedule), fails, kTriesMax);
  const Outcome shortest = run_in_child(options, schedule);
  fmt::print("shrunk to {} steps, fails at {:.6f} s: {}: {}\n", schedule.size(),
             static_cast<double>(shortest.at.ns) / 1e9, shortest.invariant, shortest.what);
  for (const Step& step : schedule) fmt::print("  {}\n", to_string(step));
}

int run_one(const Arguments& arguments) {
  const Options& options = arguments.options;
  const Outcome outcome = run_in_child(options, make_schedule(options.seed, options.schedule));
  if (!outcome.ok) {
    print_failure(arguments, options.seed, outcome);
    if (arguments.shrink) print_shrunk(arguments, outcome);
    return 1;
  }
  print_counters(outcome.counters);
  print_speed(outcome.events, outcome.simulated);
  fmt::print("seed {} passed, {} steps, trace {:016x}\n", options.seed, outcome.events,
             outcome.trace_hash);
  return 0;
}

int run_seeds(const Arguments& arguments) {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t events = 0;
  Duration simulated;
  Counters counters;
  run_many(arguments.options, arguments.from, arguments.count, arguments.workers,
           [&](std::uint64_t seed, const Outcome& outcome) {
             if (!outcome.ok) print_failure(arguments, seed, outcome);
             ++(outcome.ok ? passed : failed);
             events += outcome.events;
             simulated = simulated + outcome.simulated;
             add(counters, outcome.counters);
             return failed < kFailuresMax;
           });
  print_counters(counters);
  print_speed(events, simulated);
  fmt::print("{} seeds passed, {} failed, with {} replicas of {}\n", passed, failed,
             arguments.options.schedule.replicas, arguments.options.protocol.name);
  return failed == 0 && passed == arguments.count ? 0 : 1;
}

}  // namespace
}  // namespace rkv::sim

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);  // also of use when it is ended
  const rkv::sim::Arguments arguments = rkv::sim::parse(argc, argv);
  return arguments.count == 0 ? rkv::sim::run_one(arguments) : rkv::sim::run_seeds(arguments);
}
