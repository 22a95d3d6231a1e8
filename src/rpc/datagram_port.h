#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "rpc/address.h"
#include "rpc/caller.h"
#include "rpc/duplicate_cache.h"
#include "rpc/event_loop.h"
#include "rpc/record.h"

namespace rkv::rpc {

class DatagramPort;

// Both ends of a datagram: who sent it, and which address of this machine it was sent to, from
// which the answer must come. (A client drops what comes from elsewhere.)
struct DatagramEnds {
  Address peer;
  in_addr local_v4{};      // with an IPv4 peer
  in6_pktinfo local_v6{};  // with an IPv6 one
};

// The sender of one datagram. Its answers go to the port's queue. Lives on the loop's stack; while
// its call waits for a deferred answer, the port keeps the ends.
class DatagramCaller final : public Caller {
 public:
  // `key` is what copies of its call are known by; empty if they are not to be known.
  DatagramCaller(Server& server, DatagramPort& port, const DatagramEnds& ends, std::string key)
      : Caller(server), port_(port), ends_(ends), key_(std::move(key)) {}
  // Of a call that was begun before; nothing if copies of it are not to be known.
  DatagramCaller(Server& server, DatagramPort& port, const DatagramEnds& ends,
                 std::optional<DuplicateCache::Call> call)
      : Caller(server), port_(port), ends_(ends), call_(call) {}

  bool send(FunctionRef<bool(XDR*)> encode) override;
  // What is too long for a datagram is answered with the procedure's datagram reply, if that may
  // say so, or with SYSTEM_ERR.
  bool send_results(const ProcedureId& procedure, std::uint32_t xid, xdrproc_t routine,
                    const void* results) override;
  ReplyPlace call_handed_over() override;
  void call_answered() override {}
  int descriptor() const override;

 private:
  bool begin_call() override;

  DatagramPort& port_;
  const DatagramEnds ends_;
  std::string key_;  // until the call is begun
  std::optional<DuplicateCache::Call> call_;
};

// A UDP socket of a Server (RFC 5531, section 10: the RPC message is the datagram). Takes what came
// in batches, and sends the answers of a turn together at its end. What it gets that is not a call
// is dropped without an answer, since anybody may write any sender into a datagram. What the kernel
// does not take of the answers is lost, as it might be on the way: clients ask again.
class DatagramPort final : public EventLoop::Handler {
 public:
  // Binds an address; with port 0 the kernel picks one. An IPv6 socket takes IPv6 only. The server
  // must outlive the port; `number` is the port's place among its ports.
  static Result<std::unique_ptr<DatagramPort>> open(Server& server, std::uint32_t number,
                                                    const Address& address);
  // The same with a UDP socket that is bound already; the port owns it, also on failure.
  static Result<std::unique_ptr<DatagramPort>> adopt(Server& server, std::uint32_t number,
                                                     int descriptor);
  ~DatagramPort() override;
  DatagramPort(const DatagramPort&) = delete;
  DatagramPort& operator=(const DatagramPort&) = delete;

  const Address& address() const { return address_; }
  int descriptor() const { return descriptor_; }
  void on_ready(std::uint32_t events) override;
  // Sends the answers.
  void flush();
  // Takes no more datagrams.
  void stop_reading();

  // Queues an answer, which is remembered if it is that of a `call`, also when it is lost for want
  // of room here; false if it does not encode within kDatagramSizeMax.
  bool queue(const DatagramEnds& ends, const std::optional<DuplicateCache::Call>& call,
             FunctionRef<bool(XDR*)> encode);

  // Keeps the sender of a call that is answered later; there must be room.
  ReplyPlace hold(const DatagramEnds& ends, const std::optional<DuplicateCache::Call>& call);
  // Gives it back, once.
  DatagramCaller release(std::uint32_t slot, std::uint32_t generation);
  bool is_full() const;

 private:
  struct InputBatch;
  struct Answer {
    DatagramEnds ends;
    std::size_t size = 0;
  };
  struct WaitingCall {
    DatagramEnds ends;
    std::optional<DuplicateCache::Call> call;
    std::uint32_t generation = 0;
    bool is_held = false;
  };

  DatagramPort(Server& server, std::uint32_t number, int descriptor, const Address& address);
  // How many datagrams, or errors, were taken off the socket; 0: there is none left.
  std::size_t read_batch(std::size_t count_max);
  void take_datagram(std::size_t index);
  // Whether this is a copy of a call that is known; gives it the answer again, if there is one.
  bool take_copy(const DatagramEnds& ends, std::string_view key);
  std::size_t send_batch(std::size_t first, const char* bytes);

  Server& server_;
  const std::uint32_t number_;
  const int descriptor_;
  const Address address_;
  const std::unique_ptr<InputBatch> input_;

  OutputBuffer output_;  // the answers, each behind a record mark that is not sent
  std::vector<Answer> answers_;

  std::vector<WaitingCall> waiting_;
  std::vector<std::uint32_t> free_slots_;
};

}  // namespace rkv::rpc
