#pragma once

#include <memory>
#include <string>

#include "paxos/value.h"

namespace rkv::paxos {

inline Value value_of(const std::string& command) {
  return {ReplicaId{9}, 1, 1, std::make_shared<const std::string>(command)};
}

inline std::string text_of(const Value& value) {
  return value.is_no_op() ? "no-op" : *value.command;
}

}  // namespace rkv::paxos
