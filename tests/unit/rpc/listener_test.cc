#include "rpc/listener.h"

#include <cppunit/extensions/HelperMacros.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <deque>
#include <string>

#include "ledger_server.h"
#include "raw_client.h"

namespace rkv::rpc {
namespace {

bool has_bytes(const RawClient& client) {
  pollfd entry{client.descriptor(), POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

void expect_served(LedgerServer& server, RawClient& client) {
  WireCall call;
  call.procedure = ADD;
  client.send_call(call, ledger_add_bytes({5}));
  server.wait_until("it is served", [&] { return has_bytes(client); });
  CPPUNIT_ASSERT(client.read_reply().accepted);
}

int lowest_free_descriptor() {
  const int descriptor = dup(STDIN_FILENO);
  CPPUNIT_ASSERT(descriptor >= 0);
  close(descriptor);
  return descriptor;
}

void limit_descriptors(rlim_t count) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = count;
  CPPUNIT_ASSERT_EQUAL(0, setrlimit(RLIMIT_NOFILE, &limit));
}

// In a child process: descriptors run out while 20 clients wait, and are there again later.
void run_out_of_descriptors(bool has_reserve) {
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  // A server without a reserve is one that was started with the last descriptors: loop, wake-up and
  // listener.
  if (!has_reserve) limit_descriptors(static_cast<rlim_t>(lowest_free_descriptor()) + 3);
  LedgerServer server;
  limit_descriptors(before.rlim_cur);
  const int first_of_clients = lowest_free_descriptor();
  RawClient served(server.address());
  // UBSan needs descriptors of its own when it meets a type for the first time: what the loop will
  // call without any is called here before.
  NullLogger().error("warmed up");
  expect_served(server, served);
  std::deque<RawClient> clients;
  for (int i = 0; i < 20; ++i) clients.emplace_back(server.address());
  limit_descriptors(static_cast<rlim_t>(has_reserve ? lowest_free_descriptor() : first_of_clients));
  int turns = 0;
  server.loop().add_turn_hook(EventLoop::TurnPhase::kFlush, [&] { ++turns; });
  const std::clock_t cpu = std::clock();
  server.loop().run_until([] { return false; }, EventLoop::read_clock() + milliseconds(450));
  CPPUNIT_ASSERT_MESSAGE(std::to_string(turns), turns >= 4 && turns < 40);
  CPPUNIT_ASSERT(std::clock() - cpu < CLOCKS_PER_SEC / 4);
  CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, server.server().counters().accepted);
  const auto turned_away = [&] {
    return std::count_if(clients.begin(), clients.end(),
                         [](const RawClient& client) { return client.is_closed(); });
  };
  if (has_reserve) {
    CPPUNIT_ASSERT(turned_away() >= 1 && turned_away() < 10);
    CPPUNIT_ASSERT(clients.front().is_closed());
  } else {
    CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{0}, turned_away());
  }
  expect_served(server, served);  // while others wait, and before there are descriptors again
  const std::uint64_t left = 20 - static_cast<std::uint64_t>(turned_away());
  limit_descriptors(before.rlim_cur);
  expect_served(server, clients.back());
  CPPUNIT_ASSERT_EQUAL(left + 1, server.server().counters().accepted);
}

}  // namespace

// What accept() does right is tested with the server; this is about running out of descriptors.
class ListenerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ListenerTest);
  CPPUNIT_TEST(does_not_spin_without_descriptors);
  CPPUNIT_TEST(does_not_spin_without_a_reserve);
  CPPUNIT_TEST_SUITE_END();

 public:
  void does_not_spin_without_descriptors() {
    expect_child([] { run_out_of_descriptors(true); });
  }
  void does_not_spin_without_a_reserve() {
    expect_child([] { run_out_of_descriptors(false); });
  }

 private:
  static void expect_child(const std::function<void()>& body) {
    std::string errors;
    const int status = run_in_child(body, &errors);
    CPPUNIT_ASSERT_MESSAGE(errors, WIFEXITED(status) && WEXITSTATUS(status) == 0);
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ListenerTest);

}  // namespace rkv::rpc
