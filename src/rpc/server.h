#pragma once

#include <rpc/rpc.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/function_ref.h"
#include "base/log.h"
#include "base/status.h"
#include "base/time.h"
#include "rpc/address.h"
#include "rpc/byte_stream.h"
#include "rpc/caller.h"
#include "rpc/duplicate_cache.h"
#include "rpc/endpoint.h"
#include "rpc/event_loop.h"
#include "rpc/record.h"
#include "rpc/xdr.h"

namespace rkv::rpc {

class Call;
class Connection;
class DatagramCaller;
class DatagramPort;
class Listener;
class ReplyToken;

// What a server lets in. Every one is enforced; none can be switched off.
struct ServerLimits {
  std::size_t record_size_max = 4 << 20;  // bytes of a call, and of a reply
  std::size_t fragments_max = 1024;       // fragments of a call
  std::size_t connections_max = 16384;    // more are closed at once
  std::size_t connections_per_host_max = 16384;
  std::size_t calls_max = 65536;  // calls waiting for their answer: more get the overload reply
  std::size_t call_bytes_max = 256 << 20;           // bytes of those calls: the same
  std::size_t calls_per_connection_max = 4096;      // more are not read until some are answered
  std::size_t output_per_connection_max = 4 << 20;  // bytes of answers not taken: the same
  // Of all connections (in memory they take up to twice as much): more get the overload reply, and
  // SYSTEM_ERR if they wait for it already. When a turn ends with 7/8 of it in use, the connections
  // with most of it are closed.
  std::size_t output_bytes_max = 512 << 20;
  // Bytes of answers made in one turn, before any is written: more are made in the turns that
  // follow, and keep nobody waiting. Half as much again is there for small answers alone.
  std::size_t output_per_turn_max = 16 << 20;
  // Memory for records that have not ended, of all connections: who needs more of it is closed.
  std::size_t input_bytes_max = 512 << 20;
  std::size_t records_per_turn_max = 256;    // of one connection, before the others have their turn
  std::size_t datagrams_per_turn_max = 256;  // of one UDP port: the same
  // Calls of one UDP port waiting for their answer: more get the overload reply.
  std::size_t datagram_calls_max = 4096;
  // Answers of one turn and UDP port: more are lost, as any datagram may be.
  std::size_t datagram_output_max = 8 << 20;
  // Calls over UDP that are remembered, see remember_duplicates(): under way, or with their
  // answers. New ones take the room of the oldest answers; when all of it is of calls under way,
  // they get the overload reply.
  std::size_t duplicates_max = 8192;
  std::size_t duplicate_bytes_max = 16 << 20;
  Duration duplicate_age_max = seconds(60);  // of an answer; it goes within a second after that
  Duration idle_timeout = seconds(600);      // without a call under way: closed
  Duration record_timeout = seconds(30);     // from the first byte of a record to its last: closed
  Duration write_timeout = seconds(30);      // answers that are not taken for this long: closed
};

// What a server has done; each only grows, but for the first four.
struct ServerCounters {
  std::uint64_t connections = 0;    // open now
  std::uint64_t calls_waiting = 0;  // for their answer, now
  std::uint64_t output_bytes = 0;   // encoded and not written, now
  std::uint64_t input_bytes = 0;    // of memory for records that have not ended, now
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;     // connections over a limit, or that the filter did not want
  std::uint64_t calls = 0;       // understood as calls
  std::uint64_t overloaded = 0;  // answered with the overload reply
  std::uint64_t rejected = 0;    // answered with an RPC error
  std::uint64_t malformed = 0;   // connections closed for what they sent
  std::uint64_t timed_out = 0;   // connections closed by a deadline
  std::uint64_t datagrams_received = 0;
  std::uint64_t datagrams_dropped = 0;       // of those: no calls, or from where none are taken
  std::uint64_t datagrams_repeated = 0;      // of those: copies of calls that are remembered
  std::uint64_t datagrams_answered = 0;      // answers that were sent
  std::uint64_t datagrams_not_answered = 0;  // answers that the kernel did not take
  std::uint64_t datagrams_use_tcp = 0;       // calls whose arguments or results were too long
};

// Serves ONC RPC programs over TCP and UDP: the dispatchers that `rpcgen -m` makes, with `-M`
// procedures, run on the loop's thread. A procedure either fills its result and returns TRUE, or
// takes a Reply<T>, returns FALSE and answers later. No call waits for another one's answer.
//
// Over UDP a call and its reply have at most kDatagramSizeMax bytes. A call that gets no answer is
// sent again by its client, and run again, unless its procedure is one of remember_duplicates():
// then it is not, within the limits. What must never happen twice needs an id of its own.
class Server {
 public:
  using Dispatcher = void (*)(svc_req*, SVCXPRT*);
  // Whether to keep a connection, or to take a datagram, from this address.
  using AcceptFilter = std::function<bool(const Address&)>;

