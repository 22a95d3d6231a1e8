#pragma once

#include <kv.h>

#include <memory>

#include "base/status.h"
#include "kv/transaction.h"
#include "replica/manager.h"
#include "rpc/reply.h"
#include "service/client_call.h"

namespace rkv::service {

// TXN. For the loop's thread.
class ClientTransactions {
 public:
  explicit ClientTransactions(const ClientContext& context) : context_(context) {}

  void transact(const kv_transact_args& args, rpc::Reply<kv_transact_result> reply);

 private:
  using TransactionPtr = std::shared_ptr<const kv::Transaction>;

  Status check_offered(const kv::Transaction& transaction) const;
  void write(const kv_transact_args& args, TransactionPtr transaction,
             rpc::Reply<kv_transact_result> reply);
  void read(TransactionPtr transaction, const replica::ReadOptions& options,
            rpc::Reply<kv_transact_result> reply);
  void refuse(rpc::Reply<kv_transact_result>& reply, const Status& status) const;
  void answer(rpc::Reply<kv_transact_result>& reply, const kv::Applied& applied) const;

  const ClientContext context_;
};

}  // namespace rkv::service
