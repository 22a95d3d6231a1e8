#include "rpc/rpcbind_registration.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "fake_rpcbind.h"
#include "rpc/event_loop.h"

namespace rkv::rpc {
namespace {

class CollectingLogger final : public Logger {
 public:
  CollectingLogger() : Logger(LogLevel::kInfo) {}
  void write(LogLevel, std::string_view line) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    lines_.emplace_back(line);
  }
  // How many lines have this in them.
  std::size_t count(std::string_view part) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return static_cast<std::size_t>(std::count_if(
        lines_.begin(), lines_.end(),
        [part](const std::string& line) { return line.find(part) != std::string::npos; }));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;  // guarded by mutex_
};

std::vector<Endpoint> both_families() {
  return {{Transport::kTcp, Address::parse("127.0.0.1", 7411).value()},
          {Transport::kTcp, Address::parse("::1", 7411).value()}};
}

}  // namespace

class RpcbindRegistrationTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(RpcbindRegistrationTest);
  CPPUNIT_TEST(registers_and_withdraws);
  CPPUNIT_TEST(says_what_changes_and_nothing_else);
  CPPUNIT_TEST(register_now_needs_every_netid);
  CPPUNIT_TEST(register_now_is_withdrawn_without_start);
  CPPUNIT_TEST(withdraws_before_it_is_destroyed);
  CPPUNIT_TEST(silent_rpcbind_holds_up_neither_loop_nor_end);
  CPPUNIT_TEST(ends_at_once_while_it_waits);
  CPPUNIT_TEST(result_that_is_posted_too_late_is_dropped);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    world_ = std::make_unique<World>();
    options_ = {};
    options_.registrar.program = 0x20006b76;
    options_.registrar.version = 1;
    options_.registrar.socket_path = world_->rpcbind.path();
    options_.registrar.call_timeout = seconds(20);
    options_.check_interval = milliseconds(5);
  }
  void tearDown() override { world_.reset(); }

  void registers_and_withdraws() {
    auto registration = make();
    registration->start();
    run_until([&] { return registration->registered() == 2; });
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, world_->rpcbind.entries().size());
    registration.reset();
    CPPUNIT_ASSERT(world_->rpcbind.entries().empty());
  }

  void says_what_changes_and_nothing_else() {
    const RpcbindEntry other{0x20006b76, 1, "tcp", "192.0.2.1.1.1.1", "root"};
    auto registration = make();
    registration->start();
    const auto lines = [this](std::string_view part) { return world_->logger.count(part); };
    run_until([&] { return lines("is registered: tcp tcp6") == 1; });
    expect_more_checks();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, lines(""));
    world_->rpcbind.clear();  // it was started anew, and has forgotten everything
    run_until([&] { return lines("is registered: tcp tcp6") == 2; });
    world_->rpcbind.set_answer("nonsense");
    run_until([&] { return lines("cannot be understood") == 1; });
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, registration->registered());
    expect_more_checks();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, lines(""));
    world_->rpcbind.set_caller("1000");
    world_->rpcbind.clear();
    world_->rpcbind.add(other);
    world_->rpcbind.set_answer("");
    run_until([&] { return lines("is registered: tcp6") == 1; });
    expect_more_checks();
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, registration->registered());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, lines("only its owner (root)"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, lines(""));
  }

  void register_now_needs_every_netid() {
    world_->rpcbind.refuse("tcp6");
    auto registration = make();
    const Status status = registration->register_now();
    CPPUNIT_ASSERT(status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(status.reason().starts_with("rpcbind: netid tcp6 is refused"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, world_->rpcbind.entries().size());
    registration.reset();
    CPPUNIT_ASSERT(world_->rpcbind.entries().empty());
    options_.registrar.socket_path += "-not-there";
    CPPUNIT_ASSERT(make()->register_now().reason().starts_with("no rpcbind at "));
  }

  void register_now_is_withdrawn_without_start() {
    auto registration = make();
    CPPUNIT_ASSERT(registration->register_now().ok());
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, registration->registered());
    registration.reset();
    CPPUNIT_ASSERT(world_->rpcbind.entries().empty());
  }

  void withdraws_before_it_is_destroyed() {
    auto registration = make();
    registration->start();
    run_until([&] { return registration->registered() == 2; });
    registration->withdraw();
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, registration->registered());
    run_until([&] { return world_->rpcbind.entries().empty(); });
  }

  void silent_rpcbind_holds_up_neither_loop_nor_end() {
    world_->rpcbind.set_silent(true);
    options_.registrar.call_timeout = milliseconds(300);
    auto registration = make();
    const TimePoint begun = EventLoop::read_clock();
    registration->start();
    bool has_turned = false;
    world_->loop.post([&] { has_turned = true; });
    run_until([&] { return has_turned; });
    run_until([&] { return world_->logger.count("no answer in time") == 1; });
    registration.reset();
    CPPUNIT_ASSERT(EventLoop::read_clock() - begun < seconds(15));
  }

  void ends_at_once_while_it_waits() {
    options_.check_interval = seconds(3600);
    auto registration = make();
    registration->start();
    run_until([&] { return registration->registered() == 2; });
    const TimePoint begun = EventLoop::read_clock();
    registration.reset();
    CPPUNIT_ASSERT(EventLoop::read_clock() - begun < seconds(15));
  }

  void result_that_is_posted_too_late_is_dropped() {
    auto registration = make();
    registration->start();
    wait_until([&] { return world_->rpcbind.entries().size() == 2; });
    registration.reset();
    bool is_done = false;
    world_->loop.post([&] { is_done = true; });
    run_until([&] { return is_done; });
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, world_->logger.count(""));
  }

 private:
  struct World {
    EventLoop loop;
    CollectingLogger logger;
    FakeRpcbind rpcbind;
  };

  std::unique_ptr<RpcbindRegistration> make() {
    return std::make_unique<RpcbindRegistration>(world_->loop, world_->logger, options_,
                                                 both_families());
  }
  void run_until(const std::function<bool()>& done) {
    // A timer, so that the loop looks again at what changes on other threads.
    EventLoop::TimerId tick = 0;
    const std::function<void()> again = [&] {
      tick = world_->loop.add_timer(world_->loop.now() + milliseconds(2), again);
    };
    again();
    const bool is_done = world_->loop.run_until(done, EventLoop::read_clock() + seconds(30));
    world_->loop.cancel_timer(tick);
    CPPUNIT_ASSERT(is_done);
  }
  // Without running the loop.
  static void wait_until(const std::function<bool()>& done) {
    const TimePoint deadline = EventLoop::read_clock() + seconds(30);
    while (!done()) CPPUNIT_ASSERT(EventLoop::read_clock() < deadline);
  }
  void expect_more_checks() {
    const std::size_t before = world_->rpcbind.calls().size();
    run_until([&] { return world_->rpcbind.calls().size() >= before + 6; });
  }

  std::unique_ptr<World> world_;
  RpcbindRegistration::Options options_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(RpcbindRegistrationTest);

}  // namespace rkv::rpc
