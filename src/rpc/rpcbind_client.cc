#include "rpc/rpcbind_client.h"

#include <rpc/rpc.h>
#include <rpc/rpcb_prot.h>

#include <cstddef>
#include <utility>

#include "base/bytes.h"
#include "rpc/rpcbind_call.h"

namespace rkv::rpc {
namespace {

// Of a netid, universal address or owner. RFC 1833 has no bound; the longest in use have 60 bytes.
constexpr std::size_t kTextSizeMax = 1024;

std::string encode(const RpcbindEntry& entry) {
  std::string bytes;
  append_uint32(bytes, entry.program);
  append_uint32(bytes, entry.version);
  append_opaque(bytes, entry.netid);
  append_opaque(bytes, entry.address);
  append_opaque(bytes, entry.owner);
  return bytes;
}

RpcbindEntry read_entry(XdrReader& reader) {
  RpcbindEntry entry;
  entry.program = reader.read_uint32();
  entry.version = reader.read_uint32();
  entry.netid = reader.read_opaque(kTextSizeMax);
  entry.address = reader.read_opaque(kTextSizeMax);
  entry.owner = reader.read_opaque(kTextSizeMax);
  return entry;
}

}  // namespace

Result<std::vector<RpcbindEntry>> RpcbindClient::entries(std::uint32_t program,
                                                         std::uint32_t version) const {
  const Result<std::string> results = call(RPCBPROC_DUMP, {});
  if (!results.ok()) return results.status();
  // A linked list: "one more" before each entry.
  XdrReader reader(results.value());
  std::vector<RpcbindEntry> found;
  std::uint32_t more = reader.read_uint32();
  for (; more == TRUE; more = reader.read_uint32()) {
    RpcbindEntry entry = read_entry(reader);
    if (reader.ok() && entry.program == program && entry.version == version) {
      found.push_back(std::move(entry));
    }
  }
  if (more != FALSE || !reader.done()) return not_understood();
  return found;
}

Result<bool> RpcbindClient::set(const RpcbindEntry& entry) const {
  return call_for_bool(RPCBPROC_SET, entry);
}

Result<bool> RpcbindClient::unset(const RpcbindEntry& entry) const {
  return call_for_bool(RPCBPROC_UNSET, entry);
}

Result<bool> RpcbindClient::call_for_bool(std::uint32_t procedure,
                                          const RpcbindEntry& entry) const {
  const Result<std::string> results = call(procedure, encode(entry));
  if (!results.ok()) return results.status();
  XdrReader reader(results.value());
  const bool is_done = reader.read_uint32() != FALSE;
  if (!reader.done()) return not_understood();
  return is_done;
}

Result<std::string> RpcbindClient::call(std::uint32_t procedure, std::string arguments) const {
  RpcbindAnswer answer =
      call_at_path(socket_path_, {RPCBPROG, RPCBVERS4, procedure, std::move(arguments), timeout_});
  if (answer.kind == RpcbindAnswer::Kind::kAnswered) return std::move(answer.results);
  const bool nobody = answer.kind == RpcbindAnswer::Kind::kNobody;
  return Status::unavailable((nobody ? "no rpcbind at " : "rpcbind at ") + socket_path_ + ": " +
                             answer.reason);
}

Status RpcbindClient::not_understood() const {
  return Status::unavailable("rpcbind at " + socket_path_ + ": its answer cannot be understood");
}

}  // namespace rkv::rpc
