// The bench's procedures on our runtime: rpcgen's dispatcher under rpc::Server, each answer through
// a Reply, as a replica does it.

#include <kv.h>

#include "base/log.h"
#include "fail.h"
#include "rpc/event_loop.h"
#include "rpc/reply.h"
#include "rpc/server.h"
#include "server_process.h"
#include "store.h"

using rkv::bench::Store;
using rkv::rpc::context_of;
using rkv::rpc::Reply;

extern "C" {

void kv_prog_1(svc_req* request, SVCXPRT* transport);

bool_t put_1_svc(kv_put_args* args, kv_put_result* result, svc_req* request) {
  *result = {};
  Reply reply(request, xdr_kv_put_result);
  context_of<Store>(request).put(*args, result);
  reply.send(*result);
  return FALSE;
}

bool_t get_1_svc(kv_get_args* args, kv_get_result* result, svc_req* request) {
  *result = {};
  Reply reply(request, xdr_kv_get_result);
  context_of<Store>(request).get(*args, result);
  reply.send(*result);
  return FALSE;
}

// Results only borrow: there is nothing to free.
int kv_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t /*routine*/, caddr_t /*result*/) {
  return TRUE;
}

}  // extern "C"

int main(int argc, char** argv) {
  rkv::bench::guard_server(argc, argv);
  Store store;
  rkv::NullLogger logger;
  rkv::rpc::EventLoop loop;
  rkv::rpc::Server server(loop, logger, "bench", rkv::rpc::ServerLimits());
  server.add_program(KV_PROG, KV_V1, kv_prog_1, &store);
  const auto wanted = rkv::rpc::Address::parse("127.0.0.1", 0);
  if (!wanted.ok()) rkv::bench::fail("127.0.0.1 is not an address");
  const auto address = server.listen(wanted.value());
  if (!address.ok()) rkv::bench::fail(address.status().reason().c_str());
  rkv::bench::announce_port(address.value().port());
  loop.run();
}
