#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"

namespace rkv::rpc {

// A line of rpcbind's table (RFC 1833, section 2.1: rpcb). At most one address for each program,
// version and netid.
struct RpcbindEntry {
  std::uint32_t program = 0;
  std::uint32_t version = 0;
  std::string netid;
  std::string address;  // universal
  std::string owner;    // "superuser", a uid in decimal, or "unknown"

  bool operator==(const RpcbindEntry&) const = default;
};

// Talks rpcbind's version 4 (RFC 1833, section 2) to the rpcbind of this machine, over its local
// socket: only there does rpcbind know whose an entry is, and lets who is not root change the own
// ones. Blocks, at most for its timeout in each call. Thread-safe.
class RpcbindClient {
 public:
  static constexpr const char* kSocketPath = "/run/rpcbind.sock";

  RpcbindClient(std::string socket_path, Duration timeout)
      : socket_path_(std::move(socket_path)), timeout_(timeout) {}

  // Each is kUnavailable, with a reason that names the socket, when rpcbind is not there or does
  // not answer as it should.

  // The entries of one version of a program, exactly as they were set. (GETADDR would put another
  // address in place of a wildcard, and answer with another version's where there is none.)
  Result<std::vector<RpcbindEntry>> entries(std::uint32_t program, std::uint32_t version) const;
  // Adds an entry; its owner is who this process is. False if there is another address already, or
  // the netid is not known here. True also if there is the same.
  Result<bool> set(const RpcbindEntry& entry) const;
  // Removes what is there for program, version and netid, whatever its address. False if it is
  // another owner's. (And this process is not root.)
  Result<bool> unset(const RpcbindEntry& entry) const;

 private:
  Result<std::string> call(std::uint32_t procedure, std::string arguments) const;
  Result<bool> call_for_bool(std::uint32_t procedure, const RpcbindEntry& entry) const;
  Status not_understood() const;

  const std::string socket_path_;
  const Duration timeout_;
};

}  // namespace rkv::rpc
