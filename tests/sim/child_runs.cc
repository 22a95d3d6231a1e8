#include "sim/child_runs.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

namespace rkv::sim {
namespace {

// What a child tells of a run. Two texts follow it.
struct Report {
  std::uint64_t seed = 0;
  bool ok = true;
  std::uint64_t step = 0;
  TimePoint at;
  std::uint64_t events = 0;
  std::uint64_t trace_hash = 0;
  Duration simulated;
  Counters counters;
  std::size_t invariant_size = 0;
  std::size_t what_size = 0;
};
static_assert(std::is_trivially_copyable_v<Report>);

[[noreturn]] void fail_errno(const char* what) {
  std::fprintf(stderr, "sim: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno != EINTR) fail_errno("cannot tell how a run ended");
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

// False at the end of the stream.
bool read_all(int descriptor, char* out, std::size_t size) {
  while (size > 0) {
    const ssize_t count = read(descriptor, out, size);
    if (count == 0 || (count < 0 && errno != EINTR)) return false;
    if (count < 0) continue;
    out += count;
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

void tell(int descriptor, std::uint64_t seed, const Outcome& outcome) {
  Report report{seed,
                outcome.ok,
                outcome.step,
                outcome.at,
                outcome.events,
                outcome.trace_hash,
                outcome.simulated,
                outcome.counters,
                outcome.invariant.size(),
                outcome.what.size()};
  std::string bytes(reinterpret_cast<const char*>(&report), sizeof report);
  write_all(descriptor, bytes + outcome.invariant + outcome.what);
}

bool hear(int descriptor, std::uint64_t* seed, Outcome* outcome) {
  Report report;
  if (!read_all(descriptor, reinterpret_cast<char*>(&report), sizeof report)) return false;
  *seed = report.seed;
  outcome->ok = report.ok;
  outcome->step = report.step;
  outcome->at = report.at;
  outcome->events = report.events;
  outcome->trace_hash = report.trace_hash;
  outcome->simulated = report.simulated;
  outcome->counters = report.counters;
  outcome->invariant.resize(report.invariant_size);
  outcome->what.resize(report.what_size);
  return read_all(descriptor, outcome->invariant.data(), report.invariant_size) &&
         read_all(descriptor, outcome->what.data(), report.what_size);
}

// A process, and what it tells.
struct Child {
  pid_t pid = -1;
  int reports = -1;
  std::uint64_t next_seed = 0;  // that it runs
};

Child start_child(const std::function<void(int reports)>& work) {
  int ends[2];
  if (pipe(ends) != 0) fail_errno("cannot make a pipe");
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid < 0) fail_errno("cannot make a process");
  if (pid == 0) {
    close(ends[0]);
    work(ends[1]);
    std::fflush(nullptr);
    _exit(0);
  }
  close(ends[1]);
  return {pid, ends[0], 0};
}

// How a child that has ended did so; empty if it ended well.
std::string wait_for(const Child& child) {
  close(child.reports);
  int status = 0;
  while (waitpid(child.pid, &status, 0) < 0) {
    if (errno != EINTR) fail_errno("cannot wait for a run");
  }
  if (WIFSIGNALED(status)) return std::string("it died: ") + strsignal(WTERMSIG(status));
  if (WEXITSTATUS(status) == 0) return {};
  return "it ended with status " + std::to_string(WEXITSTATUS(status));
}

Outcome died(std::string how) {
  Outcome outcome;
  outcome.ok = false;
  outcome.invariant = kDied;
  outcome.what = std::move(how);
  return outcome;
}

// Every `stride`th seed from `first` to before `end`.
Child start_worker(const Options& options, std::uint64_t first, std::uint64_t end,
                   std::uint64_t stride) {
  Child child = start_child([&](int reports) {
    Options each = options;
    for (each.seed = first; each.seed < end; each.seed += stride) {
      tell(reports, each.seed, run_seed(each));
    }
  });
  child.next_seed = first;
  return child;
}

}  // namespace

Outcome run_in_child(const Options& options, const Schedule& schedule) {
  const Child child = start_child([&](int reports) {
    Simulation simulation(options, schedule);
    tell(reports, options.seed, simulation.run());
  });
  Outcome outcome;
  std::uint64_t seed = 0;
  const bool told = hear(child.reports, &seed, &outcome);
  const std::string how = wait_for(child);
  return told ? outcome : died(how);
}

void run_many(const Options& options, std::uint64_t from, std::uint64_t count, std::size_t workers,
              const std::function<bool(std::uint64_t seed, const Outcome& outcome)>& report) {
  const std::uint64_t end = from + count;
  std::vector<Child> children;
  for (std::size_t i = 0; i < workers; ++i) {
    children.push_back(start_worker(options, from + i, end, workers));
  }
  bool go_on = true;
  while (go_on && !children.empty()) {
    std::vector<pollfd> polled;
    polled.reserve(children.size());
    for (const Child& child : children) polled.push_back({child.reports, POLLIN, 0});
    if (poll(polled.data(), polled.size(), -1) < 0 && errno != EINTR) fail_errno("cannot poll");
    for (std::size_t i = children.size(); i-- > 0 && go_on;) {
      if (polled[i].revents == 0) continue;
      Child& child = children[i];
      std::uint64_t seed = 0;
      Outcome outcome;
      if (hear(child.reports, &seed, &outcome)) {
        child.next_seed = seed + workers;
        go_on = report(seed, outcome);
        continue;
      }
      const std::string how = wait_for(child);
      const std::uint64_t ended_at = child.next_seed;
      children.erase(children.begin() + static_cast<std::ptrdiff_t>(i));
      if (how.empty()) continue;
      go_on = report(ended_at, died(how));
      if (ended_at + workers < end) {
        children.push_back(start_worker(options, ended_at + workers, end, workers));
      }
    }
  }
  for (const Child& child : children) {
    kill(child.pid, SIGTERM);
    wait_for(child);
  }
}

}  // namespace rkv::sim
