#pragma once

#include <kv.h>

#include "rpc/reply.h"
#include "service/client_call.h"

namespace rkv::service {

// PUT and DEL. For the loop's thread.
class ClientWrites {
 public:
  explicit ClientWrites(const ClientContext& context) : context_(context) {}

  void put(const kv_put_args& args, rpc::Reply<kv_put_result> reply);
  void del(const kv_del_args& args, rpc::Reply<kv_del_result> reply);

 private:
  template <typename WireResult, typename WireUnion>
  void write(const char* name, const kv::Command& command, bool wants_missing_position,
             rpc::Reply<WireResult> reply, WireUnion WireResult::*arms);

  const ClientContext context_;
};

}  // namespace rkv::service
