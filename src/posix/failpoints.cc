#include "posix/failpoints.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"

namespace rkv::posix {
namespace {

constexpr std::uint64_t kDelayMaxMs = 60000;
constexpr std::string_view kDelayPrefix = "delay:";

Status wrong_item(std::string_view item, const std::string& what) {
  return Status::invalid("failpoint '" + std::string(item) + "': " + what);
}

std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t min,
                                          std::uint64_t max) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stopped != end || number < min || number > max) return std::nullopt;
  return number;
}

Status parse_times(std::string_view item, char kind, std::string_view text, FailpointTimes& times) {
  if (kind == '@') {
    const std::optional<std::uint64_t> only = parse_number(text, 1, UINT64_MAX);
    if (!only) return wrong_item(item, "behind @ comes which time, a number from 1");
    times.only = *only;
  } else {
    const std::optional<std::uint64_t> percent = parse_number(text, 1, 100);
    if (!percent) return wrong_item(item, "behind % comes a number from 1 to 100");
    times.percent = *percent;
  }
  return {};
}

Status parse_action(std::string_view item, std::string_view text, FailpointOrder& order) {
  if (text == "kill") {
    order.action = FailpointActionKind::kKill;
  } else if (text == "fail") {
    order.action = FailpointActionKind::kFail;
  } else if (text.starts_with(kDelayPrefix)) {
    const std::optional<std::uint64_t> delay_ms =
        parse_number(text.substr(kDelayPrefix.size()), 1, kDelayMaxMs);
    if (!delay_ms) {
      return wrong_item(item,
                        "behind delay: come milliseconds, 1 to " + std::to_string(kDelayMaxMs));
    }
    order.action = FailpointActionKind::kDelay;
    order.delay = milliseconds(static_cast<std::int64_t>(*delay_ms));
  } else {
    return wrong_item(item, "the action is kill, delay:MS or fail");
  }
  return {};
}

Status parse_item(std::string_view item, FailpointOrders& orders) {
  const std::size_t equals = item.find('=');
  if (equals == 0 || equals == std::string_view::npos) {
    return wrong_item(item, "NAME=ACTION is wanted, or seed=N");
  }
  FailpointOrder order;
  order.name = item.substr(0, equals);
  const std::string_view value = item.substr(equals + 1);
  if (order.name == "seed") {
    const std::optional<std::uint64_t> seed = parse_number(value, 0, UINT64_MAX);
    if (!seed) return wrong_item(item, "the seed is a number");
    orders.seed = *seed;
    return {};
  }
  const std::size_t action_size = std::min(value.find_first_of("@%"), value.size());
  Status status = parse_action(item, value.substr(0, action_size), order);
  if (status.ok() && action_size < value.size()) {
    status = parse_times(item, value[action_size], value.substr(action_size + 1), order.times);
  }
  if (!status.ok()) return status;
  for (const FailpointOrder& other : orders.orders) {
    if (other.name == order.name) return wrong_item(item, "there is another for this failpoint");
  }
  orders.orders.push_back(std::move(order));
  return {};
}

// What an order asks for, at its times.
class OrderedAction final : public Failpoint::Action {
 public:
  OrderedAction(const FailpointOrder& order, std::uint64_t seed)
      : order_(order), trigger_(order.times, seed) {}

  bool happen() override {
    if (!trigger_.fires()) return false;
    switch (order_.action) {
      case FailpointActionKind::kKill:
        kill_process();
      case FailpointActionKind::kDelay:
        std::this_thread::sleep_for(std::chrono::nanoseconds(order_.delay.ns));
        return false;
      case FailpointActionKind::kFail:
        return true;
    }
    RKV_CHECK(false, "action out of range");
  }

 private:
  // A test tells by the line that it was this failpoint.
  [[noreturn]] void kill_process() const {
    std::fprintf(stderr, "killed at failpoint %s\n", order_.name.c_str());
    ::kill(::getpid(), SIGKILL);
    RKV_CHECK(false, "nobody outlives SIGKILL");
  }

  const FailpointOrder order_;
  FailpointTrigger trigger_;
};

Failpoint* find_failpoint(std::string_view name) {
  for (Failpoint* each = Failpoint::first(); each != nullptr; each = each->next()) {
    if (name == each->name()) return each;
  }
  return nullptr;
}

}  // namespace

Result<FailpointOrders> parse_failpoints(std::string_view line) {
  FailpointOrders orders;
  while (true) {
    const std::size_t size = std::min(line.find(';'), line.size());
    const Status status = parse_item(line.substr(0, size), orders);
    if (!status.ok()) return status;
    if (size == line.size()) return orders;
    line.remove_prefix(size + 1);
  }
}

bool FailpointTrigger::fires() {
  const std::lock_guard lock(mutex_);
  ++reached_;
  if (times_.only != 0) return reached_ == times_.only;
  return random_.below(100) < times_.percent;
}

std::string failpoint_names() {
  std::vector<std::string> names;
  for (const Failpoint* each = Failpoint::first(); each != nullptr; each = each->next()) {
    names.emplace_back(each->name());
  }
  std::sort(names.begin(), names.end());
  std::string lines;
  for (const std::string& name : names) lines += name + "\n";
  return lines;
}

Result<std::unique_ptr<ArmedFailpoints>> ArmedFailpoints::arm(std::string_view line) {
  std::unique_ptr<ArmedFailpoints> all(new ArmedFailpoints);
  if (line.empty()) return all;
  const Result<FailpointOrders> orders = parse_failpoints(line);
  if (!orders.ok()) return orders.status();
  all->armed_.reserve(orders.value().orders.size());
  std::uint64_t seed = orders.value().seed;
  for (const FailpointOrder& order : orders.value().orders) {
    Failpoint* const failpoint = find_failpoint(order.name);
    if (failpoint == nullptr) return wrong_item(order.name, "there is none of this name");
    if (order.action == FailpointActionKind::kFail && !failpoint->can_fail()) {
      return wrong_item(order.name, "nothing can fail here, only kill and delay are possible");
    }
    all->armed_.push_back({failpoint, std::make_unique<OrderedAction>(order, seed++)});
  }
  for (const Armed& armed : all->armed_) armed.failpoint->arm(armed.action.get());
  return all;
}

ArmedFailpoints::~ArmedFailpoints() {
  for (const Armed& armed : armed_) armed.failpoint->arm(nullptr);
}

}  // namespace rkv::posix
