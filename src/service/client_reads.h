#pragma once

#include <kv.h>

#include <string>

#include "kv/entry.h"
#include "replica/manager.h"
#include "rpc/reply.h"
#include "service/client_call.h"

namespace rkv::service {

// GET. For the loop's thread.
class ClientReads {
 public:
  explicit ClientReads(const ClientContext& context) : context_(context) {}

  void get(const kv_get_args& args, rpc::Reply<kv_get_result> reply);

 private:
  // What is asked for.
  struct Question {
    std::string key;
    replica::ReadOptions options;
    bool wants_revisions = false;
    bool wants_missing_position = false;  // of KV_NOT_FOUND
  };
  void read(Question question, rpc::Reply<kv_get_result> reply);
  void answer(const Question& question, const kv::Entry& entry, Position position,
              rpc::Reply<kv_get_result>& reply) const;

  const ClientContext context_;
};

}  // namespace rkv::service
