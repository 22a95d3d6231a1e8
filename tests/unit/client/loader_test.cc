#include "client/loader.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>

#include <map>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "client/client.h"
#include "fake_replica.h"

namespace rkv::client {
namespace {

using Kind = Reaction::Kind;

constexpr int kUnavailableOnWire = 3;
constexpr int kDeniedOnWire = 5;
constexpr int kBusyOnWire = 9;

}  // namespace

class LoaderTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LoaderTest);
  CPPUNIT_TEST(stores_everything);
  CPPUNIT_TEST(keeps_within_its_window_of_calls);
  CPPUNIT_TEST(keeps_within_its_window_of_bytes);
  CPPUNIT_TEST(puts_one_key_in_order);
  CPPUNIT_TEST(starts_at_the_first_server_that_answers);
  CPPUNIT_TEST(does_not_start_without_a_server);
  CPPUNIT_TEST(goes_on_at_the_next_server_when_one_goes_away);
  CPPUNIT_TEST(tries_again_when_busy);
  CPPUNIT_TEST(tells_of_each_failure);
  CPPUNIT_TEST(gives_up_when_nobody_does_it);
  CPPUNIT_TEST(gives_up_when_nobody_answers);
  CPPUNIT_TEST_SUITE_END();

 public:
  void stores_everything() {
    FakeReplica replica(1);
    const std::unique_ptr<Loader> loader = make_loader({replica.address()}, {});
    CPPUNIT_ASSERT(loader->start().ok());
    constexpr std::uint64_t kCount = 2000;
    for (std::uint64_t i = 0; i < kCount; ++i) loader->put(fmt::format("key{}", i), "value");
    loader->drain();
    CPPUNIT_ASSERT_EQUAL(kCount, loader->totals().stored);
    CPPUNIT_ASSERT_EQUAL(kCount * 5, loader->totals().value_bytes);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, loader->totals().failed);
    const std::vector<SeenCall> calls = replica.calls();
    CPPUNIT_ASSERT_EQUAL(std::size_t{kCount}, calls.size());
    for (std::size_t i = 0; i < calls.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{i + 1}, calls[i].operation.sequence);
      CPPUNIT_ASSERT(calls[i].operation.first_outstanding <= i + 1);
      CPPUNIT_ASSERT(calls[i].operation.client == calls[0].operation.client);
    }
    CPPUNIT_ASSERT(calls.back().operation.first_outstanding > 1);
  }

  void keeps_within_its_window_of_calls() {
    FakeReplica replica(1);
    replica.always({Kind::kHold, 0, {}});
    LoaderOptions options;
    options.calls_max = 4;
    check_window(replica, options, "v");
  }

  void keeps_within_its_window_of_bytes() {
    FakeReplica replica(1);
    replica.always({Kind::kHold, 0, {}});
    LoaderOptions options;
    options.bytes_max = 4 * 1000 + 500;
    check_window(replica, options, std::string(999, 'v'));
  }

  void puts_one_key_in_order() {
    FakeReplica replica(1);
    // The first put is refused for now, and made again after a pause: the second one must wait.
    replica.expect({{Kind::kFail, kBusyOnWire, "busy"}});
    const std::unique_ptr<Loader> loader = make_loader({replica.address()}, {});
    CPPUNIT_ASSERT(loader->start().ok());
    loader->put("k", "first");
    loader->put("k", "second");
    loader->drain();
    Client client({replica.address()});
    CPPUNIT_ASSERT_EQUAL(std::string("second"), client.get("k").value);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, loader->totals().stored);
  }

  void starts_at_the_first_server_that_answers() {
    DeadServer dead;
    FakeReplica replica(2);
    const std::unique_ptr<Loader> loader = make_loader({dead.address(), replica.address()}, {});
    CPPUNIT_ASSERT(loader->start().ok());
    loader->put("k", "v");
    loader->drain();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, loader->totals().stored);
  }

  void does_not_start_without_a_server() {
    DeadServer first;
    DeadServer second;
    const std::unique_ptr<Loader> loader = make_loader({first.address(), second.address()}, {});
    const Status status = loader->start();
    CPPUNIT_ASSERT(status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT(status.reason().find(second.address().name()) != std::string::npos);
  }

  void goes_on_at_the_next_server_when_one_goes_away() {
    auto first = std::make_unique<FakeReplica>(1);
    FakeReplica second(2);
    const std::unique_ptr<Loader> loader = make_loader({first->address(), second.address()}, {});
    CPPUNIT_ASSERT(loader->start().ok());
    loader->put("a", "1");
    loader->drain();
    first.reset();
    for (int i = 0; i < 100; ++i) loader->put(fmt::format("b{}", i), "2");
    loader->drain();
    // What was sent to the dying server is sent to the other one.
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{101}, loader->totals().stored);
    CPPUNIT_ASSERT_EQUAL(std::size_t{100}, second.calls().size());
  }

  void tries_again_when_busy() {
    FakeReplica replica(1);
    replica.expect(std::vector<Reaction>(10, {Kind::kFail, kBusyOnWire, "busy"}));
    const std::unique_ptr<Loader> loader = make_loader({replica.address()}, {});
    CPPUNIT_ASSERT(loader->start().ok());
    for (int i = 0; i < 8; ++i) loader->put(fmt::format("k{}", i), "v");
    loader->drain();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{8}, loader->totals().stored);
    CPPUNIT_ASSERT_EQUAL(std::size_t{18}, replica.calls().size());
  }

  void tells_of_each_failure() {
    FakeReplica replica(1);
    replica.expect({{Kind::kFail, kDeniedOnWire, "not for you"}, {Kind::kPartly, 0, "lost"}});
    const std::unique_ptr<Loader> loader = make_loader({replica.address()}, {});
    CPPUNIT_ASSERT(loader->start().ok());
    loader->put("denied", "v");
    loader->put("partly", "v");
    loader->put(std::string(kKeySizeMax + 1, 'k'), "v");
    loader->put("long", std::string(kValueSizeMax + 1, 'v'));
    loader->put("", "v");
    loader->put("good", "v");
    loader->drain();
    CPPUNIT_ASSERT(failures_["denied"].code() == StatusCode::kDenied);
    CPPUNIT_ASSERT(failures_["partly"].code() == StatusCode::kPartlyApplied);
    CPPUNIT_ASSERT(failures_[std::string(kKeySizeMax + 1, 'k')].code() == StatusCode::kOverLimit);
    CPPUNIT_ASSERT(failures_["long"].code() == StatusCode::kOverLimit);
    CPPUNIT_ASSERT(failures_[""].code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, loader->totals().stored);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{5}, loader->totals().failed);
    CPPUNIT_ASSERT(!loader->gave_up());
  }

  // Where nothing comes of the puts, each ends before its time is over.
  void gives_up_when_nobody_does_it() {
    check_giving_up({Kind::kFail, kUnavailableOnWire, "for the test"}, StatusCode::kUnavailable);
    CPPUNIT_ASSERT(failures_["k99"].reason().find("not tried, the load was given up") == 0);
    CPPUNIT_ASSERT(failures_["k4"].reason() == failures_["k99"].reason());
  }

  void gives_up_when_nobody_answers() {
    check_giving_up({Kind::kHold, 0, {}}, StatusCode::kUnknown);
  }

 private:
  std::unique_ptr<Loader> make_loader(const std::vector<Server>& servers,
                                      const LoaderOptions& options) {
    return std::make_unique<Loader>(
        servers, options,
        [this](const std::string& key, const Status& status) { failures_[key] = status; });
  }

  // Puts a hundred keys, two at a time, into servers that all do this.
  void check_giving_up(const Reaction& reaction, StatusCode first_failure) {
    FakeReplica first(1);
    FakeReplica second(2);
    first.always(reaction);
    second.always(reaction);
    LoaderOptions options;
    options.calls_max = 2;
    options.timeout = milliseconds(200);
    const std::unique_ptr<Loader> loader =
        make_loader({first.address(), second.address()}, options);
    CPPUNIT_ASSERT(loader->start().ok());
    for (int i = 0; i < 100; ++i) loader->put(fmt::format("k{}", i), "v");
    loader->drain();
    CPPUNIT_ASSERT(loader->gave_up());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{100}, loader->totals().failed);
    CPPUNIT_ASSERT(failures_["k0"].code() == first_failure);
    CPPUNIT_ASSERT(failures_["k99"].code() == StatusCode::kUnavailable);
    std::set<std::string> tried;
    for (const FakeReplica* replica : {&first, &second}) {
      for (const SeenCall& call : replica->calls()) tried.insert(call.key);
    }
    CPPUNIT_ASSERT(!tried.empty() && tried.size() <= 4);
  }

  // Puts eight keys while the server holds its answers back: four get there, and no more before
  // they are let go.
  void check_window(FakeReplica& replica, const LoaderOptions& options, const std::string& value) {
    const std::unique_ptr<Loader> loader = make_loader({replica.address()}, options);
    CPPUNIT_ASSERT(loader->start().ok());
    std::thread watcher([&replica] {
      replica.wait_for_calls(4);
      replica.release();
    });
    for (int i = 0; i < 8; ++i) {
      if (i == 5) CPPUNIT_ASSERT(loader->totals().stored > 0);
      loader->put(fmt::format("{}", i), value);
    }
    loader->drain();
    watcher.join();
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{8}, loader->totals().stored);
  }

  std::map<std::string, Status> failures_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(LoaderTest);

}  // namespace rkv::client
