#include "chaos/workload.h"

#include <fmt/format.h>

#include <algorithm>

#include "history/history_file.h"

namespace rkv::chaos {

using history::Kind;
using history::Operation;
using history::Outcome;

RegisterWorkload::RegisterWorkload(const std::string& file, std::size_t keys,
                                   std::uint64_t read_percent, std::uint64_t seed)
    : file_(file, std::ios::trunc),
      read_percent_(read_percent),
      seed_(seed),
      random_(seed),
      keys_(keys) {
  for (Key& key : keys_) renew(key);
}

void RegisterWorkload::renew(Key& key) {
  key = {};
  key.name = fmt::format("{:016x}-{}", seed_, next_key_++);
}

Operation RegisterWorkload::next() {
  Key& key = keys_[random_.below(keys_.size())];
  if (key.unknown >= kUnknownMax || key.operations >= kOperationsMax) renew(key);
  ++key.operations;
  Operation operation;
  operation.key = key.name;
  operation.kind = random_.below(100) < read_percent_ ? Kind::kGet : Kind::kPut;
  if (operation.kind == Kind::kPut) operation.argument = fmt::format("v{}", next_value_++);
  return operation;
}

void RegisterWorkload::ended(const Operation& operation, const std::string& server) {
  file_ << history::to_line(operation, server) << '\n';
  if (operation.outcome != Outcome::kUnknown || operation.kind == Kind::kGet) return;
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const Key& each) { return each.name == operation.key; });
  if (key != keys_.end()) ++key->unknown;
}

bool RegisterWorkload::save() {
  file_.close();
  return file_.good();
}

RecordWorkload::RecordWorkload(const std::string& file, std::size_t value_size, std::uint64_t seed)
    : file_(file, std::ios::app), value_size_(value_size), seed_(seed) {}

Operation RecordWorkload::next() {
  Operation operation;
  operation.kind = Kind::kPut;
  operation.key = fmt::format("{:016x}-{}", seed_, next_key_++);
  const std::string& key = operation.key;
  while (operation.argument.size() < value_size_) operation.argument += "value-of-" + key + '.';
  operation.argument.resize(value_size_);
  return operation;
}

void RecordWorkload::ended(const Operation& operation, const std::string&) {
  if (operation.outcome != Outcome::kOk) return;
  file_ << operation.key << ' ' << operation.argument << '\n';
}

bool RecordWorkload::save() {
  file_.close();
  return file_.good();
}

}  // namespace rkv::chaos
