#include "bystander.h"

#include <algorithm>
#include <array>

namespace rkv::attacks {
namespace {

constexpr Duration kPause{3};  // between calls: it is polite, and leaves the CPU to the attack
constexpr std::string_view kKey = "of a bystander";
constexpr std::size_t kNewConnectionEvery = 4;

const char* name_of(Procedure procedure) {
  if (procedure == kNull) return "NULL";
  return procedure == kPut ? "PUT" : "GET";
}

}  // namespace

Bystander::Bystander(std::uint16_t port, bool takes_new_connections)
    : port_(port), takes_new_connections_(takes_new_connections), kept_(port) {
  make_call({kNull, false});  // the connection is made, not only begun
  times_ms_.clear();
  answered_ = 0;
}

Bystander::~Bystander() { stop(); }

void Bystander::start() {
  thread_ = std::thread([this] {
    try {
      run();
    } catch (const Interrupted&) {  // the thread that started this one finds out by itself
    }
  });
}

void Bystander::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

void Bystander::run() {
  static constexpr std::array kRound = {kNull, kPut, kGet};
  for (std::size_t i = 0;; ++i) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    const bool on_new = takes_new_connections_ && i % kNewConnectionEvery == 0;
    make_call({kRound[i % kRound.size()], on_new});
    pause_for(kPause);
  }
}

void Bystander::make_call(const Step& step) {
  const std::string value = "value " + std::to_string(++xid_);
  std::string message = call({.xid = xid_});
  if (step.procedure == kPut) message = put_call(xid_, kKey, value);
  if (step.procedure == kGet) message = get_call(xid_, kKey);
  const Clock::time_point start = Clock::now();
  Answer answer;
  if (step.on_new_connection) {
    Socket fresh(port_);
    answer = fresh.ask(message);
    fresh.reset();
  } else {
    answer = kept_.ask(message);
    if (answer.what == "closed" || answer.what == "no answer") kept_ = Socket(port_);
  }
  const std::chrono::duration<double, std::milli> took = Clock::now() - start;
  std::string problem = judge(step.procedure, value, answer);
  if (!problem.empty() && step.on_new_connection) problem += " (on a new connection)";
  note(took.count(), answer, problem);
}

std::string Bystander::judge(Procedure procedure, const std::string& value, const Answer& answer) {
  const std::string name = name_of(procedure);
  if (answer.what != "SUCCESS") return name + ": " + answer.what;
  if (answer.xid != xid_) return name + ": the answer to another call";
  if (procedure == kNull) return {};
  if (procedure == kGet && stored_.empty()) return {};  // its first PUT comes after this
  if (answer.status() != 0U) return name + ": status " + std::to_string(*answer.status());
  if (procedure == kPut) stored_ = value;
  if (procedure == kGet && answer.value() != stored_) return "GET: not what was put";
  return {};
}

void Bystander::note(double ms, const Answer& answer, const std::string& problem) {
  const std::lock_guard lock(mutex_);
  times_ms_.push_back(ms);
  const bool none = answer.what == "closed" || answer.what == "no answer";
  if (none) {
    ++unanswered_;
  } else {
    ++answered_;
    if (!problem.empty()) ++wrong_;
  }
  if (first_problem_.empty()) first_problem_ = problem;
}

std::size_t Bystander::calls() const {
  const std::lock_guard lock(mutex_);
  return times_ms_.size();
}

bool Bystander::all_well() const {
  const std::lock_guard lock(mutex_);
  return first_problem_.empty();
}

Treatment Bystander::treatment() const {
  const std::lock_guard lock(mutex_);
  Treatment result{answered_, unanswered_, wrong_, 0, 0, first_problem_};
  if (times_ms_.empty()) return result;
  std::vector<double> sorted = times_ms_;
  std::sort(sorted.begin(), sorted.end());
  result.median_ms = sorted[sorted.size() / 2];
  result.worst_ms = sorted.back();
  return result;
}

}  // namespace rkv::attacks
