#include "sim/partition.h"

#include <numeric>
#include <utility>
#include <vector>

namespace rkv::sim {
namespace {

// The replicas in an order that is drawn.
std::vector<std::size_t> draw_order(std::size_t replicas, Random& random) {
  std::vector<std::size_t> order(replicas);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t i = replicas; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

// Whether the replicas at these two places of the order, of which `i` is the lower one, see each
// other.
bool connected(Partition partition, std::size_t i, std::size_t j, std::size_t replicas) {
  const std::size_t minority = (replicas - 1) / 2;
  const std::size_t reach = (replicas / 2 + 1) / 2;  // on either side, for a majority with oneself
  switch (partition) {
    case Partition::kIsolateOne:
      return i != 0;
    case Partition::kHalves:
      return (i < minority) == (j < minority);
    case Partition::kBridge:
      return i == 0 || (i <= minority) == (j <= minority);
    case Partition::kMajoritiesRing:
      return j - i <= reach || replicas + i - j <= reach;
    case Partition::kChained:
      return j == i + 1;
    case Partition::kQuorumLoss:
      return i == 0;
    case Partition::kConstrained:
      return i == 0 && j != replicas - 1;
    case Partition::kOneWayOut:
    case Partition::kOneWayIn:
    case Partition::kOneWayLink:
      return true;
  }
  return true;
}

}  // namespace

std::string_view to_string(Partition partition) {
  switch (partition) {
    case Partition::kIsolateOne:
      return "isolate one";
    case Partition::kHalves:
      return "halves";
    case Partition::kBridge:
      return "bridge";
    case Partition::kMajoritiesRing:
      return "majorities ring";
    case Partition::kChained:
      return "chained";
    case Partition::kQuorumLoss:
      return "quorum loss";
    case Partition::kConstrained:
      return "constrained";
    case Partition::kOneWayOut:
      return "one-way out";
    case Partition::kOneWayIn:
      return "one-way in";
    case Partition::kOneWayLink:
      return "one-way link";
  }
  return "?";
}

LinkMatrix make_partition(Partition partition, std::size_t replicas, Random& random) {
  LinkMatrix blocked{};
  const std::vector<std::size_t> order = draw_order(replicas, random);
  for (std::size_t i = 0; i < replicas; ++i) {
    for (std::size_t j = i + 1; j < replicas; ++j) {
      if (connected(partition, i, j, replicas)) continue;
      blocked[order[i]][order[j]] = true;
      blocked[order[j]][order[i]] = true;
    }
  }
  for (std::size_t i = 1; i < replicas; ++i) {
    if (partition == Partition::kOneWayOut) blocked[order[0]][order[i]] = true;
    if (partition == Partition::kOneWayIn) blocked[order[i]][order[0]] = true;
  }
  if (partition == Partition::kOneWayLink && replicas > 1) blocked[order[0]][order[1]] = true;
  return blocked;
}

}  // namespace rkv::sim
