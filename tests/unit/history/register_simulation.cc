#include "register_simulation.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace rkv::history {
namespace {

constexpr Time kLateFactor = 20;  // of the delays: how late the effect of an unanswered one may be

class Simulation {
 public:
  Simulation(const SimulationOptions& options, Random& random)
      : options_(options), random_(random) {}

  History run() {
    std::vector<Time> free_at(options_.processes);
    while (history_.size() < options_.operations) {
      const auto next = std::min_element(free_at.begin(), free_at.end());
      const auto process = static_cast<std::uint64_t>(next - free_at.begin());
      *next = request(process, *next + random_.below(options_.delay_max + 1));
    }
    std::stable_sort(effects_.begin(), effects_.end());
    for (const auto& [time, operation] : effects_) take_effect(history_[operation]);
    std::stable_sort(history_.begin(), history_.end(),
                     [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
    return std::move(history_);
  }

 private:
  // Returns when the process is free again.
  Time request(std::uint64_t process, Time now) {
    const std::uint64_t key = random_.below(options_.keys);
    Operation operation;
    operation.process = process;
    operation.invoked = now;
    operation.kind = static_cast<Kind>(random_.below(5) == 0 ? 2 : random_.below(2));
    operation.key = "key" + std::to_string(key);
    if (operation.kind == Kind::kPut) {
      operation.argument =
          "v" +
          std::to_string(options_.values == 0 ? history_.size() : random_.below(options_.values));
    }
    const Time effect = now + random_.below(options_.delay_max + 1);
    const Time answer = effect + random_.below(options_.delay_max + 1);
    const bool is_lost = options_.lost_one_in != 0 && random_.below(options_.lost_one_in) == 0 &&
                         lost_[key] < options_.lost_per_key_max;
    if (!is_lost) {
      operation.returned = answer;
      operation.outcome = Outcome::kOk;  // take_effect() knows more
      effects_.emplace_back(effect, history_.size());
    } else {
      ++lost_[key];
      if (random_.below(3) != 0) {
        effects_.emplace_back(now + random_.below(options_.delay_max * kLateFactor + 1),
                              history_.size());
      }
    }
    history_.push_back(std::move(operation));
    return answer;
  }

  void take_effect(Operation& operation) {
    const auto found = registers_.find(operation.key);
    const bool is_there = found != registers_.end();
    std::uint64_t version = is_there ? found->second.second : 0;
    const bool answered = operation.returned != kNever;
    if (operation.kind == Kind::kPut) {
      registers_[operation.key] = {operation.argument, ++version};
    } else if (!is_there && answered) {
      operation.outcome = Outcome::kNotFound;
    } else if (operation.kind == Kind::kGet && answered) {
      operation.value = found->second.first;
    }
    if (answered && operation.outcome == Outcome::kOk && options_.versions) {
      operation.version = version;
    }
    if (operation.kind == Kind::kDel && is_there) registers_.erase(found);
  }

  const SimulationOptions& options_;
  Random& random_;
  History history_;
  std::vector<std::pair<Time, std::size_t>> effects_;  // when, and of which operation
  std::map<std::uint64_t, std::size_t> lost_;          // by key
  std::map<std::string, std::pair<std::string, std::uint64_t>> registers_;
};

}  // namespace

History simulate(const SimulationOptions& options, Random& random) {
  return Simulation(options, random).run();
}

}  // namespace rkv::history
