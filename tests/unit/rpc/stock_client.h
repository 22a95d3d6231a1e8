#pragma once

#include <cppunit/TestAssert.h>
#include <rpc/rpc.h>

#include "rpc/address.h"
#include "rpc/xdr.h"

namespace rkv::rpc {

// A client of libtirpc's own, as any user of a program has it. One call at a time.
class StockClient {
 public:
  // `buffer_size` is that of its records' fragments; 0 is libtirpc's default.
  StockClient(const Address& server, rpcprog_t program, rpcvers_t version, u_int buffer_size) {
    const int descriptor = socket(server.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    CPPUNIT_ASSERT(descriptor >= 0);
    CPPUNIT_ASSERT_EQUAL(0, connect(descriptor, server.raw(), server.raw_size()));
    netbuf address{};
    address.len = address.maxlen = server.raw_size();
    address.buf = const_cast<sockaddr*>(server.raw());
    client_ = clnt_vc_create(descriptor, &address, program, version, buffer_size, buffer_size);
    CPPUNIT_ASSERT(client_ != nullptr);
    clnt_control(client_, CLSET_FD_CLOSE, nullptr);
  }
  ~StockClient() {
    auth_destroy(client_->cl_auth);
    clnt_destroy(client_);
  }
  StockClient(const StockClient&) = delete;
  StockClient& operator=(const StockClient&) = delete;

  CLIENT* client() const { return client_; }

  // A call without arguments and results.
  clnt_stat call_nothing(rpcproc_t procedure) const {
    return clnt_call(client_, procedure, untyped<void>(no_value), nullptr, untyped<void>(no_value),
                     nullptr, (timeval{20, 0}));
  }

 private:
  static bool_t no_value(XDR* /*xdr*/, void* /*value*/) { return TRUE; }

  CLIENT* client_ = nullptr;
};

}  // namespace rkv::rpc
