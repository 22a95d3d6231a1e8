#include "fake_rpcbind.h"

#include <poll.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_prot.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>

#include "base/bytes.h"
#include "base/check.h"
#include "rpc/message.h"
#include "scripted_server.h"

namespace rkv::rpc {
namespace {

// All of `size` bytes, or fewer when the other side has closed.
std::string read_exactly(int connection, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t piece = recv(connection, bytes.data() + got, size - got, 0);
    if (piece <= 0) break;
    got += static_cast<std::size_t>(piece);
  }
  bytes.resize(got);
  return bytes;
}

RpcbindEntry decode_entry(std::string_view arguments) {
  rpcb decoded{};
  XDR xdr;
  xdrmem_create(&xdr, const_cast<char*>(arguments.data()), static_cast<u_int>(arguments.size()),
                XDR_DECODE);
  RKV_CHECK(xdr_rpcb(&xdr, &decoded) != FALSE, "the arguments of SET and UNSET are an rpcb");
  RpcbindEntry entry{decoded.r_prog, decoded.r_vers, decoded.r_netid, decoded.r_addr,
                     decoded.r_owner};
  xdr_free(reinterpret_cast<xdrproc_t>(xdr_rpcb), &decoded);
  return entry;
}

std::string encode_bool(bool value) {
  std::string bytes;
  append_uint32(bytes, value ? 1 : 0);
  return bytes;
}

bool same_key(const RpcbindEntry& a, const RpcbindEntry& b) {
  return a.program == b.program && a.version == b.version && a.netid == b.netid;
}

}  // namespace

FakeRpcbind::FakeRpcbind() {
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string name = path();
  RKV_CHECK(name.size() < sizeof address.sun_path, "the socket's name fits");
  std::memcpy(address.sun_path, name.data(), name.size());
  RKV_CHECK(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
                listen(listener_, 16) == 0,
            "the fake rpcbind can listen");
  stop_event_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { work(); });
}

FakeRpcbind::~FakeRpcbind() {
  eventfd_write(stop_event_, 1);
  thread_.join();
  for (const int connection : kept_) close(connection);
  close(listener_);
  close(stop_event_);
}

void FakeRpcbind::set_caller(std::string owner) {
  const std::lock_guard<std::mutex> lock(mutex_);
  caller_ = std::move(owner);
}

void FakeRpcbind::set_answer(std::string results) {
  const std::lock_guard<std::mutex> lock(mutex_);
  answer_ = std::move(results);
}

void FakeRpcbind::refuse(std::string netid) {
  const std::lock_guard<std::mutex> lock(mutex_);
  refused_netid_ = std::move(netid);
}

void FakeRpcbind::add(const RpcbindEntry& entry) {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.push_back(entry);
}

void FakeRpcbind::clear() {
  const std::lock_guard<std::mutex> lock(mutex_);
  entries_.clear();
}

std::vector<RpcbindEntry> FakeRpcbind::entries() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return entries_;
}

std::string FakeRpcbind::address_of(std::string_view netid) const {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const RpcbindEntry& entry : entries_) {
    if (entry.netid == netid) return entry.address;
  }
  return {};
}

std::vector<std::uint32_t> FakeRpcbind::calls() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return calls_;
}

void FakeRpcbind::work() {
  while (true) {
    std::array<pollfd, 2> ready = {{{listener_, POLLIN, 0}, {stop_event_, POLLIN, 0}}};
    poll(ready.data(), ready.size(), -1);
    if (ready[1].revents != 0) return;
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    if (is_silent_) {
      kept_.push_back(connection);
    } else {
      serve(connection);
      close(connection);
    }
  }
}

// One call on each connection is all that its client makes.
void FakeRpcbind::serve(int connection) {
  const std::string mark = read_exactly(connection, 4);
  XdrReader mark_reader(mark);
  const std::string record = read_exactly(connection, mark_reader.read_uint32() & 0x7fffffff);
  CallHeader header;
  if (parse_call(record, &header) != CallParse::kCall) return;
  const bool is_rpcbind = header.program == RPCBPROG && header.version == RPCBVERS4;
  const std::string reply = is_rpcbind
                                ? success_reply(header.xid, run(header.procedure, header.arguments))
                                : accepted_reply(header.xid, PROG_UNAVAIL);
  const std::string output = record_of(reply);
  [[maybe_unused]] const ssize_t sent =
      send(connection, output.data(), output.size(), MSG_NOSIGNAL);
}

std::string FakeRpcbind::run(std::uint32_t procedure, std::string_view arguments) {
  if (on_call) on_call(procedure);
  const std::lock_guard<std::mutex> lock(mutex_);
  calls_.push_back(procedure);
  if (!answer_.empty()) return answer_;
  if (procedure == RPCBPROC_SET) return encode_bool(set(decode_entry(arguments)));
  if (procedure == RPCBPROC_UNSET) return encode_bool(unset(decode_entry(arguments)));
  return dump();
}

bool FakeRpcbind::set(const RpcbindEntry& entry) {
  if (entry.netid == refused_netid_) return false;
  for (const RpcbindEntry& known : entries_) {
    if (same_key(known, entry)) return known.address == entry.address;
  }
  entries_.push_back(entry);
  entries_.back().owner = caller_;
  return true;
}

bool FakeRpcbind::unset(const RpcbindEntry& entry) {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const RpcbindEntry& known) {
    return same_key(known, entry);
  });
  if (found == entries_.end()) return false;
  if (caller_ != "superuser" && found->owner != caller_) return false;
  entries_.erase(found);
  return true;
}

std::string FakeRpcbind::dump() const {
  std::deque<rp__list> nodes;
  for (const RpcbindEntry& entry : entries_) {
    rp__list node{};
    node.rpcb_map = {entry.program, entry.version, const_cast<char*>(entry.netid.c_str()),
                     const_cast<char*>(entry.address.c_str()),
                     const_cast<char*>(entry.owner.c_str())};
    nodes.push_back(node);
  }
  for (std::size_t i = 0; i + 1 < nodes.size(); ++i) nodes[i].rpcb_next = &nodes[i + 1];
  rpcblist_ptr first = nodes.empty() ? nullptr : &nodes.front();
  std::string bytes(1 << 16, '\0');
  XDR xdr;
  xdrmem_create(&xdr, bytes.data(), static_cast<u_int>(bytes.size()), XDR_ENCODE);
  RKV_CHECK(xdr_rpcblist_ptr(&xdr, &first) != FALSE, "the table can be encoded");
  bytes.resize(XDR_GETPOS(&xdr));
  return bytes;
}

}  // namespace rkv::rpc
