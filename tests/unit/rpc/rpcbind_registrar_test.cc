#include "rpc/rpcbind_registrar.h"

#include <cppunit/extensions/HelperMacros.h>
#include <poll.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_prot.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "fake_rpcbind.h"
#include "raw_client.h"
#include "rpc/event_loop.h"
#include "rpc/message.h"
#include "scripted_server.h"

namespace rkv::rpc {
namespace {

constexpr std::uint32_t kProgram = 0x20006b76;
constexpr std::uint32_t kVersion = 1;

Address address_of(const std::string& host, std::uint16_t port) {
  const Result<Address> address = Address::parse(host, port);
  CPPUNIT_ASSERT(address.ok());
  return address.value();
}

// A UDP port of 127.0.0.1 that answers every call with what `reply_of` makes of its xid; an empty
// reply is not sent.
class UdpPort {
 public:
  explicit UdpPort(std::function<std::string(std::uint32_t xid)> reply_of)
      : reply_of_(std::move(reply_of)) {
    descriptor_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const Address wanted = address_of("127.0.0.1", 0);
    CPPUNIT_ASSERT(bind(descriptor_, wanted.raw(), wanted.raw_size()) == 0);
    port_ = Address::local_of(descriptor_).value().port();
    thread_ = std::thread([this] { work(); });
  }
  ~UdpPort() {
    stopping_ = true;
    thread_.join();
    close(descriptor_);
  }
  UdpPort(const UdpPort&) = delete;
  UdpPort& operator=(const UdpPort&) = delete;

  std::uint16_t port() const { return port_; }
  int received() const { return received_; }

 private:
  void work() {
    while (!stopping_) {
      pollfd ready{descriptor_, POLLIN, 0};
      if (poll(&ready, 1, 10) <= 0) continue;
      std::array<char, 2048> call{};
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const ssize_t size = recvfrom(descriptor_, call.data(), call.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &from_size);
      CallHeader header;
      if (size <= 0 ||
          parse_call({call.data(), static_cast<std::size_t>(size)}, &header) != CallParse::kCall) {
        continue;
      }
      ++received_;
      const std::string reply = reply_of_(header.xid);
      if (reply.empty()) continue;
      sendto(descriptor_, reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from),
             from_size);
    }
  }

  const std::function<std::string(std::uint32_t)> reply_of_;
  int descriptor_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> received_{0};
  std::thread thread_;
};

}  // namespace

class RpcbindRegistrarTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RpcbindRegistrarTest);
  CPPUNIT_TEST(registers_four_netids);
  CPPUNIT_TEST(one_address_for_each_netid);
  CPPUNIT_TEST(own_entry_counts_as_registered);
  CPPUNIT_TEST(other_versions_and_programs_do_not_matter);
  CPPUNIT_TEST(entry_of_a_living_server_is_left);
  CPPUNIT_TEST(entry_of_a_silent_server_is_left);
  CPPUNIT_TEST(entry_of_a_server_that_closes_or_talks_otherwise_is_left);
  CPPUNIT_TEST(entry_that_leads_to_nothing_is_replaced);
  CPPUNIT_TEST(entry_that_leads_to_another_program_is_replaced);
  CPPUNIT_TEST(entry_that_is_no_address_is_replaced);
  CPPUNIT_TEST(entry_with_the_own_port_is_replaced);
  CPPUNIT_TEST(entry_of_another_owner_is_named);
  CPPUNIT_TEST(entry_that_came_while_the_old_one_was_probed_is_left);
  CPPUNIT_TEST(entry_that_came_before_set_is_left);
  CPPUNIT_TEST(udp_is_probed_over_udp);
  CPPUNIT_TEST(netid_that_rpcbind_refuses);
  CPPUNIT_TEST(no_rpcbind);
  CPPUNIT_TEST(silent_rpcbind);
  CPPUNIT_TEST(answers_that_make_no_sense);
  CPPUNIT_TEST(withdraws_its_own_addresses_only);
  CPPUNIT_TEST(stops_between_calls);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    rpcbind_ = std::make_unique<FakeRpcbind>();
    stopping_ = false;
    options_ = {};
    options_.program = kProgram;
    options_.version = kVersion;
    options_.socket_path = rpcbind_->path();
    options_.call_timeout = seconds(20);
    options_.probe_timeout = seconds(20);
  }
  void tearDown() override { rpcbind_.reset(); }

  void registers_four_netids() {
    const RpcbindRegistrar registrar = make({{Transport::kTcp, address_of("0.0.0.0", 7411)},
                                             {Transport::kTcp, address_of("::", 7411)},
                                             {Transport::kUdp, address_of("192.0.2.1", 7412)},
                                             {Transport::kUdp, address_of("::1", 7412)}});
    RpcbindCheck check = registrar.check();
    CPPUNIT_ASSERT(check.reached.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, check.registered());
    CPPUNIT_ASSERT(std::all_of(check.states.begin(), check.states.end(),
                               [](const RpcbindState& state) { return state.was_set; }));
    const std::vector<RpcbindEntry> expected = {
        {kProgram, kVersion, "tcp", "0.0.0.0.28.243", "superuser"},
        {kProgram, kVersion, "tcp6", "::.28.243", "superuser"},
        {kProgram, kVersion, "udp", "192.0.2.1.28.244", "superuser"},
        {kProgram, kVersion, "udp6", "::1.28.244", "superuser"}};
    CPPUNIT_ASSERT(expected == rpcbind_->entries());

    check = registrar.check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, check.registered());
    CPPUNIT_ASSERT(!check.states[0].was_set);
    rpcbind_->clear();  // it was started anew
    CPPUNIT_ASSERT(registrar.check().states[3].was_set);
    CPPUNIT_ASSERT(expected == rpcbind_->entries());

    registrar.withdraw();
    CPPUNIT_ASSERT(rpcbind_->entries().empty());
  }

  void one_address_for_each_netid() {
    const RpcbindRegistrar registrar = make({{Transport::kTcp, address_of("127.0.0.1", 7411)},
                                             {Transport::kTcp, address_of("127.0.0.2", 7411)}});
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, registrar.check().states.size());
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1.28.243"), rpcbind_->address_of("tcp"));
  }

  void own_entry_counts_as_registered() {
    rpcbind_->set_caller("1000");
    add("tcp", "127.0.0.1.28.243", "superuser");
    const RpcbindCheck check = make_tcp().check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, check.registered());
    CPPUNIT_ASSERT(!check.states[0].was_set);
    CPPUNIT_ASSERT(std::vector<std::uint32_t>{RPCBPROC_DUMP} == rpcbind_->calls());
  }

  void other_versions_and_programs_do_not_matter() {
    rpcbind_->add({kProgram, 2, "tcp", "127.0.0.1.1.1", "superuser"});
    rpcbind_->add({kProgram + 1, kVersion, "tcp", "127.0.0.1.1.2", "superuser"});
    const RpcbindRegistrar registrar = make_tcp();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, registrar.check().registered());
    registrar.withdraw();
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, rpcbind_->entries().size());
  }

  void entry_of_a_living_server_is_left() {
    ServerThread other;
    other.answer_all([](const ScriptedServer::Call& call) {
      CPPUNIT_ASSERT_EQUAL(kProgram, call.program);
      CPPUNIT_ASSERT_EQUAL(kVersion, call.version);
      CPPUNIT_ASSERT_EQUAL(std::uint32_t{NULLPROC}, call.procedure);
      return std::string();
    });
    expect_left("0.0.0.0", other.port());
    rpcbind_->clear();
    expect_left("127.0.0.1", other.port());
  }

  void entry_of_a_silent_server_is_left() {
    ServerThread other;  // takes calls, answers none
    options_.probe_timeout = milliseconds(50);
    expect_left("127.0.0.1", other.port());
    UdpPort silent([](std::uint32_t) { return std::string(); });
    rpcbind_->clear();
    expect_left("127.0.0.1", silent.port(), "udp");
    CPPUNIT_ASSERT(silent.received() > 0);
  }

  void entry_of_a_server_that_closes_or_talks_otherwise_is_left() {
    ServerThread other;
    other.run([](ScriptedServer& server) {
      server.on_call = [&server](const ScriptedServer::Call& call) {
        server.close(call.connection);
      };
    });
    expect_left("127.0.0.1", other.port());
    other.run([](ScriptedServer& server) {
      server.on_call = [&server](const ScriptedServer::Call& call) {
        server.send(call.connection, record_of("220 mail.example.org ESMTP"));
      };
    });
    expect_left("127.0.0.1", other.port());
    other.run([](ScriptedServer& server) {  // a reply to another call
      server.on_call = [&server](const ScriptedServer::Call& call) {
        server.send(call.connection, record_of(accepted_reply(call.xid + 1, PROG_UNAVAIL)));
      };
    });
    expect_left("127.0.0.1", other.port());
    other.run([](ScriptedServer& server) {  // a length that no reply has
      server.on_call = [&server](const ScriptedServer::Call& call) {
        server.send(call.connection, "\x7f\xff\xff\xff");
      };
    });
    expect_left("127.0.0.1", other.port());
  }

  void entry_that_leads_to_nothing_is_replaced() {
    std::uint16_t free_port = 0;
    {
      const ServerThread gone;
      free_port = gone.port();
    }
    add("tcp", universal_address(address_of("127.0.0.1", free_port)), "superuser");
    expect_replaced();
    const std::vector<std::uint32_t> expected = {RPCBPROC_DUMP, RPCBPROC_DUMP, RPCBPROC_UNSET,
                                                 RPCBPROC_SET};
    CPPUNIT_ASSERT(expected == rpcbind_->calls());
  }

  void entry_that_leads_to_another_program_is_replaced() {
    ServerThread other;
    for (const bool is_mismatch : {false, true}) {
      other.run([is_mismatch](ScriptedServer& server) {
        server.on_call = [&server, is_mismatch](const ScriptedServer::Call& call) {
          server.send(call.connection,
                      record_of(is_mismatch ? prog_mismatch_reply(call.xid, 3, 4)
                                            : accepted_reply(call.xid, PROG_UNAVAIL)));
        };
      });
      rpcbind_->clear();
      add("tcp", universal_address(address_of("127.0.0.1", other.port())), "superuser");
      expect_replaced();
    }
  }

  void entry_that_is_no_address_is_replaced() {
    add("tcp", "nonsense", "superuser");
    expect_replaced();
  }

  // What is bound to the wildcard, or was, shares its port with nobody.
  void entry_with_the_own_port_is_replaced() {
    ServerThread self;
    self.answer_all([](const ScriptedServer::Call&) { return std::string(); });
    add("tcp", universal_address(address_of("0.0.0.0", self.port())), "superuser");
    const RpcbindCheck check =
        make({{Transport::kTcp, address_of("127.0.0.1", self.port())}}).check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, check.registered());
    CPPUNIT_ASSERT_EQUAL(universal_address(address_of("127.0.0.1", self.port())),
                         rpcbind_->address_of("tcp"));
  }

  void entry_of_another_owner_is_named() {
    rpcbind_->set_caller("1000");
    add("tcp", "nonsense", "1001");
    const RpcbindCheck check = make_tcp().check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check.registered());
    expect_contains(check.states[0].reason, "1001");
    expect_contains(check.states[0].reason, "rpcinfo -d -T tcp 536898422 1");
    CPPUNIT_ASSERT_EQUAL(std::string("nonsense"), rpcbind_->address_of("tcp"));
  }

  void entry_that_came_while_the_old_one_was_probed_is_left() {
    add("tcp", "nonsense", "superuser");
    int dumps = 0;
    rpcbind_->on_call = [&](std::uint32_t procedure) {
      if (procedure != RPCBPROC_DUMP || ++dumps != 2) return;
      rpcbind_->clear();
      add("tcp", "127.0.0.1.200.200", "superuser");
    };
    const RpcbindCheck check = make_tcp().check();
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1.200.200"), rpcbind_->address_of("tcp"));
    expect_contains(check.states[0].reason, "is held by 127.0.0.1:51400");
  }

  void entry_that_came_before_set_is_left() {
    rpcbind_->on_call = [&](std::uint32_t procedure) {
      if (procedure == RPCBPROC_SET) add("tcp", "127.0.0.1.200.200", "superuser");
    };
    const RpcbindCheck check = make_tcp().check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check.registered());
    expect_contains(check.states[0].reason, "is held by 127.0.0.1:51400");
  }

  void udp_is_probed_over_udp() {
    UdpPort other([](std::uint32_t xid) { return success_reply(xid, {}); });
    expect_left("0.0.0.0", other.port(), "udp");
    CPPUNIT_ASSERT_EQUAL(1, other.received());
    std::uint16_t free_port = 0;
    {
      const UdpPort gone([](std::uint32_t) { return std::string(); });
      free_port = gone.port();
    }
    rpcbind_->clear();
    add("udp", universal_address(address_of("127.0.0.1", free_port)), "superuser");
    const RpcbindCheck check = make({{Transport::kUdp, address_of("127.0.0.1", 7411)}}).check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, check.registered());
    UdpPort another_program([](std::uint32_t xid) { return accepted_reply(xid, PROG_UNAVAIL); });
    rpcbind_->clear();
    add("udp", universal_address(address_of("127.0.0.1", another_program.port())), "superuser");
    CPPUNIT_ASSERT_EQUAL(
        std::size_t{1},
        make({{Transport::kUdp, address_of("127.0.0.1", 7411)}}).check().registered());
  }

  void netid_that_rpcbind_refuses() {
    rpcbind_->refuse("tcp6");
    const RpcbindCheck check = make({{Transport::kTcp, address_of("::1", 7411)},
                                     {Transport::kTcp, address_of("127.0.0.1", 7411)}})
                                   .check();
    CPPUNIT_ASSERT(check.reached.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, check.registered());
    expect_contains(check.states[0].reason, "netid tcp6 is refused by rpcbind");
    CPPUNIT_ASSERT(check.states[1].is_registered);
  }

  void no_rpcbind() {
    options_.socket_path = rpcbind_->path() + "-not-there";
    const RpcbindCheck check = make_tcp().check();
    CPPUNIT_ASSERT(check.reached.code() == StatusCode::kUnavailable);
    expect_contains(check.reached.reason(), "no rpcbind at " + options_.socket_path);
    CPPUNIT_ASSERT(check.states.empty());
    make_tcp().withdraw();
  }

  void silent_rpcbind() {
    options_.call_timeout = milliseconds(50);
    rpcbind_->set_silent(true);
    const TimePoint begun = EventLoop::read_clock();
    const RpcbindCheck check = make_tcp().check();
    make_tcp().withdraw();
    CPPUNIT_ASSERT(EventLoop::read_clock() - begun < seconds(10));
    expect_contains(check.reached.reason(), "no answer in time");
  }

  void answers_that_make_no_sense() {
    for (const std::string& answer :
         {std::string("\0\0\0", 3), std::string("\0\0\0\1", 4), std::string("\0\0\0\2", 4),
          std::string("\0\0\0\0\0\0\0\0", 8), std::string(100, '\xff')}) {
      rpcbind_->set_answer(answer);
      const RpcbindCheck check = make_tcp().check();
      expect_contains(check.reached.reason(), "cannot be understood");
    }
  }

  void withdraws_its_own_addresses_only() {
    const RpcbindRegistrar registrar = make({{Transport::kTcp, address_of("127.0.0.1", 7411)},
                                             {Transport::kTcp, address_of("::1", 7411)}});
    add("tcp", "127.0.0.1.200.200", "superuser");
    add("tcp6", "::1.28.243", "superuser");
    stopping_ = true;  // which it is at the end
    registrar.withdraw();
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1.200.200"), rpcbind_->address_of("tcp"));
    CPPUNIT_ASSERT_EQUAL(std::string(), rpcbind_->address_of("tcp6"));
  }

  void stops_between_calls() {
    rpcbind_->on_call = [this](std::uint32_t procedure) {
      if (procedure == RPCBPROC_SET) stopping_ = true;
    };
    make({{Transport::kTcp, address_of("127.0.0.1", 7411)},
          {Transport::kTcp, address_of("::1", 7411)}})
        .check();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, rpcbind_->entries().size());
  }

 private:
  RpcbindRegistrar make(const std::vector<Endpoint>& endpoints) {
    return RpcbindRegistrar(options_, endpoints, stopping_);
  }
  RpcbindRegistrar make_tcp() { return make({{Transport::kTcp, address_of("127.0.0.1", 7411)}}); }

  void add(const std::string& netid, const std::string& address, const std::string& owner) {
    rpcbind_->add({kProgram, kVersion, netid, address, owner});
  }

  static void expect_contains(const std::string& text, const std::string& part) {
    CPPUNIT_ASSERT_MESSAGE("'" + text + "' has no '" + part + "'",
                           text.find(part) != std::string::npos);
  }

  // That an entry with this address keeps its place.
  void expect_left(const std::string& host, std::uint16_t port, const std::string& netid = "tcp") {
    const Address address = address_of(host, port);
    rpcbind_->clear();
    add(netid, universal_address(address), "superuser");
    const Transport transport = netid == "udp" ? Transport::kUdp : Transport::kTcp;
    const RpcbindCheck check = make({{transport, address_of("127.0.0.1", 7411)}}).check();
    CPPUNIT_ASSERT(check.reached.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, check.registered());
    expect_contains(check.states[0].reason,
                    "netid " + netid + " of program 536898422 is held by " + address.to_string());
    CPPUNIT_ASSERT_EQUAL(universal_address(address), rpcbind_->address_of(netid));
  }

  // That 127.0.0.1:7411 takes the place of what is there.
  void expect_replaced() {
    const RpcbindCheck check = make_tcp().check();
    CPPUNIT_ASSERT(check.reached.ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, check.registered());
    CPPUNIT_ASSERT(check.states[0].was_set);
    CPPUNIT_ASSERT_EQUAL(std::string("127.0.0.1.28.243"), rpcbind_->address_of("tcp"));
  }

  std::unique_ptr<FakeRpcbind> rpcbind_;
  RpcbindRegistrar::Options options_;
  std::atomic<bool> stopping_{false};
};
CPPUNIT_TEST_SUITE_REGISTRATION(RpcbindRegistrarTest);

}  // namespace rkv::rpc
