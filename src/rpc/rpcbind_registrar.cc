#include "rpc/rpcbind_registrar.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "rpc/rpcbind_call.h"

namespace rkv::rpc {
namespace {

const RpcbindEntry* find_in(const std::vector<RpcbindEntry>& entries, std::string_view netid) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [netid](const RpcbindEntry& at) { return at.netid == netid; });
  return found == entries.end() ? nullptr : &*found;
}

// As people know it: with the port as one number.
std::string readable(const std::string& universal) {
  const Result<Address> address = parse_universal_address(universal);
  return address.ok() ? address.value().to_string() : "'" + universal + "'";
}

// Whether what is bound to `own` has the port that an entry names to itself: then the entry cannot
// be another server's, but was left by one whose address was wider or narrower.
bool has_taken_over(const Address& own, const Address& entry) {
  return own.port() == entry.port() && (is_wildcard(own) || is_wildcard(entry));
}

}  // namespace

std::size_t RpcbindCheck::registered() const {
  return static_cast<std::size_t>(std::count_if(
      states.begin(), states.end(), [](const RpcbindState& state) { return state.is_registered; }));
}

RpcbindRegistrar::RpcbindRegistrar(Options options, const std::vector<Endpoint>& endpoints,
                                   const std::atomic<bool>& stopping)
    : options_(std::move(options)),
      client_(options_.socket_path, options_.call_timeout),
      stopping_(stopping) {
  for (const Endpoint& endpoint : endpoints) {
    const bool is_known =
        std::any_of(endpoints_.begin(), endpoints_.end(),
                    [&](const Endpoint& known) { return netid_of(known) == netid_of(endpoint); });
    if (!is_known) endpoints_.push_back(endpoint);
  }
}

RpcbindCheck RpcbindRegistrar::check() const {
  const Result<Entries> entries = client_.entries(options_.program, options_.version);
  if (!entries.ok()) return {entries.status(), {}};
  RpcbindCheck done;
  for (const Endpoint& endpoint : endpoints_) {
    if (stopping_) break;
    Result<RpcbindState> state = check_endpoint(endpoint, entries.value());
    if (!state.ok()) return {state.status(), {}};
    done.states.push_back(std::move(state).value());
  }
  return done;
}

void RpcbindRegistrar::withdraw() const {
  const Result<Entries> entries = client_.entries(options_.program, options_.version);
  if (!entries.ok()) return;
  for (const Endpoint& endpoint : endpoints_) {
    const RpcbindEntry own = entry_of(endpoint);
    const RpcbindEntry* const entry = find_in(entries.value(), own.netid);
    if (entry == nullptr || entry->address != own.address) continue;
    if (!client_.unset(own).ok()) return;
  }
}

Result<RpcbindState> RpcbindRegistrar::check_endpoint(const Endpoint& endpoint,
                                                      const Entries& entries) const {
  const RpcbindEntry own = entry_of(endpoint);
  const RpcbindEntry* const entry = find_in(entries, own.netid);
  if (entry == nullptr) return set(endpoint);
  if (entry->address == own.address) return RpcbindState{own.netid, true, false, {}};
  if (may_live(endpoint, *entry)) return held(*entry);
  return replace(endpoint, *entry);
}

Result<RpcbindState> RpcbindRegistrar::set(const Endpoint& endpoint) const {
  const RpcbindEntry own = entry_of(endpoint);
  const Result<bool> is_set = client_.set(own);
  if (!is_set.ok()) return is_set.status();
  if (is_set.value()) return RpcbindState{own.netid, true, true, {}};
  const Result<std::optional<RpcbindEntry>> other = find(own.netid);
  if (!other.ok()) return other.status();
  if (other.value()) return held(*other.value());  // another server was quicker
  return RpcbindState{
      own.netid, false, false,
      fmt::format("netid {} is refused by rpcbind; does its /etc/netconfig have it?", own.netid)};
}

Result<RpcbindState> RpcbindRegistrar::replace(const Endpoint& endpoint,
                                               const RpcbindEntry& stale) const {
  const Result<std::optional<RpcbindEntry>> now = find(stale.netid);
  if (!now.ok()) return now.status();
  if (now.value() && *now.value() != stale) return held(*now.value());
  if (now.value()) {
    const Result<bool> is_unset = client_.unset(stale);
    if (!is_unset.ok()) return is_unset.status();
    if (!is_unset.value()) {
      return RpcbindState{
          stale.netid, false, false,
          fmt::format("netid {} of program {} still leads to {}, where nothing of it is, and only "
                      "its owner ({}) or root can change that: rpcinfo -d -T {} {} {}",
                      stale.netid, options_.program, readable(stale.address), stale.owner,
                      stale.netid, options_.program, options_.version)};
    }
  }
  return set(endpoint);
}

Result<std::optional<RpcbindEntry>> RpcbindRegistrar::find(std::string_view netid) const {
  const Result<Entries> entries = client_.entries(options_.program, options_.version);
  if (!entries.ok()) return entries.status();
  const RpcbindEntry* const entry = find_in(entries.value(), netid);
  return entry == nullptr ? std::nullopt : std::optional<RpcbindEntry>(*entry);
}

RpcbindEntry RpcbindRegistrar::entry_of(const Endpoint& endpoint) const {
  return {options_.program,
          options_.version,
          std::string(netid_of(endpoint)),
          universal_address(endpoint.address),
          {}};
}

bool RpcbindRegistrar::may_live(const Endpoint& endpoint, const RpcbindEntry& entry) const {
  const Result<Address> address = parse_universal_address(entry.address);
  // Not an address at which anything could be.
  if (!address.ok() || address.value().family() != endpoint.address.family()) return false;
  if (has_taken_over(endpoint.address, address.value())) return false;
  const RpcbindAnswer answer =
      call_at_endpoint({endpoint.transport, address.value()},
                       {options_.program, options_.version, NULLPROC, {}, options_.probe_timeout});
  const bool serves_another =
      answer.kind == RpcbindAnswer::Kind::kRefused &&
      (answer.error == RPC_PROGUNAVAIL || answer.error == RPC_PROGVERSMISMATCH);
  return answer.kind != RpcbindAnswer::Kind::kNobody && !serves_another;
}

RpcbindState RpcbindRegistrar::held(const RpcbindEntry& entry) const {
  return {entry.netid, false, false,
          fmt::format("netid {} of program {} is held by {}; this replica is reached by its port "
                      "alone",
                      entry.netid, options_.program, readable(entry.address))};
}

}  // namespace rkv::rpc
