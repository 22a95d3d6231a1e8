#include "rpc/server.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "rpc/connection.h"
#include "rpc/datagram.h"
#include "rpc/datagram_port.h"
#include "rpc/listener.h"

namespace rkv::rpc {
namespace {

// How often deadlines are looked at; a connection lives at most this much longer than its deadline.
constexpr Duration kSweepInterval = seconds(1);

// Of the answers that wait for room, so many go on in one turn, of all connections: large ones fill
// its room soon, and the rest would find it full again.
constexpr std::size_t kResumedPerTurnMax = 32;

// Who asks for little does not wait behind those who ask for much.
constexpr std::size_t kSmallAnswerMax = 4096;

}  // namespace

Server::Server(EventLoop& loop, Logger& logger, std::string name, const ServerLimits& limits)
    : loop_(loop),
      logger_(logger),
      name_(std::move(name)),
      limits_(limits),
      duplicates_({.calls_max = limits.duplicates_max,
                   .bytes_max = limits.duplicate_bytes_max,
                   .answer_max = kDatagramSizeMax,
                   .age_max = limits.duplicate_age_max}) {
  read_hook_ = loop_.add_turn_hook(EventLoop::TurnPhase::kStep, [this] { read_left_over(); });
  flush_hook_ = loop_.add_turn_hook(EventLoop::TurnPhase::kFlush, [this] { flush(); });
  sweep_timer_ = loop_.add_timer(loop_.now() + kSweepInterval, [this] { sweep(); });
}

Server::~Server() {
  for (Slot& slot : slots_) slot.connection.reset();
  datagram_ports_.clear();
  RKV_CHECK(counters_.calls_waiting == 0, "a reply token outlives its server");
  loop_.cancel_timer(sweep_timer_);
  loop_.remove_turn_hook(read_hook_);
  loop_.remove_turn_hook(flush_hook_);
}

void Server::add_program(std::uint32_t program, std::uint32_t version, Dispatcher dispatcher,
                         void* context) {
  programs_[{program, version}] = {dispatcher, context};
}

std::string Server::encode_results(xdrproc_t routine, const void* result) const {
  OutputBuffer encoded;
  RKV_CHECK(append_record(encoded, 0, limits_.record_size_max,
                          [routine, result](XDR* xdr) {
                            return routine(xdr, const_cast<void*>(result)) != FALSE;
                          }),
            "a reply that stands ready can be encoded");
  return std::string(encoded.content().substr(kRecordMarkSize));
}

void Server::set_overload_reply(std::uint32_t program, std::uint32_t version,
                                std::uint32_t procedure, xdrproc_t routine, const void* result) {
  overload_replies_[{program, version, procedure}] = encode_results(routine, result);
}

void Server::set_datagram_reply(std::uint32_t program, std::uint32_t version,
                                std::uint32_t procedure, DatagramReply use, xdrproc_t routine,
                                const void* result) {
  std::string results = encode_results(routine, result);
  RKV_CHECK(results.size() + kSuccessHeaderSize <= kDatagramSizeMax,
            "a datagram reply fits a datagram");
  datagram_replies_[{program, version, procedure}] = {use, std::move(results)};
}

void Server::remember_duplicates(std::uint32_t program, std::uint32_t version,
                                 std::uint32_t procedure) {
  remembered_.push_back({program, version, procedure});
}

Result<Address> Server::listen(const Address& address, Transport transport) {
  if (transport == Transport::kUdp) {
    return add(DatagramPort::open(*this, next_port(), address));
  }
  return add(
      Listener::open(loop_, logger_, name_, address, [this](int accepted, const Address& from) {
        take_connection(make_tcp_stream(accepted), from);
      }));
}

Result<Address> Server::listen_on(int descriptor) {
  int type = 0;
  socklen_t size = sizeof type;
  if (getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM) {
    return add(DatagramPort::adopt(*this, next_port(), descriptor));
  }
  return add(
      Listener::adopt(loop_, logger_, name_, descriptor, [this](int accepted, const Address& from) {
        take_connection(make_tcp_stream(accepted), from);
      }));
}

Result<Address> Server::add(Result<std::unique_ptr<Listener>> listener) {
  if (!listener.ok()) return listener.status();
  listeners_.push_back(std::move(listener).value());
  endpoints_.push_back({Transport::kTcp, listeners_.back()->address()});
  return endpoints_.back().address;
}

Result<Address> Server::add(Result<std::unique_ptr<DatagramPort>> port) {
  if (!port.ok()) return port.status();
  datagram_ports_.push_back(std::move(port).value());
  endpoints_.push_back({Transport::kUdp, datagram_ports_.back()->address()});
  return endpoints_.back().address;
}

std::uint32_t Server::next_port() const {
  return static_cast<std::uint32_t>(datagram_ports_.size());
}

std::vector<Endpoint> Server::endpoints() const { return endpoints_; }

void Server::stop_taking_calls() {
  listeners_.clear();
  endpoints_.clear();
  refusing_ = true;
}

void Server::close_connections() {
  for (Slot& slot : slots_) {
    if (slot.connection != nullptr) slot.connection->finish();
  }
  for (const auto& port : datagram_ports_) port->stop_reading();
}

bool Server::quiet() const { return counters_.calls_waiting == 0 && counters_.output_bytes == 0; }

void Server::take_connection(std::unique_ptr<ByteStream> stream, const Address& from) {
  const std::string host = from.host();
  if (accept_filter_ && !accept_filter_(from)) {
    ++counters_.refused;
    logger_.info("{}: refused a connection from {}: not an address of this cluster", name_, host);
    return;
  }
  const auto known = connections_per_host_.find(host);
  const std::size_t of_host = known == connections_per_host_.end() ? 0 : known->second;
  if (counters_.connections >= limits_.connections_max ||
      of_host >= limits_.connections_per_host_max) {
    ++counters_.refused;
    logger_.debug("{}: refused a connection from {}: {} are open, {} of them from there", name_,
                  host, counters_.connections, of_host);
    return;
  }
  if (free_slots_.empty()) {
    free_slots_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  const std::uint32_t index = free_slots_.back();
  free_slots_.pop_back();
  Slot& slot = slots_[index];
  ++slot.generation;
  ++connections_per_host_[host];
  ++counters_.connections;
  ++counters_.accepted;
  slot.connection =
      std::make_unique<Connection>(*this, index, slot.generation, std::move(stream), host);
}

// Destroyed at the end of the turn: the connection may be on the stack.
void Server::close_connection(std::uint32_t slot) { closed_.push_back(slot); }

void Server::destroy_closed() {
  for (const std::uint32_t index : std::exchange(closed_, {})) {
    Slot& slot = slots_[index];
    const auto host = connections_per_host_.find(slot.connection->host());
    if (--host->second == 0) connections_per_host_.erase(host);
    --counters_.connections;
    slot.connection.reset();
    free_slots_.push_back(index);
  }
}

const Server::Program* Server::find_program(std::uint32_t program, std::uint32_t version) const {
  const auto found = programs_.find({program, version});
  return found == programs_.end() ? nullptr : &found->second;
}

bool Server::version_range(std::uint32_t program, std::uint32_t* low, std::uint32_t* high) const {
  const auto first = programs_.lower_bound({program, 0});
  if (first == programs_.end() || first->first.first != program) return false;
  *low = first->first.second;
  *high = std::prev(programs_.upper_bound({program, UINT32_MAX}))->first.second;
  return true;
}

bool Server::overloaded() const {
  return refusing_ || counters_.calls_waiting >= limits_.calls_max ||
         call_bytes_ >= limits_.call_bytes_max ||
         counters_.output_bytes >= limits_.output_bytes_max;
}

bool Server::remembers_duplicates(const ProcedureId& procedure) const {
  return std::find(remembered_.begin(), remembered_.end(), procedure) != remembered_.end();
}

bool Server::turn_has_room(std::size_t answer_size) const {
  const std::size_t most = limits_.output_per_turn_max;
  return turn_output_ < (answer_size <= kSmallAnswerMax ? most / 2 * 3 : most);
}

void Server::token_taken(std::size_t request_size) {
  ++counters_.calls_waiting;
  call_bytes_ += request_size;
}

void Server::use_token(const ReplyPlace& place, std::size_t request_size,
                       FunctionRef<void(Caller&)> answer) {
  RKV_CHECK(loop_.in_loop_thread(), "calls are answered on the loop's thread");
  --counters_.calls_waiting;
  call_bytes_ -= request_size;
  if (place.transport == Transport::kUdp) {
    DatagramCaller caller = datagram_ports_[place.port]->release(place.slot, place.generation);
    answer(caller);
    caller.call_answered();
    return;
  }
  Connection* connection = connection_at(place);
  if (connection == nullptr) return;
  answer(*connection);
  connection->call_answered();
}

Connection* Server::connection_at(const ReplyPlace& place) const {
  if (place.transport != Transport::kTcp) return nullptr;
  const Slot& slot = slots_[place.slot];
  return slot.generation == place.generation ? slot.connection.get() : nullptr;
}

void Server::read_left_over() {
  std::vector<std::uint32_t> first_of_next_turn;
  std::size_t resumed = 0;
  for (const std::uint32_t slot : std::exchange(unread_, {})) {
    Connection* connection = slots_[slot].connection.get();
    if (connection == nullptr) continue;
    if (resumed >= kResumedPerTurnMax && connection->has_waiting_answers()) {
      first_of_next_turn.push_back(slot);
    } else {
      resumed += connection->take_left_over();
    }
  }
  if (first_of_next_turn.empty()) return;
  unread_.insert(unread_.begin(), first_of_next_turn.begin(), first_of_next_turn.end());
  loop_.request_turn();
}

void Server::flush() {
  for (const std::uint32_t slot : std::exchange(unwritten_, {})) {
    if (slots_[slot].connection != nullptr) slots_[slot].connection->flush();
  }
  for (const auto& port : datagram_ports_) port->flush();
  turn_output_ = 0;
  close_largest_output();
  destroy_closed();
}

// Memory for output is almost full. Who does not take his answers makes room, before the calls of
// others are refused for it.
void Server::close_largest_output() {
  while (counters_.output_bytes >= limits_.output_bytes_max / 8 * 7) {
    Connection* largest = nullptr;
    for (const Slot& slot : slots_) {
      if (slot.connection == nullptr) continue;
      if (largest == nullptr || slot.connection->output_size() > largest->output_size()) {
        largest = slot.connection.get();
      }
    }
    if (largest == nullptr || largest->output_size() == 0) return;
    largest->close_for_output();
    destroy_closed();
  }
}

void Server::sweep() {
  for (Slot& slot : slots_) {
    if (slot.connection != nullptr) slot.connection->check_deadlines(loop_.now());
  }
  duplicates_.expire(loop_.now());
  sweep_timer_ = loop_.add_timer(loop_.now() + kSweepInterval, [this] { sweep(); });
}

}  // namespace rkv::rpc
