#include "history_file.h"

#include <optional>
#include <utility>

#include "field_reader.h"

namespace rkv::history {
namespace {

// ---- writing -----------------------------------------------------------------------------------

void add_if_told(Json& object, const char* name, const auto& number) {
  if (number) object[name] = *number;
}

Json json_of(const Compare& compare) {
  constexpr const char* kTargets[] = {"exists", "version", "created", "modified", "value"};
  constexpr const char* kRelations[] = {"equal", "not_equal", "less", "greater"};
  Json object = Json::object();
  add_bytes(object, "key", compare.key);
  object["target"] = kTargets[static_cast<std::size_t>(compare.target)];
  object["relation"] = kRelations[static_cast<std::size_t>(compare.relation)];
  if (compare.target == Compare::Target::kValue) {
    add_bytes(object, "value", compare.value);
  } else {
    object["number"] = compare.number;
  }
  return object;
}

void add_bounds(Json& object, const Range& range) {
  if (!range.first.empty()) add_bytes(object, "from", range.first);
  if (!range.end.empty()) add_bytes(object, "to", range.end);
}

Json json_of(const std::vector<Step>& steps) {
  constexpr const char* kKinds[] = {"get", "put", "del", "incr", "append", "del_range"};
  Json array = Json::array();
  for (const Step& step : steps) {
    Json object = Json::object();
    object["operation"] = kKinds[static_cast<std::size_t>(step.kind)];
    if (step.kind == Step::Kind::kDelRange) {
      add_bounds(object, step.range);
    } else {
      add_bytes(object, "key", step.key);
    }
    if (step.kind == Step::Kind::kPut || step.kind == Step::Kind::kAppend) {
      add_bytes(object, "value", step.value);
    }
    if (step.kind == Step::Kind::kIncr) object["amount"] = step.amount;
    array.push_back(std::move(object));
  }
  return array;
}

Json json_of(const ListQuery& list) {
  Json object = Json::object();
  add_bounds(object, list.range);
  if (list.reverse) object["reverse"] = true;
  if (list.goes_on) object["goes_on"] = true;
  if (!list.behind.empty()) add_bytes(object, "behind", list.behind);
  return object;
}

Json arguments_of(const Operation& operation) {
  if (operation.kind == Kind::kList) return json_of(operation.list);
  Json object = Json::object();
  if (operation.kind != Kind::kTransact) {
    add_bytes(object, "key", operation.key);
    if (operation.kind == Kind::kPut) add_bytes(object, "value", operation.argument);
    return object;
  }
  Json compares = Json::array();
  for (const Compare& compare : operation.transaction.compares) {
    compares.push_back(json_of(compare));
  }
  object["compare"] = std::move(compares);
  object["then"] = json_of(operation.transaction.then);
  object["else"] = json_of(operation.transaction.otherwise);
  return object;
}

Json json_of(const Step& step, const StepResult& result) {
  Json object = Json::object();
  if (step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel)
    object["found"] = result.found;
  if (result.value) add_bytes(object, "value", *result.value);
  add_if_told(object, "version", result.version);
  add_if_told(object, "created", result.created);
  add_if_told(object, "modified", result.modified);
  add_if_told(object, "number", result.number);
  add_if_told(object, "removed", result.removed);
  if (result.more) object["more"] = true;
  return object;
}

Json json_of(const ListResult& listed) {
  Json object = Json::object();
  add_if_told(object, "count", listed.count);
  if (!listed.count) object["keys"] = Json::array();
  for (const ListedKey& listed_key : listed.keys) {
    Json& key = object["keys"].emplace_back(Json::object());
    add_bytes(key, "key", listed_key.key);
    if (listed_key.value) add_bytes(key, "value", *listed_key.value);
    add_if_told(key, "version", listed_key.version);
    add_if_told(key, "created", listed_key.created);
    add_if_told(key, "modified", listed_key.modified);
  }
  if (listed.more) object["more"] = true;
  return object;
}

Json result_of(const Operation& operation) {
  if (operation.kind == Kind::kList) return json_of(operation.listed);
  Json object = Json::object();
  if (operation.kind != Kind::kTransact) {
    if (operation.kind == Kind::kGet) add_bytes(object, "value", operation.value);
    add_if_told(object, "version", operation.version);
    add_if_told(object, "created", operation.created);
    add_if_told(object, "modified", operation.modified);
    return object;
  }
  const bool succeeded = operation.transacted.succeeded;
  const std::vector<Step>& steps = branch_of(operation.transaction, succeeded);
  Json results = Json::array();
  for (std::size_t i = 0; i < operation.transacted.results.size(); ++i) {
    results.push_back(json_of(steps.at(i), operation.transacted.results[i]));
  }
  object["succeeded"] = succeeded;
  object["steps"] = std::move(results);
  return object;
}

// ---- reading -----------------------------------------------------------------------------------

Compare read_compare(FieldReader fields) {
  Compare compare;
  compare.key = fields.bytes("key");
  compare.target = static_cast<Compare::Target>(
      fields.word("target", {"exists", "version", "created", "modified", "value"}));
  compare.relation = static_cast<Compare::Relation>(
      fields.word("relation", {"equal", "not_equal", "less", "greater"}));
  if (compare.target == Compare::Target::kValue) {
    compare.value = fields.bytes("value");
  } else {
    compare.number = fields.number("number");
  }
  return compare;
}

Range read_bounds(FieldReader& fields) {
  return {fields.bytes_if_there("from").value_or(""), fields.bytes_if_there("to").value_or("")};
}

std::vector<Step> read_steps(const Json& array, Failure& failure) {
  std::vector<Step> steps;
  for (const Json& object : array) {
    FieldReader fields(object, failure);
    Step step;
    step.kind = static_cast<Step::Kind>(
        fields.word("operation", {"get", "put", "del", "incr", "append", "del_range"}));
    if (step.kind == Step::Kind::kDelRange) {
      step.range = read_bounds(fields);
    } else {
      step.key = fields.bytes("key");
    }
    if (step.kind == Step::Kind::kPut || step.kind == Step::Kind::kAppend) {
      step.value = fields.bytes("value");
    }
    if (step.kind == Step::Kind::kIncr) step.amount = fields.signed_number("amount");
    steps.push_back(std::move(step));
  }
  return steps;
}

void read_arguments(FieldReader fields, Failure& failure, Operation& operation) {
  if (operation.kind == Kind::kTransact) {
    for (const Json& object : fields.array("compare")) {
      operation.transaction.compares.push_back(read_compare(FieldReader(object, failure)));
    }
    operation.transaction.then = read_steps(fields.array("then"), failure);
    operation.transaction.otherwise = read_steps(fields.array("else"), failure);
    if (operation.transaction.then.empty() && operation.transaction.otherwise.empty() &&
        operation.transaction.compares.empty()) {
      fields.fail("a transaction has at least one compare or step");
    }
    return;
  }
  if (operation.kind == Kind::kList) {
    operation.list.range = read_bounds(fields);
    operation.list.reverse = fields.boolean_if_there("reverse");
    operation.list.goes_on = fields.boolean_if_there("goes_on");
    operation.list.behind = fields.bytes_if_there("behind").value_or("");
    return;
  }
  operation.key = fields.bytes("key");
  if (operation.kind == Kind::kPut) operation.argument = fields.bytes("value");
}

StepResult read_step_result(const Step& step, FieldReader fields) {
  StepResult result;
  const bool needs_key = step.kind == Step::Kind::kGet || step.kind == Step::Kind::kDel;
  if (needs_key) result.found = fields.boolean("found");
  if (step.kind == Step::Kind::kDelRange) {
    result.removed = fields.number_if_there("removed");
    result.more = fields.boolean_if_there("more");
    return result;
  }
  if (!needs_key || result.found) result.version = fields.number_if_there("version");
  if (step.kind == Step::Kind::kGet && result.found) {
    result.value = fields.bytes_if_there("value");
    result.created = fields.number_if_there("created");
    result.modified = fields.number_if_there("modified");
  }
  if (step.kind == Step::Kind::kIncr) result.number = fields.signed_number_if_there("number");
  return result;
}

ListResult read_list_result(FieldReader fields, Failure& failure) {
  ListResult listed;
  listed.count = fields.number_if_there("count");
  listed.more = fields.boolean_if_there("more");
  for (const Json& object : fields.array("keys")) {
    FieldReader key(object, failure);
    listed.keys.push_back({key.bytes("key"), key.bytes_if_there("value"),
                           key.number_if_there("version"), key.number_if_there("created"),
                           key.number_if_there("modified")});
  }
  return listed;
}

void read_result(FieldReader fields, Failure& failure, Operation& operation) {
  if (operation.kind == Kind::kList) {
    operation.listed = read_list_result(fields, failure);
    return;
  }
  if (operation.kind != Kind::kTransact) {
    operation.version = fields.number_if_there("version");
    if (operation.kind != Kind::kGet) return;
    operation.value = fields.bytes("value");
    operation.created = fields.number_if_there("created");
    operation.modified = fields.number_if_there("modified");
    return;
  }
  operation.transacted.succeeded = fields.boolean("succeeded");
  const Json& results = fields.array("steps");
  const std::vector<Step>& steps = branch_of(operation.transaction, operation.transacted.succeeded);
  if (results.size() != steps.size()) {
    fields.fail("the branch that was done has " + std::to_string(steps.size()) + " steps, not " +
                std::to_string(results.size()));
    return;
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    operation.transacted.results.push_back(
        read_step_result(steps[i], FieldReader(results[i], failure)));
  }
}

Operation read_operation(const Json& line, Failure& failure) {
  FieldReader fields(line, failure);
  Operation operation;
  operation.process = fields.number("process");
  operation.invoked = fields.number("invoked_us");
  operation.kind =
      static_cast<Kind>(fields.word("operation", {"put", "get", "del", "transact", "list"}));
  read_arguments(FieldReader(fields.object("arguments"), failure), failure, operation);
  if (fields.has("consistency")) {
    operation.consistency = static_cast<Consistency>(
        fields.word("consistency", {"linearizable", "sequential", "eventual"}));
  }
  operation.outcome =
      static_cast<Outcome>(fields.word("outcome", {"ok", "not_found", "refused", "unknown"}));
  operation.position = fields.number_if_there("slot");
  if (operation.outcome != Outcome::kUnknown) operation.returned = fields.number("returned_us");
  if (operation.outcome == Outcome::kOk) {
    read_result(FieldReader(fields.object("result"), failure), failure, operation);
  }
  if (operation.outcome == Outcome::kNotFound && operation.kind != Kind::kGet &&
      operation.kind != Kind::kDel) {
    fields.fail("outcome not_found is of get and del");
  }
  if (operation.invoked == kNever) fields.fail("invoked_us is never");
  if (operation.outcome != Outcome::kUnknown && operation.returned == kNever) {
    fields.fail("returned_us is never");
  }
  if (operation.returned < operation.invoked) {
    fields.fail("the answer comes before the request");
  }
  return operation;
}

}  // namespace

std::string to_line(const Operation& operation, std::string_view replica) {
  constexpr const char* kKinds[] = {"put", "get", "del", "transact", "list"};
  constexpr const char* kConsistencies[] = {"linearizable", "sequential", "eventual"};
  constexpr const char* kOutcomes[] = {"ok", "not_found", "refused", "unknown"};
  Json line = Json::object();
  line["process"] = operation.process;
  line["invoked_us"] = operation.invoked;
  if (operation.returned != kNever) line["returned_us"] = operation.returned;
  line["operation"] = kKinds[static_cast<std::size_t>(operation.kind)];
  line["arguments"] = arguments_of(operation);
  if (operation.consistency != Consistency::kLinearizable) {
    line["consistency"] = kConsistencies[static_cast<std::size_t>(operation.consistency)];
  }
  line["outcome"] = kOutcomes[static_cast<std::size_t>(operation.outcome)];
  if (operation.outcome == Outcome::kOk) line["result"] = result_of(operation);
  if (!replica.empty()) line["replica"] = replica;
  add_if_told(line, "slot", operation.position);
  return line.dump();
}

Result<History> parse_history(std::string_view text, std::string_view name) {
  History history;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos || line.front() == '#') continue;
    Failure failure;
    history.push_back(read_operation(Json::parse(line, nullptr, false), failure));
    if (!failure.empty()) {
      return Status::invalid(std::string(name) + ":" + std::to_string(number) + ": " + failure);
    }
  }
  return history;
}

}  // namespace rkv::history
