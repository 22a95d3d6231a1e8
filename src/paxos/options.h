#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"

namespace rkv::paxos {

constexpr std::uint64_t kWindowSlotsMax = 4096;  // the most that Options::window_slots_max may be

struct Options {
  ReplicaId self;
  std::vector<ReplicaId> replicas;  // all of the cluster, this one too
  std::uint64_t seed = 0;           // of the randomness in election timeouts

  // A leader is heard of at least this often.
  Duration heartbeat = milliseconds(20);
  // A replica that hears of no leader for a time between these two tries to become it.
  Duration election_min = milliseconds(100);
  Duration election_max = milliseconds(200);
  // For so long after a vote or heartbeat an acceptor promises nothing to others; at most
  // election_min.
  Duration lease = milliseconds(100);
  // How much slower, of a thousand, one replica's clock may be than another's.
  int drift_per_mille = 20;
  // A leader that has written nothing to its own disk for so long, although it should, yields.
  Duration disk_stall_max = milliseconds(500);

  // A client's write or read is given up when it is this old.
  Duration request_timeout = seconds(5);
  std::size_t waiting_max = 65536;           // writes waiting for a leader, or for their end
  std::size_t waiting_bytes_max = 64 << 20;  // bytes of those

  // How far beyond what is chosen a leader proposes.
  std::uint64_t window_slots_max = kWindowSlotsMax;
  std::size_t window_bytes_max = 4 << 20;
  // What a message may carry; one value always fits.
  std::size_t message_values_max = 512;
  std::size_t message_bytes_max = 2 << 20;
  // So many values may an answer to a Fetch carry: who lags gets a whole window at a time, or it
  // would not catch up with a leader that is busy.
  std::size_t fetched_values_max = kFetchedMax;
  // Messages to one replica that are not answered yet: of a leader so many with values, and so many
  // heartbeats.
  std::size_t messages_in_flight_max = 8;
  // Chosen values that are kept for replicas that lag, although the state holds them.
  std::uint64_t kept_slots = std::uint64_t{1} << 20;
  std::size_t kept_bytes = 64 << 20;
  // A leader that keeps half of kept_bytes or kept_slots proposes no faster than a replica learns
  // that needs the older half of them, if it has learned something within this time. Otherwise one
  // that is only slow would be lost for good.
  Duration lag_patience = milliseconds(500);
  // Chosen values beyond those, kept because the state that holds them is not saved yet: a leader
  // with more takes no writes.
  std::size_t unsaved_bytes_max = 256 << 20;
  // Chosen values that wait to be written down, because the acceptor is stopped and its log with
  // it: with more, nothing is fetched and a leader takes no writes.
  std::size_t unwritten_slots_max = 65536;
  std::size_t unwritten_bytes_max = 16 << 20;
};

}  // namespace rkv::paxos
