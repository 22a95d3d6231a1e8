#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "sim/partition.h"

namespace rkv::sim {

// What happened in a run, or in many.
struct Counters {
  // Faults.
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0;
  std::uint64_t pauses = 0;
  std::array<std::uint64_t, kPartitions> partitions{};
  std::uint64_t link_clogs = 0;
  std::uint64_t network_changes = 0;  // of loss, delay, order or duplicates
  std::uint64_t wrong_hints = 0;
  std::uint64_t messages_lost = 0;
  std::uint64_t messages_duplicated = 0;
  std::uint64_t messages_reordered = 0;
  std::uint64_t replies_lost = 0;  // to clients
  std::uint64_t sync_stalls = 0;
  std::uint64_t slow_disks = 0;
  std::uint64_t disk_errors = 0;
  std::uint64_t full_disks = 0;
  std::uint64_t rotten_logs = 0;
  std::uint64_t batches_lost = 0;  // not synced when their replica crashed
  std::uint64_t clock_changes = 0;
  std::uint64_t role_failures = 0;

  // What the replicas did.
  std::uint64_t messages = 0;
  std::uint64_t elections = 0;  // ballots at which something was proposed
  std::uint64_t slots_chosen = 0;
  std::uint64_t transactions = 0;  // begun
  std::uint64_t commits = 0;       // of those, decided
  std::uint64_t aborts = 0;        // the same, given up and said to be so
  std::uint64_t conflicts = 0;     // votes against a younger write
  std::uint64_t doubts_ended_by_coordinator = 0;
  std::uint64_t doubts_ended_by_peers = 0;
  std::uint64_t syncs = 0;
  std::uint64_t broken = 0;    // replicas whose log could not be opened any more
  std::uint64_t stranded = 0;  // runs that left a replica behind every log

  // What the clients did.
  std::uint64_t operations = 0;  // begun
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;   // surely without effect
  std::uint64_t unknown = 0;  // writes that may have taken effect, or may yet
  std::uint64_t attempts = 0;
  std::uint64_t sessions = 0;         // begun
  std::uint64_t epochs = 0;           // the highest of a run
  std::uint64_t expired_answers = 0;  // that a write is too old to know what became of it
  std::uint64_t full_answers = 0;     // that there is no room to remember a write
  std::uint64_t pages = 0;            // of listings

  // Those that a schedule did on purpose.
  std::uint64_t faults() const {
    std::uint64_t sum = crashes + pauses + link_clogs + network_changes + wrong_hints +
                        sync_stalls + slow_disks + disk_errors + full_disks + rotten_logs +
                        clock_changes + role_failures;
    for (const std::uint64_t count : partitions) sum += count;
    return sum;
  }
};
static_assert(sizeof(Counters) % sizeof(std::uint64_t) == 0);

// Adds what happened in another run.
inline void add(Counters& sum, const Counters& other) {
  static_assert(std::is_trivially_copyable_v<Counters>);
  constexpr std::size_t kWords = sizeof(Counters) / sizeof(std::uint64_t);
  std::array<std::uint64_t, kWords> a;
  std::array<std::uint64_t, kWords> b;
  std::memcpy(a.data(), &sum, sizeof(Counters));
  std::memcpy(b.data(), &other, sizeof(Counters));
  for (std::size_t i = 0; i < kWords; ++i) a[i] += b[i];
  std::memcpy(static_cast<void*>(&sum), a.data(), sizeof(Counters));
}

}  // namespace rkv::sim
