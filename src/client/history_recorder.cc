#include "client/history_recorder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "rpc/event_loop.h"

namespace rkv::client {
namespace {

// As it is put together: what a line says first, a person reads first.
using Json = nlohmann::ordered_json;

void add_bytes(Json& object, const std::string& name, const std::string& bytes) {
  if (is_text(bytes)) {
    object[name] = bytes;
  } else {
    object[name + "_base64"] = to_base64(bytes);
  }
}

std::string_view name_of(Consistency consistency) {
  switch (consistency) {
    case Consistency::kLinearizable:
      return "linearizable";
    case Consistency::kSequential:
      return "sequential";
    case Consistency::kEventual:
      return "eventual";
  }
  RKV_CHECK(false, "consistency out of range");
}

std::string_view outcome_of(const Status& status, bool only_reads) {
  if (status.ok()) return "ok";
  if (status.code() == StatusCode::kNotFound) return "not_found";
  const bool nothing = only_reads || certainty_of(status.code()) == Certainty::kNothingHappened;
  return nothing ? "refused" : "unknown";
}

std::string_view name_of(Compare::Target target) {
  switch (target) {
    case Compare::Target::kExists:
      return "exists";
    case Compare::Target::kVersion:
      return "version";
    case Compare::Target::kCreated:
      return "created";
    case Compare::Target::kModified:
      return "modified";
    case Compare::Target::kValue:
      return "value";
  }
  RKV_CHECK(false, "target of a compare out of range");
}

Json json_of(const Compare& compare) {
  Json object;
  add_bytes(object, "key", compare.key);
  object["target"] = name_of(compare.target);
  switch (compare.relation) {
    case Compare::Relation::kEqual:
      object["relation"] = "equal";
      break;
    case Compare::Relation::kNotEqual:
      object["relation"] = "not_equal";
      break;
    case Compare::Relation::kLess:
      object["relation"] = "less";
      break;
    case Compare::Relation::kGreater:
      object["relation"] = "greater";
      break;
  }
  if (compare.target == Compare::Target::kValue) {
    add_bytes(object, "value", compare.value);
  } else {
    object["number"] = compare.number;
  }
  return object;
}

Json step_of(std::string_view operation, const std::string& key) {
  Json object;
  object["operation"] = operation;
  add_bytes(object, "key", key);
  return object;
}

// Of a range; an empty one is none.
void add_bounds(Json& object, const std::string& first, const std::string& end) {
  if (!first.empty()) add_bytes(object, "from", first);
  if (!end.empty()) add_bytes(object, "to", end);
}

// What returns the entry before has a step of its own for that.
bool looks_first(const Step& step) {
  return step.wants_entry && (step.kind == Step::Kind::kPut || step.kind == Step::Kind::kDel);
}

Json json_of(const std::vector<Step>& steps) {
  Json array = Json::array();
  for (const Step& step : steps) {
    if (looks_first(step)) array.push_back(step_of("get", step.key));
    switch (step.kind) {
      case Step::Kind::kGet:
        array.push_back(step_of("get", step.key));
        break;
      case Step::Kind::kPut:
        array.push_back(step_of("put", step.key));
        add_bytes(array.back(), "value", step.value);
        break;
      case Step::Kind::kDel:
        array.push_back(step_of("del", step.key));
        break;
      case Step::Kind::kIncr:
        array.push_back(step_of("incr", step.key));
        array.back()["amount"] = step.amount;
        break;
      case Step::Kind::kAppend:
        array.push_back(step_of("append", step.key));
        add_bytes(array.back(), "value", step.value);
        break;
      case Step::Kind::kDelRange:
        array.push_back({{"operation", "del_range"}});
        add_bounds(array.back(), step.key, step.value);
        break;
    }
  }
  return array;
}

// Revisions are slots; where there are none, none are told.
void add_versions(Json& object, std::uint64_t version, const Revisions& revisions) {
  object["version"] = version;
  if (revisions.modified == 0) return;
  object["created"] = revisions.created;
  object["modified"] = revisions.modified;
}

Json look_result(const std::optional<Entry>& entry, bool with_value) {
  Json object;
  object["found"] = entry.has_value();
  if (!entry) return object;
  if (with_value) add_bytes(object, "value", entry->value);
  add_versions(object, entry->version, entry->revisions);
  return object;
}

Json json_of(const std::vector<Step>& steps, const std::vector<StepResult>& results) {
  Json array = Json::array();
  for (std::size_t i = 0; i < steps.size() && i < results.size(); ++i) {
    const StepResult& result = results[i];
    if (looks_first(steps[i])) array.push_back(look_result(result.entry, true));
    if (steps[i].kind == Step::Kind::kGet) {
      array.push_back(look_result(result.entry, steps[i].wants_entry));
      continue;
    }
    Json object = Json::object();
    if (steps[i].kind == Step::Kind::kDelRange) {
      object["removed"] = result.removed;
      object["more"] = result.more;
    }
    if (steps[i].kind == Step::Kind::kDel) object["found"] = result.version > 0;
    if (result.version > 0) object["version"] = result.version;
    if (steps[i].kind == Step::Kind::kIncr) object["number"] = result.number;
    array.push_back(std::move(object));
  }
  return array;
}

Json json_of(RangeWhat what, const PageOutcome& page) {
  Json object;
  if (what == RangeWhat::kCount) {
    object["count"] = page.count;
  } else {
    Json keys = Json::array();
    for (const RangeEntry& listed : page.entries) {
      Json& key = keys.emplace_back(Json::object());
      add_bytes(key, "key", listed.key);
      if (what == RangeWhat::kEntries) add_bytes(key, "value", listed.entry.value);
      add_versions(key, listed.entry.version, listed.entry.revisions);
    }
    object["keys"] = std::move(keys);
  }
  object["more"] = !page.next.empty();
  return object;
}

}  // namespace

class HistoryRecorder::State {
 public:
  State(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  ~State() { close(descriptor_); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // `consistency`: of a read, unless it is linearizable. `result`: when the outcome is ok.
  void write(const Call& call, std::string_view operation, Json arguments, Consistency consistency,
             bool only_reads, Json result, Position slot) {
    const std::string_view outcome = outcome_of(call.status, only_reads);
    Json line;
    line["process"] = call.process;
    line["invoked_us"] = call.begun.ns / 1000;
    if (outcome != "unknown") {
      // Rounded up: it came no later than this.
      line["returned_us"] = (rpc::EventLoop::read_clock().ns + 999) / 1000;
    }
    line["operation"] = operation;
    line["arguments"] = std::move(arguments);
    if (consistency != Consistency::kLinearizable) line["consistency"] = name_of(consistency);
    line["outcome"] = outcome;
    if (outcome == "ok") line["result"] = std::move(result);
    if (call.replica.value != 0) line["replica"] = call.replica.value;
    if (call.has_slots && slot > 0) line["slot"] = slot;
    append(line.dump() + "\n");
  }

  Status status() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return status_;
  }

 private:
  void append(std::string_view line) {
    const std::lock_guard<std::mutex> lock(mutex_);
    while (status_.ok() && !line.empty()) {
      const ssize_t written = ::write(descriptor_, line.data(), line.size());
      if (written >= 0) {
        line.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno != EINTR) {
        status_ = Status::internal(fmt::format("{}: the history cannot be written: {}", path_,
                                               std::generic_category().message(errno)));
      }
    }
  }

  const int descriptor_;
  const std::string path_;
  mutable std::mutex mutex_;
  Status status_;  // guarded by mutex_
};

Result<std::unique_ptr<HistoryRecorder>> HistoryRecorder::open(const std::string& path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) {
    return Status::internal(fmt::format("{}: the history cannot be opened: {}", path,
                                        std::generic_category().message(errno)));
  }
  return std::unique_ptr<HistoryRecorder>(
      new HistoryRecorder(std::make_unique<State>(descriptor, path)));
}

HistoryRecorder::HistoryRecorder(std::unique_ptr<State> state) : state_(std::move(state)) {}
HistoryRecorder::~HistoryRecorder() = default;

void HistoryRecorder::put(const Call& call, const std::string& key, const std::string& value,
                          const WriteOutcome& outcome) {
  Json arguments;
  add_bytes(arguments, "key", key);
  add_bytes(arguments, "value", value);
  state_->write(call, "put", std::move(arguments), Consistency::kLinearizable, false,
                {{"version", outcome.key_version}}, outcome.position);
}

void HistoryRecorder::del(const Call& call, const std::string& key, const WriteOutcome& outcome) {
  Json arguments;
  add_bytes(arguments, "key", key);
  state_->write(call, "del", std::move(arguments), Consistency::kLinearizable, false,
                {{"version", outcome.key_version}}, outcome.position);
}

void HistoryRecorder::get(const Call& call, const std::string& key, Consistency consistency,
                          const ReadOutcome& outcome) {
  Json arguments;
  add_bytes(arguments, "key", key);
  Json result;
  add_bytes(result, "value", outcome.value);
  add_versions(result, outcome.key_version, outcome.revisions);
  state_->write(call, "get", std::move(arguments), consistency, true, std::move(result),
                outcome.position);
}

void HistoryRecorder::transact(const Call& call, const Transaction& transaction,
                               Consistency consistency, const TransactOutcome& outcome) {
  Json arguments = Json::object();
  for (const Compare& compare : transaction.compares) {
    arguments["compare"].push_back(json_of(compare));
  }
  arguments["then"] = json_of(transaction.then);
  arguments["else"] = json_of(transaction.otherwise);
  const std::vector<Step>& steps = outcome.succeeded ? transaction.then : transaction.otherwise;
  const bool reads = only_reads(transaction);
  state_->write(call, "transact", std::move(arguments),
                reads ? consistency : Consistency::kLinearizable, reads,
                {{"succeeded", outcome.succeeded}, {"steps", json_of(steps, outcome.results)}},
                outcome.position);
}

void HistoryRecorder::list(const Call& call, const RangeQuery& query, Consistency consistency,
                           const PageOutcome& outcome) {
  Json arguments = Json::object();
  add_bounds(arguments, query.range.first, query.range.end);
  if (query.reverse) arguments["reverse"] = true;
  if (!query.token.empty()) arguments["goes_on"] = true;
  if (!query.behind.empty()) add_bytes(arguments, "behind", query.behind);
  state_->write(call, "list", std::move(arguments), consistency, true, json_of(query.what, outcome),
                outcome.position);
}

Status HistoryRecorder::status() const { return state_->status(); }

}  // namespace rkv::client
