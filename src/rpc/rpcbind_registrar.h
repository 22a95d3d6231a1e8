#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "rpc/rpcbind_address.h"
#include "rpc/rpcbind_client.h"

namespace rkv::rpc {

// What stands in rpcbind's table for one netid, as seen from a server that wants to be there.
struct RpcbindState {
  std::string netid;
  bool is_registered = false;  // with this server's address
  bool was_set = false;        // by this check; it was not there before
  std::string reason;          // why it is not registered: a line for a person
};

// What a check found out.
struct RpcbindCheck {
  Status reached;                    // a failure: rpcbind could not be asked, and `states` is empty
  std::vector<RpcbindState> states;  // one for each netid
  std::size_t registered() const;
};

// Brings the endpoints of one version of a program into rpcbind's table and out of it. Never takes
// the place of a server that lives: an entry with another address is replaced only if nothing is
// there, or a server that does not know the program. Whoever does not answer in time lives.
//
// rpcbind has no "remove if the address is this": UNSET names program, version and netid only. So
// the table is read again right before an UNSET. What is left is the time between these two calls:
// who registers in it, after the stale entry was removed by a third party, loses its entry to this
// server, and has it back at a later check of its own, when this one has gone. And on a machine
// where several network namespaces share one rpcbind socket, an address of another namespace cannot
// be told from the same one of this.
//
// Blocks; for one thread at a time.
class RpcbindRegistrar {
 public:
  struct Options {
    std::uint32_t program = 0;
    std::uint32_t version = 0;
    std::string socket_path = RpcbindClient::kSocketPath;
    Duration call_timeout = seconds(1);   // for each call of rpcbind
    Duration probe_timeout = seconds(1);  // for the call that tells whether a server lives
  };

  // Of several endpoints with one netid the first is registered: rpcbind holds one. After
  // `stopping` is true, no further call is begun.
  RpcbindRegistrar(Options options, const std::vector<Endpoint>& endpoints,
                   const std::atomic<bool>& stopping);

  // Registers what is not registered, where that is possible. Ends at the first call that rpcbind
  // does not answer; otherwise it takes as long as rpcbind does, and probe_timeout at most for each
  // netid that another address holds.
  RpcbindCheck check() const;
  // Removes the entries that hold this server's addresses; not broken off by `stopping`. Ends as
  // check() does.
  void withdraw() const;

 private:
  using Entries = std::vector<RpcbindEntry>;
  Result<RpcbindState> check_endpoint(const Endpoint& endpoint, const Entries& entries) const;
  Result<RpcbindState> set(const Endpoint& endpoint) const;
  Result<RpcbindState> replace(const Endpoint& endpoint, const RpcbindEntry& stale) const;
  Result<std::optional<RpcbindEntry>> find(std::string_view netid) const;
  RpcbindEntry entry_of(const Endpoint& endpoint) const;
  bool may_live(const Endpoint& endpoint, const RpcbindEntry& entry) const;
  RpcbindState held(const RpcbindEntry& entry) const;

  const Options options_;
  const RpcbindClient client_;
  std::vector<Endpoint> endpoints_;  // one for each netid
  const std::atomic<bool>& stopping_;
};

}  // namespace rkv::rpc
