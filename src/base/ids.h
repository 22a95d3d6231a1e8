#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rkv {

// A replica's number within its cluster, as in replicas.conf: 1 or more.
struct ReplicaId {
  std::uint32_t value = 0;  // 0: nobody
  auto operator<=>(const ReplicaId&) const = default;
};

// Tells one cluster from every other; drawn at random when the cluster is created.
struct ClusterId {
  std::array<std::uint8_t, 16> bytes{};
  auto operator<=>(const ClusterId&) const = default;

  // 32 hexadecimal digits.
  std::string to_string() const;
  // Nothing if the text is not 32 hexadecimal digits.
  static std::optional<ClusterId> parse(std::string_view text);
};

// Names one write; see kv_operation_id in kv.x.
struct OperationId {
  std::uint64_t client = 0;  // 0: the client has no identity
  std::uint64_t sequence = 0;
  std::uint64_t first_outstanding = 0;
  auto operator<=>(const OperationId&) const = default;
};

// How often a replica was started, from 1. Of two messages from one replica the one with the lower
// incarnation is from before a restart.
using Incarnation = std::uint64_t;

// A place in the sequence of writes that a replica applies, counted from 1; 0 is before the first.
using Position = std::uint64_t;

}  // namespace rkv
