#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/ids.h"
#include "base/limits.h"
#include "base/time.h"

namespace rkv::twopc {

struct Options {
  ReplicaId self;
  std::vector<ReplicaId> replicas;  // all of the cluster, this one too
  // All writes go through this replica, whichever was asked; nobody: the one that was asked
  // coordinates. The same at every replica.
  ReplicaId coordinator;

  // A write that is older than this is given up: not available if it is not decided.
  Duration request_timeout = seconds(5);
  // A member that has not voted for so long aborts the write.
  Duration vote_timeout = seconds(2);
  // A write that met an older one is tried again after so long, and twice that at the next time, up
  // to the second.
  Duration retry_min = milliseconds(1);
  Duration retry_max = milliseconds(16);
  // A participant that has voted and hears nothing asks after so long, and again and again.
  Duration doubt_after = milliseconds(300);
  // What could not be delivered is tried again after so long.
  Duration resend_after = milliseconds(100);

  // What is open at once; with more, writes are refused or votes are.
  std::size_t waiting_max = 65536;            // of this replica's clients
  std::size_t waiting_bytes_max = 64 << 20;   // of their commands
  std::size_t voting_max = 4096;              // of those, sent to the others and not decided
  std::size_t prepared_max = 65536;           // of others, with locks here or waiting for them
  std::size_t prepared_bytes_max = 64 << 20;  // of their commands
  std::size_t reads_per_key_max = 65536;      // waiting for one key
  std::size_t unfinished_max = 1 << 18;       // decisions not acknowledged by all
  // What a message may carry; one transaction always fits.
  std::size_t message_transactions_max = kBatchCommandsMax;
  std::size_t message_bytes_max = 2 << 20;
  std::size_t messages_in_flight_max = 8;  // to one replica, of each kind
};

}  // namespace rkv::twopc
