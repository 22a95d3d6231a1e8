#include "client/loader.h"

#include <fmt/format.h>

#include <optional>
#include <unordered_set>
#include <utility>

#include "client/async_client.h"
#include "client/request_check.h"
#include "rpc/event_loop.h"

namespace rkv::client {
namespace {

// Puts are handed to the network in bunches, so that one write to the socket carries many.
constexpr std::size_t kBunchCalls = 32;
constexpr std::size_t kBunchBytes = 256 * 1024;

TimePoint now() { return rpc::EventLoop::read_clock(); }

ClientOptions client_options(const LoaderOptions& options) {
  ClientOptions client;
  client.timeout = options.timeout;
  client.operations_max = options.calls_max + 1;  // and the question with which it starts
  client.recorder = options.recorder;
  client.process = options.process;
  return client;
}

}  // namespace

class Loader::State {
 public:
  State(const std::vector<Server>& servers, const LoaderOptions& options, OnFailure on_failure)
      : options_(options),
        on_failure_(std::move(on_failure)),
        client_(loop_, servers, client_options(options)) {}
  ~State() { stopping_ = true; }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  Status start();
  void put(std::string key, std::string value);
  void drain() {
    loop_.run_until([this] { return keys_.empty(); }, kNever);
  }
  bool gave_up() const { return given_up_.has_value(); }
  Position seen() const { return client_.seen(); }
  const LoaderTotals& totals() const { return totals_; }

 private:
  bool has_room(std::size_t size) const;
  void run_one_turn();
  void ended(const std::string& key, std::size_t value_size, TimePoint begun, const Status& status);
  void fail(const std::string& key, const Status& status);

  const LoaderOptions options_;
  const OnFailure on_failure_;
  LoaderTotals totals_;
  std::optional<Status> given_up_;
  bool stopping_ = false;
  TimePoint stored_at_ = kLongAgo;        // when a put was acknowledged last
  std::unordered_set<std::string> keys_;  // of the puts under way
  std::size_t bytes_ = 0;                 // of their keys and values
  std::size_t bunch_calls_ = 0;           // begun since the last turn
  std::size_t bunch_bytes_ = 0;

  rpc::EventLoop loop_;
  AsyncClient client_;
};

// Asks for the replicas, as any call that reads would do: what counts is that there is an answer.
Status Loader::State::start() {
  std::optional<Status> status;
  client_.replicas([&status](const Result<ReplicaList>& list) { status = list.status(); });
  loop_.run_until([&status] { return status.has_value(); }, kNever);
  return *status;
}

bool Loader::State::has_room(std::size_t size) const {
  return keys_.empty() ||
         (keys_.size() < options_.calls_max && bytes_ + size <= options_.bytes_max);
}

void Loader::State::put(std::string key, std::string value) {
  Status status = check_key(key);
  if (status.ok()) status = check_value(value);
  const std::size_t size = key.size() + value.size();
  if (status.ok() && !given_up_) {
    loop_.run_until([&] { return given_up_ || (has_room(size) && !keys_.contains(key)); }, kNever);
  }
  if (status.ok() && given_up_) status = *given_up_;
  if (!status.ok()) {
    fail(key, status);
    return;
  }
  keys_.insert(key);
  bytes_ += size;
  const std::size_t value_size = value.size();
  client_.put(key, std::move(value),
              [this, key, value_size, begun = now()](const WriteOutcome& outcome) {
                if (!stopping_) ended(key, value_size, begun, outcome.status);
              });
  ++bunch_calls_;
  bunch_bytes_ += size;
  if (bunch_calls_ >= kBunchCalls || bunch_bytes_ >= kBunchBytes) run_one_turn();
}

void Loader::State::run_one_turn() {
  bunch_calls_ = 0;
  bunch_bytes_ = 0;
  loop_.request_turn();
  bool turned = false;
  loop_.run_until([&turned] { return std::exchange(turned, true); }, kNever);
}

// When a put has had its time, and none was acknowledged in it, there is no use in going on. One
// that is known to have come to nothing ends before its deadline, see would_end_in_doubt().
void Loader::State::ended(const std::string& key, std::size_t value_size, TimePoint begun,
                          const Status& status) {
  keys_.erase(key);
  bytes_ -= key.size() + value_size;
  if (status.ok()) {
    stored_at_ = now();
    ++totals_.stored;
    totals_.value_bytes += value_size;
    return;
  }
  if (!given_up_ && stored_at_ < begun && now() >= begun + options_.timeout * 3 / 4) {
    given_up_ =
        Status::unavailable(fmt::format("not tried, the load was given up: {}", status.reason()));
  }
  fail(key, status);
}

void Loader::State::fail(const std::string& key, const Status& status) {
  ++totals_.failed;
  on_failure_(key, status);
}

Loader::Loader(const std::vector<Server>& servers, const LoaderOptions& options,
               OnFailure on_failure)
    : state_(std::make_unique<State>(servers, options, std::move(on_failure))) {}

Loader::~Loader() = default;

Status Loader::start() { return state_->start(); }
void Loader::put(std::string key, std::string value) {
  state_->put(std::move(key), std::move(value));
}
void Loader::drain() { state_->drain(); }
bool Loader::gave_up() const { return state_->gave_up(); }
Position Loader::seen() const { return state_->seen(); }
const LoaderTotals& Loader::totals() const { return state_->totals(); }

}  // namespace rkv::client
