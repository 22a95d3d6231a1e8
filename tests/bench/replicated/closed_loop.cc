#include "closed_loop.h"

#include <algorithm>
#include <ctime>

#include "../fail.h"

namespace rkv::bench {
namespace {

constexpr Duration kPatience = seconds(30);
constexpr Duration kPauseAfterError = milliseconds(5);
// The part of a run that goes by before operations are counted.
constexpr double kWarmUp = 0.2;
constexpr std::size_t kBytes = 64 * 1024;

double own_cpu_seconds() {
  timespec used{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

}  // namespace

DataSet::DataSet() {
  Random random(1);
  keys_.reserve(kKeys);
  for (std::size_t i = 0; i < kKeys; ++i) keys_.push_back(key_of(i));
  bytes_.resize(kBytes);
  for (char& byte : bytes_) byte = static_cast<char>(random.next());
}

std::string_view DataSet::random_value(Random& random) const {
  return std::string_view(bytes_).substr(random.below(kBytes - kValueSize), kValueSize);
}

ClosedLoop::ClosedLoop(Store& store, const DataSet& data, std::size_t leader, const LoadPlan& plan)
    : store_(store),
      data_(data),
      plan_(plan),
      random_(static_cast<std::uint64_t>(rpc::EventLoop::read_clock().ns)),
      slots_(plan.in_flight) {
  const std::size_t replicas = plan.workload.at_leader ? 1 : store.replicas();
  const std::size_t count = std::max(replicas, std::min(plan.connections, plan.in_flight));
  connections_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t replica = (leader + i % replicas) % store.replicas();
    connections_.push_back(store.connect(loop_, replica, *this));
  }
  for (std::size_t i = 0; i < slots_.size(); ++i) slots_[i].connection = i % count;
  // A slot keeps its connection, unless there are not enough of them for all.
  if (plan.in_flight < count) connection_step_ = plan.in_flight;
  wait_for([this] {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& connection) { return connection->connected(); });
  });
}

ClosedLoop::~ClosedLoop() = default;

void ClosedLoop::wait_for(const std::function<bool()>& done) {
  if (!loop_.run_until(done, rpc::EventLoop::read_clock() + kPatience)) {
    fail("a cluster does not answer");
  }
}

void ClosedLoop::populate() {
  keys_left_ = DataSet::kKeys;
  end_ = kNever;
  count_from_ = kNever;
  for (std::size_t i = 0; i < slots_.size(); ++i) start(i);
  wait_for([this] { return under_way_ == 0; });
}

LoadResult ClosedLoop::run() {
  const auto span = Duration{static_cast<std::int64_t>(plan_.seconds * 1e9)};
  const auto warm_up = Duration{static_cast<std::int64_t>(plan_.seconds * kWarmUp * 1e9)};
  store_.forget_peak_memory();
  count_from_ = rpc::EventLoop::read_clock() + warm_up;
  end_ = count_from_ + span;
  for (std::size_t i = 0; i < slots_.size(); ++i) start(i);
  loop_.run_until([] { return false; }, count_from_);
  const double server_cpu = store_.cpu_seconds();
  const double own_cpu = own_cpu_seconds();
  loop_.run_until([] { return false; }, end_);
  const double server_cpu_used = store_.cpu_seconds() - server_cpu;
  const double own_cpu_used = own_cpu_seconds() - own_cpu;
  // To the last answer, so that the next run begins with nothing left to do.
  wait_for([this] { return under_way_ == 0; });
  const auto operations = static_cast<double>(latencies_.total());
  if (operations == 0) fail("a cluster has done nothing in a whole run");
  return {.operations_per_second = operations / plan_.seconds,
          .p50_us = static_cast<double>(latencies_.quantile(0.50)) / 1000,
          .p99_us = static_cast<double>(latencies_.quantile(0.99)) / 1000,
          .server_cpu_us = server_cpu_used * 1e6 / operations,
          .generator_cpu_us = own_cpu_used * 1e6 / operations,
          .peak_memory_mib = static_cast<double>(store_.peak_memory()) / (1 << 20),
          .errors = static_cast<double>(errors_)};
}

void ClosedLoop::start(std::size_t index) {
  Slot& slot = slots_[index];
  StoreConnection& connection = *connections_[slot.connection];
  slot.connection = (slot.connection + connection_step_) % connections_.size();
  if (!slot.failed_before) slot.started = loop_.now();
  ++under_way_;
  if (keys_left_ > 0) {
    connection.put(index, data_.key(--keys_left_), data_.random_value(random_));
    return;
  }
  const std::string& key = data_.key(random_.below(DataSet::kKeys));
  if (random_.below(100) < plan_.workload.read_percent) {
    connection.get(index, key);
  } else {
    connection.put(index, key, data_.random_value(random_));
  }
}

void ClosedLoop::operation_ended(std::size_t index, bool is_done) {
  --under_way_;
  Slot& slot = slots_[index];
  const bool is_more_wanted = end_ == kNever ? keys_left_ > 0 : loop_.now() < end_;
  slot.failed_before = !is_done;
  if (!is_done) {
    if (end_ == kNever) fail("a cluster does not take its first keys");
    ++errors_;
    if (is_more_wanted) {
      ++under_way_;  // it counts as such in its pause
      loop_.add_timer(loop_.now() + kPauseAfterError, [this, index] {
        --under_way_;
        start(index);
      });
    }
    return;
  }
  if (!is_more_wanted) return;
  if (loop_.now() >= count_from_) {
    latencies_.add(static_cast<std::uint64_t>((loop_.now() - slot.started).ns));
  }
  start(index);
}

}  // namespace rkv::bench
