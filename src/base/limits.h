#pragma once

#include <cstddef>

namespace rkv {

// The limits of the data model. kv.x has the same numbers; src/service asserts that they are equal.
constexpr std::size_t kKeySizeMax = 1024;           // bytes; a key has at least one
constexpr std::size_t kValueSizeMax = 1024 * 1024;  // bytes
constexpr std::size_t kCommandSizeMax = kValueSizeMax + kKeySizeMax + 128;  // bytes, encoded
constexpr std::size_t kReplicasMax = 16;     // replicas in one cluster
constexpr std::size_t kReasonSizeMax = 511;  // bytes of a reason on the wire
constexpr std::size_t kNameSizeMax = 63;     // bytes of a role's, protocol's, counter's name
constexpr std::size_t kHostSizeMax = 255;    // bytes of a host name or address
constexpr std::size_t kCountersMax = 64;     // counters in one STATUS

// What replicas send one another.
constexpr std::size_t kBatchCommandsMax = 512;               // commands in one message
constexpr std::size_t kVotesMax = 8192;                      // votes in one promise
constexpr std::size_t kFetchedMax = 4096;                    // values for who lags, in one answer
constexpr std::size_t kTxnKeysMax = 64;                      // keys that one transaction locks
constexpr std::size_t kBatchBytesMax = 2 * kCommandSizeMax;  // bytes of commands in one message

}  // namespace rkv
