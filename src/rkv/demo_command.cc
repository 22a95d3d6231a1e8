#include "rkv/demo_command.h"

#include <fmt/format.h>

#include <array>
#include <csignal>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "client/client.h"
#include "client/client_id.h"
#include "rkv/json.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

struct Sample {
  std::string_view name;
  std::string_view value;
};
constexpr std::array kSamples = {Sample{"apple", "red"}, Sample{"banana", "yellow"},
                                 Sample{"grape", "blue"}, Sample{"lime", "green"},
                                 Sample{"orange", "orange"}};

volatile std::sig_atomic_t stop_signal = 0;
extern "C" void note_stop_signal(int signal) { stop_signal = signal; }

// While it lives, the signals that would end the process only ask the demo to end.
class StopSignals {
 public:
  StopSignals() {
    stop_signal = 0;
    struct sigaction action {};
    action.sa_handler = note_stop_signal;
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], nullptr, &before_[i]);
      // Who ignores a signal, as nohup does, goes on doing so.
      if (before_[i].sa_handler != SIG_IGN) sigaction(kSignals[i], &action, nullptr);
    }
  }
  ~StopSignals() {
    for (std::size_t i = 0; i < kSignals.size(); ++i) {
      sigaction(kSignals[i], &before_[i], nullptr);
    }
  }
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  static constexpr std::array kSignals = {SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, kSignals.size()> before_{};
};

class Demo {
 public:
  Demo(client::Client& client, const Options& options)
      : client_(client), call_(options.call()), format_(options.format) {}

  // The status of the first failure.
  ExitStatus run() {
    if (format_ != OutputFormat::kJson) {
      write_output(fmt::format("five keys that begin with {}, which nobody else is likely to use\n",
                               prefix_));
      flush_output();
    }
    for (const Sample& sample : kSamples) put(sample);
    for (const Sample& sample : kSamples) get(sample);
    for (const Sample& sample : kSamples) del(sample);
    remove_leftovers();
    if (format_ == OutputFormat::kJson) write_output(to_text(steps_));
    return first_failure_;
  }

 private:
  bool goes_on() const { return first_failure_ == kExitOk && stop_signal == 0; }
  std::string key_of(const Sample& sample) const { return prefix_ + std::string(sample.name); }

  void put(const Sample& sample) {
    if (!goes_on()) return;
    const std::string key = key_of(sample);
    const client::WriteOutcome outcome = client_.put(key, sample.value, call_);
    // A failure that says nothing happened leaves nothing to remove.
    if (outcome.certainty() != Certainty::kNothingHappened) leftovers_.push_back(key);
    Json step = {{"operation", "put"}, {"key", key}, {"value", sample.value}};
    if (outcome.status.ok()) step["version"] = outcome.key_version;
    show(fmt::format("put {} {}", key, sample.value), outcome.status,
         fmt::format("ok version {}", outcome.key_version), std::move(step));
  }

  void get(const Sample& sample) {
    if (!goes_on()) return;
    const std::string key = key_of(sample);
    client::ReadOutcome outcome = client_.get(key, call_);
    if (outcome.status.ok() && outcome.value != sample.value) {
      outcome.status = Status::internal(
          fmt::format("the value is not '{}', which was put ({})", sample.value, outcome.server));
    }
    Json step = {{"operation", "get"}, {"key", key}};
    if (outcome.status.ok()) step["value"] = outcome.value;
    show(fmt::format("get {}", key), outcome.status, outcome.value, std::move(step));
  }

  void del(const Sample& sample) {
    if (!goes_on()) return;
    const std::string key = key_of(sample);
    const client::WriteOutcome outcome = client_.del(key, call_);
    if (outcome.status.ok()) std::erase(leftovers_, key);
    show(fmt::format("del {}", key), outcome.status, "ok", {{"operation", "del"}, {"key", key}});
  }

  void show(const std::string& what, const Status& status, const std::string& result, Json step) {
    step["status"] = to_string(status.code());
    steps_.push_back(std::move(step));
    if (!status.ok()) {
      first_failure_ = report(fmt::format("demo: {}", what), status);
    } else if (format_ != OutputFormat::kJson) {
      write_output(fmt::format("{} -> {}\n", what, result));
      flush_output();
    }
  }

  // What a failure or a signal has kept from being deleted. After another failure the rest is not
  // tried: each try may take the whole timeout.
  void remove_leftovers() {
    while (!leftovers_.empty()) {
      const client::WriteOutcome outcome = client_.del(leftovers_.back(), call_);
      if (!outcome.status.ok() && outcome.status.code() != StatusCode::kNotFound) {
        for (const std::string& key : leftovers_) {
          write_error(fmt::format("demo: {} may still be there", key));
        }
        return;
      }
      leftovers_.pop_back();
    }
  }

  client::Client& client_;
  const client::CallOptions call_;
  const OutputFormat format_;
  const std::string prefix_ = fmt::format("rkv-demo-{:016x}/", client::draw_client_id());
  std::vector<std::string> leftovers_;  // keys that may be there
  Json steps_ = Json::array();
  ExitStatus first_failure_ = kExitOk;
};

}  // namespace

ExitStatus run_demo(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("demo", client.status());
  ExitStatus status = kExitOk;
  {
    const StopSignals signals;
    status = Demo(*client.value(), options).run();
  }
  if (stop_signal != 0) {
    flush_output();
    std::raise(stop_signal);
  }
  return status;
}

}  // namespace rkv::cli
