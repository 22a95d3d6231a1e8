// The bench's procedures as a user of rpcgen has them today: the same dispatcher under libtirpc's
// svc_run(). Without rpcbind, so that the bench leaves nothing behind in it.

#include <kv.h>

#include "fail.h"
#include "server_process.h"
#include "store.h"

using rkv::bench::Store;

namespace {

Store& store() {
  static Store instance;
  return instance;
}

}  // namespace

extern "C" {

void kv_prog_1(svc_req* request, SVCXPRT* transport);

bool_t put_1_svc(kv_put_args* args, kv_put_result* result, svc_req* /*request*/) {
  *result = {};
  store().put(*args, result);
  return TRUE;
}

bool_t get_1_svc(kv_get_args* args, kv_get_result* result, svc_req* /*request*/) {
  *result = {};
  store().get(*args, result);
  return TRUE;
}

// Results only borrow: there is nothing to free.
int kv_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t /*routine*/, caddr_t /*result*/) {
  return TRUE;
}

}  // extern "C"

int main(int argc, char** argv) {
  rkv::bench::guard_server(argc, argv);
  const int descriptor = rkv::bench::listen_on_loopback();
  SVCXPRT* const transport = svc_vc_create(descriptor, 0, 0);
  if (transport == nullptr || !svc_reg(transport, KV_PROG, KV_V1, kv_prog_1, nullptr)) {
    rkv::bench::fail("libtirpc does not take the socket");
  }
  store();
  rkv::bench::announce_port_of(descriptor);
  svc_run();
  rkv::bench::fail("svc_run() returned");
}
