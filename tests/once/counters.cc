#include "once/counters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <mutex>
#include <set>
#include <thread>
#include <utility>

#include "client/client.h"
#include "rpc/event_loop.h"

namespace rkv::once {
namespace {

constexpr std::size_t kReasonsMax = 5;

std::string key_of(std::size_t counter) { return fmt::format("counter/{}", counter); }

client::ClientOptions client_options(const CountersOptions& options) {
  client::ClientOptions result;
  result.timeout = options.timeout;
  result.transport = options.transport;
  result.discover = false;  // what it would learn is not behind the relays
  return result;
}

// The servers, with another one first for each client.
std::vector<client::Server> servers_for(const CountersOptions& options, std::size_t number) {
  std::vector<client::Server> servers = options.servers;
  const auto first = static_cast<std::ptrdiff_t>(number % servers.size());
  std::rotate(servers.begin(), servers.begin() + first, servers.end());
  return servers;
}

// What the clients of a run have seen, together.
class Tally {
 public:
  void add(std::size_t counter, const client::WriteOutcome& outcome) {
    const std::lock_guard lock(mutex_);
    ++result_.issued;
    if (outcome.status.ok()) {
      ++result_.acknowledged;
      const bool is_new = numbers_.emplace(counter, outcome.number).second;
      result_.numbers_are_unique = result_.numbers_are_unique && is_new;
      return;
    }
    if (outcome.certainty() == Certainty::kUnknown) ++result_.unknown;
    if (result_.reasons.size() < kReasonsMax) result_.reasons.push_back(outcome.status.to_string());
  }
  CountersResult take() { return std::move(result_); }

 private:
  std::mutex mutex_;
  CountersResult result_;
  std::set<std::pair<std::size_t, std::int64_t>> numbers_;
};

}  // namespace

CountersResult increment_counters(const CountersOptions& options) {
  Tally tally;
  const TimePoint end = rpc::EventLoop::read_clock() + options.run_time;
  std::vector<std::thread> threads;
  for (std::size_t number = 0; number < options.clients; ++number) {
    threads.emplace_back([&, number] {
      client::Client client(servers_for(options, number), client_options(options));
      for (std::size_t i = number; rpc::EventLoop::read_clock() < end; ++i) {
        const std::size_t counter = i % options.counters;
        tally.add(counter, client.incr(key_of(counter), 1));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return tally.take();
}

Result<std::int64_t> sum_of_counters(const CountersOptions& options) {
  client::Client client(options.servers, client_options(options));
  std::int64_t sum = 0;
  for (std::size_t counter = 0; counter < options.counters; ++counter) {
    const client::ReadOutcome outcome = client.get(key_of(counter));
    if (outcome.status.code() == StatusCode::kNotFound) continue;
    if (!outcome.status.ok()) return outcome.status;
    std::int64_t number = 0;
    const std::string& text = outcome.value;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || rest != text.data() + text.size()) {
      return Status::internal(key_of(counter) + " is no number: " + text);
    }
    sum += number;
  }
  return sum;
}

}  // namespace rkv::once
