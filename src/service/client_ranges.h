#pragma once

#include <kv.h>

#include "base/status.h"
#include "base/time.h"
#include "replica/manager.h"
#include "rpc/reply.h"
#include "service/client_call.h"
#include "service/range_codec.h"

namespace rkv::service {

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

  Status check_offered(const replica::ReadOptions& options) const;
  void read(Question question, rpc::Reply<kv_range_result> reply);
  void finish(Call call, const Status& status, kv::ScanPage& page);
  void answer(Call& call, const Status& status, const kv::ScanPage& page) const;

  const ClientContext context_;
};

}  // namespace rkv::service
