#pragma once

#include <cstdint>
#include <string>

namespace rkv::bench {

// What an operation at a leader cannot do without, on this machine at this moment: medians.
struct Floor {
  double round_trip_us = 0;  // a NULL call of RPC over loopback, one at a time
  double sync_us = 0;  // a write of kSyncSize bytes into a file made beforehand, and fdatasync()
};

// `port`: where an idle rkvd takes clients. `folder`: on the disk of the clusters. About half the
// time for each of the two.
Floor measure_floor(std::uint16_t port, const std::string& folder, double seconds);

}  // namespace rkv::bench
