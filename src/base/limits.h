#pragma once

#include <cstddef>

namespace rkv {

// The limits of the data model. kv.x has the same numbers; src/service asserts that they are equal.
constexpr std::size_t kKeySizeMax = 1024;                           // bytes; a key has at least one
constexpr std::size_t kValueSizeMax = 1024 * 1024;                  // bytes
constexpr std::size_t kCommandSizeMax = kValueSizeMax + 64 * 1024;  // bytes, encoded

// A client's transaction, and a page of a listing.
constexpr std::size_t kComparesMax = 64;                      // of one transaction
constexpr std::size_t kStepsMax = 64;                         // of one branch of it
constexpr std::size_t kStepsResultSizeMax = kCommandSizeMax;  // bytes of what its steps tell
constexpr std::size_t kTxnValuesSizeMax = 16 * 1024 * 1024;   // bytes of values that it looks at
constexpr std::size_t kDelRangeMax = 10'000;                  // keys that one step removes
constexpr std::size_t kEntriesMax = 10'000;                   // entries of one page
constexpr std::size_t kPageSizeMax = 1024 * 1024;             // bytes of their keys and values
constexpr std::size_t kTokenSizeMax = 1280;                   // bytes of a token
constexpr std::size_t kReplicasMax = 16;                      // replicas in one cluster
constexpr std::size_t kReasonSizeMax = 511;                   // bytes of a reason on the wire
constexpr std::size_t kNameSizeMax = 63;   // bytes of a role's, protocol's, counter's name
constexpr std::size_t kHostSizeMax = 255;  // bytes of a host name or address
constexpr std::size_t kCountersMax = 64;   // counters in one STATUS

// What replicas send one another.
constexpr std::size_t kBatchCommandsMax = 512;               // commands in one message
constexpr std::size_t kVotesMax = 8192;                      // votes in one promise
constexpr std::size_t kFetchedMax = 4096;                    // values for who lags, in one answer
constexpr std::size_t kTxnKeysMax = 64;                      // keys that one transaction locks
constexpr std::size_t kBatchBytesMax = 2 * kCommandSizeMax;  // bytes of commands in one message

}  // namespace rkv
