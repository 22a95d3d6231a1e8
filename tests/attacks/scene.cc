#include "scene.h"

#include <fmt/core.h>

#include <algorithm>

namespace rkv::attacks {
namespace {

// What is measured over less than this, in seconds, says nothing.
constexpr double kShareTimeMin = 0.1;

constexpr Duration kHoldMin{400};  // CPU time is counted in hundredths of a second
constexpr std::size_t kHoldCalls = 40;
constexpr Duration kHoldMax{20'000};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPassed:
      return "passed";
    case Verdict::kWrong:
      return "wrong";
    case Verdict::kHeld:
      return "held";
    case Verdict::kGrew:
      return "grew";
    case Verdict::kSpins:
      return "spins";
    case Verdict::kStalled:
      return "stalled";
    case Verdict::kDied:
      return "died";
  }
  return "?";
}

// In a cluster, the others are at another replica than the attacker.
Scene::Scene(const Attack& attack, Target& target)
    : attack_(attack),
      target_(target),
      others_(target.port(target.size() - 1), attack.new_connections) {
  measure_from_here();
  others_.start();
}

void Scene::measure_from_here() {
  target_.process().reset_memory_peak();
  memory_before_ = target_.process().usage().memory;
}

void Scene::hold_while(const std::function<void()>& step) {
  const Deadline at_least(kHoldMin);
  const Deadline at_most(kHoldMax);
  const std::size_t calls_before = others_.calls();
  const Clock::time_point start = Clock::now();
  const Usage before = target_.process().usage();
  while (!at_most.passed() && target_.running()) {
    const bool enough =
        others_.calls() >= calls_before + kHoldCalls || !others_.all_well() || failed();
    if (enough && at_least.passed()) break;
    step();
    check_interrupted();
  }
  // Of the time in which it could run: on a busy machine one that spins gets only a part of a core.
  const Usage after = target_.process().usage();
  const double waited = after.waited_seconds - before.waited_seconds;
  const double could_run = std::max(seconds_since(start) - waited, kShareTimeMin);
  cpu_share_ = std::max(cpu_share_, (after.cpu_seconds - before.cpu_seconds) / could_run);
}

void Scene::note(Verdict verdict, const std::string& problem) {
  if (verdict <= verdict_) return;
  verdict_ = verdict;
  problem_ = problem;
}

void Scene::expect(bool holds, const std::string& otherwise, Verdict verdict) {
  if (!holds) note(verdict, otherwise);
}

void Scene::expect_answer(Socket& socket, std::string_view message, const std::string& what) {
  const Answer answer = socket.ask(message);
  expect(answer.what == what, fmt::format("answered with {}, not {}", answer.what, what));
}

void Scene::expect_closed(Socket& socket, Duration limit, const std::string& why) {
  expect(socket.closed_within(limit), fmt::format("not closed in {} ms: {}", limit.count(), why),
         Verdict::kHeld);
}

bool Scene::failed() const { return verdict_ != Verdict::kPassed || !others_.all_well(); }

Outcome Scene::judge() {
  others_.stop();
  Outcome outcome;
  outcome.others = others_.treatment();
  outcome.cpu_share = cpu_share_;
  const Usage usage = target_.process().usage();
  outcome.descriptors = usage.descriptors;
  outcome.memory_growth = usage.memory_peak - std::min(usage.memory_peak, memory_before_);
  if (outcome.memory_growth > attack_.bounds.memory_growth_max) {
    note(Verdict::kGrew,
         fmt::format("memory grew by {} MiB, the bound is {}", outcome.memory_growth / kMebibyte,
                     attack_.bounds.memory_growth_max / kMebibyte));
  }
  if (attack_.bounds.cpu_max > 0 && cpu_share_ > attack_.bounds.cpu_max) {
    note(Verdict::kSpins,
         fmt::format("{:.0f} % of a core while the attack was held", cpu_share_ * 100));
  }
  if (!outcome.others.first_problem.empty()) {
    note(Verdict::kStalled, "the others: " + outcome.others.first_problem);
  }
  const auto others_wait_max = static_cast<double>(attack_.bounds.others_wait_max.count());
  if (others_wait_max > 0 && outcome.others.worst_ms > others_wait_max) {
    note(Verdict::kStalled,
         fmt::format("the others: an answer came after {:.0f} ms, the bound is {}",
                     outcome.others.worst_ms, others_wait_max));
  }
  if (verdict_ == Verdict::kStalled) problem_ += "; the end of the log:\n" + target_.log_end();
  if (!target_.running()) note(Verdict::kDied, "the server ended: " + target_.log_end());
  outcome.verdict = verdict_;
  outcome.problem = problem_;
  return outcome;
}

Outcome run_attack(const Attack& attack, Kind kind, const std::string& programs) {
  Target target(kind, programs, attack.setup);
  Scene scene(attack, target);
  attack.run(scene);
  return scene.judge();
}

}  // namespace rkv::attacks
