#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/ids.h"

namespace rkv::protocol {

// The members of a cluster, and which of them make a majority. Any two majorities have a member in
// common. A value.
class Quorum {
 public:
  static constexpr std::size_t kMembersMax = 32;

  explicit Quorum(std::vector<ReplicaId> members) : members_(std::move(members)) {
    std::sort(members_.begin(), members_.end());
    RKV_CHECK(!members_.empty() && members_.size() <= kMembersMax, "a cluster has 1 to 32 members");
  }

  const std::vector<ReplicaId>& members() const { return members_; }
  std::size_t size() const { return members_.size(); }
  std::size_t majority() const { return members_.size() / 2 + 1; }

  bool contains(ReplicaId member) const {
    return std::binary_search(members_.begin(), members_.end(), member);
  }
  // Which of the members this is, from 0.
  std::size_t index_of(ReplicaId member) const {
    const auto found = std::lower_bound(members_.begin(), members_.end(), member);
    RKV_CHECK(found != members_.end() && *found == member, "it is a member of the cluster");
    return static_cast<std::size_t>(found - members_.begin());
  }

 private:
  std::vector<ReplicaId> members_;
};

// Who of a quorum's members has voted; each counts once.
class Votes {
 public:
  void add(std::size_t member) { voters_ |= std::uint32_t{1} << member; }
  bool has(std::size_t member) const { return (voters_ >> member & 1) != 0; }
  std::size_t count() const { return static_cast<std::size_t>(std::popcount(voters_)); }

 private:
  std::uint32_t voters_ = 0;
};

}  // namespace rkv::protocol