  // What is passed by reference must outlive the server. `name` is what log lines call it.
  Server(EventLoop& loop, Logger& logger, std::string name, const ServerLimits& limits);
  // Closes everything. Every ReplyToken must be gone.
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Serves a version of a program; `context` is what context_of() gives its procedures.
  void add_program(std::uint32_t program, std::uint32_t version, Dispatcher dispatcher,
                   void* context);
  // What a call of this procedure is answered with when the server has too much to do. Without one
  // it is SYSTEM_ERR. Encoded here and now.
  void set_overload_reply(std::uint32_t program, std::uint32_t version, std::uint32_t procedure,
                          xdrproc_t routine, const void* result);
  // What may be said with a datagram reply, besides that a call was too long and is not run.
  enum class DatagramReply {
    kCallTooLong,       // nothing: a result that is too long is SYSTEM_ERR, for it was run
    kOrResultsTooLong,  // that a result is too long: of a procedure that changes nothing
  };
  // What a call of this procedure is answered with over UDP when it, or its result, does not fit a
  // datagram. Without one it is SYSTEM_ERR. Encoded here and now; must fit itself.
  void set_datagram_reply(std::uint32_t program, std::uint32_t version, std::uint32_t procedure,
                          DatagramReply use, xdrproc_t routine, const void* result);
  // Has the calls of this procedure over UDP remembered (DuplicateCache), over all ports: a copy of
  // one that is under way is dropped, for the answer is to come; a copy of one that was answered
  // gets the same answer, whatever it was. SYSTEM_ERR too: the call may have been run. What got the
  // overload reply, or was too long, was not run, and so a copy of it is a new call.
  void remember_duplicates(std::uint32_t program, std::uint32_t version, std::uint32_t procedure);
  void set_accept_filter(AcceptFilter filter) { accept_filter_ = std::move(filter); }

  // Listens on one more address; with port 0 the kernel picks one. Returns the address it got.
  Result<Address> listen(const Address& address, Transport transport = Transport::kTcp);
  // Takes calls on one more socket, which the server then owns (also on failure): a TCP socket that
  // listens already, or a UDP socket that is bound. Returns the address it is bound to.
  Result<Address> listen_on(int descriptor);
  // Serves a connection that was made elsewhere, as if a listener had taken it: the accept filter
  // and the limits hold for it.
  void take_connection(std::unique_ptr<ByteStream> stream, const Address& from);
  // Everything it listens on, in the order of listening; nothing after stop_taking_calls().
  std::vector<Endpoint> endpoints() const;

  // A clean end has three steps, the next when the one before is done or has taken too long:
  // 1. stop_taking_calls(): no more connections; new calls are refused with the overload reply,
  //    those under way are answered. Done when quiet(): every answer is written.
  // 2. close_connections(): tells every client that nothing more will come, and drops what they
  //    still send; datagrams are not read any more. (To close at once would have the kernel throw
  //    away answers that are not yet read.) Done when counters().connections is 0: every client has
  //    closed too.
  // 3. The destructor.
  void stop_taking_calls();
  bool quiet() const;
  void close_connections();

  const ServerCounters& counters() const { return counters_; }

 private:
  friend class Call;
  friend class Caller;
  friend class Connection;
  friend class DatagramCaller;
  friend class DatagramPort;
  friend class ReplyToken;
  struct Program {
    Dispatcher dispatcher = nullptr;
    void* context = nullptr;
  };
  struct Slot {
    std::unique_ptr<Connection> connection;
    std::uint32_t generation = 0;
  };
  struct EncodedDatagramReply {
    DatagramReply use = DatagramReply::kCallTooLong;
    std::string results;
  };

  // Connections.
  Result<Address> add(Result<std::unique_ptr<Listener>> listener);
  Result<Address> add(Result<std::unique_ptr<DatagramPort>> port);
  std::uint32_t next_port() const;
  void close_connection(std::uint32_t slot);
  void destroy_closed();

  // Calls.
  const Program* find_program(std::uint32_t program, std::uint32_t version) const;
  bool version_range(std::uint32_t program, std::uint32_t* low, std::uint32_t* high) const;
  bool overloaded() const;
  bool remembers_duplicates(const ProcedureId& procedure) const;
  // Whether an answer of this size may be made in this turn.
  bool turn_has_room(std::size_t answer_size) const;
  std::string encode_results(xdrproc_t routine, const void* result) const;
  void token_taken(std::size_t request_size);
  // The connection that an answer has to go to; null if it is gone, or not one.
  Connection* connection_at(const ReplyPlace& place) const;
  // Ends the waiting of a call: `answer` is run on its caller, unless that is gone.
  void use_token(const ReplyPlace& place, std::size_t request_size,
                 FunctionRef<void(Caller&)> answer);

  // Each turn.
  void read_left_over();
  void flush();
  void close_largest_output();
  void sweep();

  EventLoop& loop_;
  Logger& logger_;
  const std::string name_;
  const ServerLimits limits_;
  ServerCounters counters_;
  std::size_t call_bytes_ = 0;
  std::size_t turn_output_ = 0;  // bytes of answers of connections that were made in this turn
  bool refusing_ = false;        // new calls, because the end is near
  AcceptFilter accept_filter_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, Program> programs_;
  std::map<ProcedureId, std::string> overload_replies_;
  std::map<ProcedureId, EncodedDatagramReply> datagram_replies_;
  std::vector<ProcedureId> remembered_;  // a few
  DuplicateCache duplicates_;
  ReadScratch scratch_;

  std::vector<std::unique_ptr<Listener>> listeners_;
  std::vector<std::unique_ptr<DatagramPort>> datagram_ports_;
  std::vector<Endpoint> endpoints_;
  EventLoop::TimerId sweep_timer_ = 0;
  EventLoop::HookId read_hook_ = 0;
  EventLoop::HookId flush_hook_ = 0;

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::unordered_map<std::string, std::size_t> connections_per_host_;
  std::vector<std::uint32_t> unread_;     // slots with records left for the next turn
  std::vector<std::uint32_t> unwritten_;  // slots with new output
  std::vector<std::uint32_t> closed_;     // slots to destroy at the end of the turn
};

}  // namespace rkv::rpc
