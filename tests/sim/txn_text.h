#pragma once

#include <string>

#include "twopc/transaction.h"

namespace rkv::sim {

// "2.1.17": coordinator, incarnation and number.
inline std::string to_string(const twopc::TxnId& id) {
  return std::to_string(id.coordinator.value) + "." + std::to_string(id.incarnation) + "." +
         std::to_string(id.number);
}

// "7.2": clock and replica.
inline std::string to_string(const twopc::Timestamp& timestamp) {
  return std::to_string(timestamp.clock) + "." + std::to_string(timestamp.replica.value);
}

}  // namespace rkv::sim
