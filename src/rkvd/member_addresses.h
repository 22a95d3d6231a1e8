#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/replicas_config.h"
#include "rpc/address.h"
#include "rpc/event_loop.h"
#include "rpc/resolver.h"

namespace rkv::daemon {

// The addresses of the hosts in the replicas file: who may connect to the peer port. Names are
// looked up in the background, again and again, so that a host may move.
class MemberAddresses {
 public:
  // What is passed by reference must outlive the object.
  MemberAddresses(const std::vector<ReplicaAddress>& replicas, rpc::EventLoop& loop,
                  rpc::Resolver& resolver, Logger& logger);
  ~MemberAddresses();
  MemberAddresses(const MemberAddresses&) = delete;
  MemberAddresses& operator=(const MemberAddresses&) = delete;

  bool contains(const rpc::Address& address) const;

 private:
  void look_up();

  rpc::EventLoop& loop_;
  rpc::Resolver& resolver_;
  Logger& logger_;
  std::map<std::string, std::set<std::string>> hosts_;  // host of the file -> its addresses
  rpc::EventLoop::TimerId timer_ = 0;
  // Callbacks given to the resolver hold this weakly: none runs after the object is gone.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rkv::daemon
