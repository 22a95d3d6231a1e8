#include "rpc/resolver.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rkv::rpc {
namespace {

using Addresses = std::vector<Address>;

// getaddrinfo() knows without asking anybody that a name cannot have an empty label.
constexpr const char* kBadName = "no..such.host";

struct World {
  EventLoop loop;
  Resolver resolver{loop};

  Result<Addresses> resolve(const std::string& host, std::uint16_t port) {
    std::optional<Result<Addresses>> answer;
    resolver.resolve(host, port,
                     [&](Result<Addresses> result) { answer.emplace(std::move(result)); });
    CPPUNIT_ASSERT_MESSAGE("answered from within resolve()", !answer.has_value());
    CPPUNIT_ASSERT(run_until([&] { return answer.has_value(); }));
    return *answer;
  }
  bool run_until(const std::function<bool()>& done) {
    return loop.run_until(done, EventLoop::read_clock() + seconds(30));
  }
};

}  // namespace

class ResolverTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ResolverTest);
  CPPUNIT_TEST(answers_numeric_addresses_in_a_later_turn);
  CPPUNIT_TEST(looks_names_up);
  CPPUNIT_TEST(says_which_name_is_not_known);
  CPPUNIT_TEST(refuses_names_that_are_none);
  CPPUNIT_TEST(answers_names_in_order);
  CPPUNIT_TEST(has_a_limit);
  CPPUNIT_TEST(drops_callbacks_when_it_is_destroyed);
  CPPUNIT_TEST_SUITE_END();

 public:
  void answers_numeric_addresses_in_a_later_turn() {
    World world;
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"127.0.0.1", "127.0.0.1:7411"}, {"::1", "[::1]:7411"}, {"[::1]", "[::1]:7411"}};
    for (const auto& [host, expected] : cases) {
      const Result<Addresses> result = world.resolve(host, 7411);
      CPPUNIT_ASSERT(result.ok());
      CPPUNIT_ASSERT_EQUAL(std::size_t{1}, result.value().size());
      CPPUNIT_ASSERT_EQUAL(expected, result.value().front().to_string());
    }
  }

  void looks_names_up() {
    World world;
    const Result<Addresses> result = world.resolve("localhost", 7411);
    CPPUNIT_ASSERT_EQUAL(std::string("ok"), result.status().to_string());
    for (const Address& address : result.value()) {
      CPPUNIT_ASSERT(address.host() == "127.0.0.1" || address.host() == "::1");
      CPPUNIT_ASSERT_EQUAL(std::uint16_t{7411}, address.port());
    }
  }

  void says_which_name_is_not_known() {
    World world;
    const Result<Addresses> result = world.resolve(kBadName, 7411);
    CPPUNIT_ASSERT(result.status().code() == StatusCode::kUnavailable);
    const std::string reason = result.status().reason();
    CPPUNIT_ASSERT_MESSAGE(reason, reason.starts_with("cannot look up 'no..such.host': "));
  }

  void refuses_names_that_are_none() {
    World world;
    CPPUNIT_ASSERT(world.resolve("", 7411).status().code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT(world.resolve(std::string("a\0b", 3), 1).status().code() ==
                   StatusCode::kInvalid);
  }

  void answers_names_in_order() {
    World world;
    std::vector<int> answered;
    for (int i = 0; i < 20; ++i) {
      world.resolver.resolve(i % 2 == 0 ? kBadName : "localhost", 1,
                             [&answered, i](const Result<Addresses>& result) {
                               CPPUNIT_ASSERT_EQUAL(i % 2 != 0, result.ok());
                               answered.push_back(i);
                             });
    }
    CPPUNIT_ASSERT(world.run_until([&] { return answered.size() == 20; }));
    for (int i = 0; i < 20; ++i) CPPUNIT_ASSERT_EQUAL(i, answered[static_cast<std::size_t>(i)]);
  }

  // Names are asked for much faster than any can be looked up, until one is refused.
  void has_a_limit() {
    World world;
    std::size_t asked = 0;
    std::size_t answered = 0;
    std::size_t refused = 0;
    while (asked < 100'000 && refused == 0) {
      for (std::size_t i = 0; i < 4 * Resolver::kLookupsMax; ++i, ++asked) {
        world.resolver.resolve("localhost", 1, [&](const Result<Addresses>& result) {
          ++answered;
          if (result.ok()) return;
          ++refused;
          CPPUNIT_ASSERT_EQUAL(
              std::string("cannot look up 'localhost': 1024 names are waiting for it already"),
              result.status().reason());
        });
      }
      CPPUNIT_ASSERT(world.run_until([&] { return answered == asked; }));
    }
    CPPUNIT_ASSERT(refused > 0);
    CPPUNIT_ASSERT(refused < asked);
  }

  void drops_callbacks_when_it_is_destroyed() {
    EventLoop loop;
    auto resolver = std::make_unique<Resolver>(loop);
    bool was_run = false;
    for (const char* host : {"127.0.0.1", "localhost", "localhost", kBadName}) {
      resolver->resolve(host, 1, [&](const Result<Addresses>&) { was_run = true; });
    }
    resolver.reset();
    bool later = false;
    loop.post([&] { later = true; });
    CPPUNIT_ASSERT(loop.run_until([&] { return later; }, EventLoop::read_clock() + seconds(30)));
    CPPUNIT_ASSERT(!was_run);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ResolverTest);

}  // namespace rkv::rpc
