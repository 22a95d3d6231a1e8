// What `attacks --target stock` attacks: the procedures of kv.x as a user of rpcgen has them today,
// the same dispatcher under libtirpc's svc_run(), over TCP and UDP at one port of 127.0.0.1.
//
//   attacks_stock_server PORT
//
// Without rpcbind, so that it leaves nothing behind in it. GET, PUT, DEL; the rest is not there.

#include <arpa/inet.h>
#include <kv.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

namespace {

constexpr int kListenBacklog = 1024;

struct Store {
  std::map<std::string, std::string, std::less<>> entries;
  std::uint64_t position = 0;
};

Store& store() {
  static Store instance;
  return instance;
}

char* no_reason() {
  static char empty[1] = {};
  return empty;
}

std::string_view bytes_of(const kv_key& key) { return {key.kv_key_val, key.kv_key_len}; }

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

int bound_socket(int type, const sockaddr_in& address) {
  const int descriptor = socket(AF_INET, type | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail("cannot bind");
  }
  return descriptor;
}

// libtirpc takes as many descriptors as this process may have.
void raise_descriptor_limit() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

extern "C" {

void kv_prog_1(svc_req* request, SVCXPRT* transport);

bool_t put_1_svc(kv_put_args* args, kv_put_result* result, svc_req* /*request*/) {
  *result = {};
  store().entries[std::string(bytes_of(args->key))].assign(args->value.kv_value_val,
                                                           args->value.kv_value_len);
  result->status = KV_OK;
  result->kv_put_result_u.ok.key_version = 1;
  result->kv_put_result_u.ok.position = ++store().position;
  return TRUE;
}

bool_t get_1_svc(kv_get_args* args, kv_get_result* result, svc_req* /*request*/) {
  *result = {};
  const auto found = store().entries.find(bytes_of(args->key));
  if (found == store().entries.end()) {
    result->status = KV_NOT_FOUND;
    result->kv_get_result_u.failure.reason = no_reason();
    return TRUE;
  }
  result->status = KV_OK;
  kv_get_ok& ok = result->kv_get_result_u.ok;
  ok.value = {static_cast<u_int>(found->second.size()), found->second.data()};
  ok.key_version = 1;
  ok.position = store().position;
  return TRUE;
}

// Results only borrow: there is nothing to free.
int kv_prog_1_freeresult(SVCXPRT* /*transport*/, xdrproc_t /*routine*/, caddr_t /*result*/) {
  return TRUE;
}

}  // extern "C"

int main(int argc, char** argv) {
  const long port = argc == 2 ? std::strtol(argv[1], nullptr, 10) : 0;
  if (port <= 0 || port > UINT16_MAX) {
    std::fputs("usage: attacks_stock_server PORT\n", stderr);
    return 2;
  }
  raise_descriptor_limit();
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int tcp = bound_socket(SOCK_STREAM, address);
  if (listen(tcp, kListenBacklog) != 0) fail("cannot listen");
  SVCXPRT* const by_tcp = svc_vc_create(tcp, 0, 0);
  SVCXPRT* const by_udp = svc_dg_create(bound_socket(SOCK_DGRAM, address), 0, 0);
  if (by_tcp == nullptr || by_udp == nullptr ||
      !svc_reg(by_tcp, KV_PROG, KV_V1, kv_prog_1, nullptr) ||
      !svc_reg(by_udp, KV_PROG, KV_V1, kv_prog_1, nullptr)) {
    fail("libtirpc does not take the sockets");
  }
  svc_run();
  fail("svc_run() returned");
}
