#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "client/async_client.h"
#include "client/operation.h"

namespace rkv::client {

// The operations of an AsyncClient. Each owns what it asks about until it has ended.

std::unique_ptr<Operation> make_put(std::string key, std::string value, const CallOptions& options,
                                    AsyncClient::WriteDone done);
std::unique_ptr<Operation> make_del(std::string key, const CallOptions& options,
                                    AsyncClient::WriteDone done);
std::unique_ptr<Operation> make_get(std::string key, const CallOptions& options,
                                    AsyncClient::ReadDone done);
std::unique_ptr<Operation> make_transact(Transaction transaction, const CallOptions& options,
                                         AsyncClient::TransactDone done);
std::unique_ptr<Operation> make_range(RangeQuery query, const CallOptions& options,
                                      AsyncClient::PageDone done);
std::unique_ptr<Operation> make_replicas(const CallOptions& options,
                                         AsyncClient::ReplicasDone done);
std::unique_ptr<Operation> make_status(bool state_hash, const CallOptions& options,
                                       AsyncClient::StatusDone done);
std::unique_ptr<Operation> make_session(const CallOptions& options,
                                        UniqueFunction<void(Result<Session>)> done);

}  // namespace rkv::client
