#pragma once

#include <kv.h>

#include <cstddef>
#include <deque>

#include "base/status.h"
#include "base/time.h"
#include "replica/manager.h"
#include "rpc/reply.h"
#include "service/client_call.h"
#include "service/range_codec.h"

namespace rkv::service {

// So many pages of one lane are read at once. A page is up to kEntriesMax keys and a few
// milliseconds of work, and asked for with few bytes: more at once would keep everybody else
// waiting for the end of the turn.
constexpr std::size_t kPagesAtOnce = 4;

// RANGE. For the loop's thread.
class ClientRanges {
 public:
  explicit ClientRanges(const ClientContext& context) : context_(context) {}

  void range(const kv_range_args& args, rpc::Reply<kv_range_result> reply);

 private:
  // What is asked for.
  struct Question {
    Listing listing;
    replica::ReadOptions options;
    TimePoint begun;
  };
  struct Call {
    Question question;
    rpc::Reply<kv_range_result> reply;
  };
  // Calls in the order in which they came. The server's limits of calls that wait, and of their
  // bytes, bound how many there are.
  struct Lane {
    std::deque<Call> waiting;
    std::size_t under_way = 0;
    bool running = false;  // run() is on the stack
  };

  Status check_offered(const replica::ReadOptions& options) const;
  Lane& lane_of(const Question& question);
  void add(Question question, rpc::Reply<kv_range_result> reply);
  void run(Lane& lane);
  void read(Lane& lane, Call call);
  void finish(Call call, const Status& status, kv::ScanPage& page);
  void answer(Call& call, const Status& status, const kv::ScanPage& page) const;

  const ClientContext context_;
  // What this replica has at hand does not wait behind what other replicas are asked about first.
  Lane local_;
  Lane agreed_;
};

}  // namespace rkv::service
