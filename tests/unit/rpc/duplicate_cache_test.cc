#include "rpc/duplicate_cache.h"

#include <cppunit/extensions/HelperMacros.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "rpc/address.h"

namespace rkv::rpc {
namespace {

constexpr std::size_t kAnswerMax = 100;
constexpr TimePoint kStart{1'000'000'000};

DuplicateCache::Limits limits_of(std::size_t calls_max, std::size_t bytes_max = 1 << 20) {
  return {calls_max, bytes_max, kAnswerMax, seconds(60)};
}

Address address(const char* host, std::uint16_t port) { return Address::parse(host, port).value(); }

std::string key(int number) {
  return DuplicateCache::key_of(address("127.0.0.1", 1000), "call " + std::to_string(number));
}

// Begins a call and answers it.
void make(DuplicateCache& cache, const std::string& of, const std::string& answer, TimePoint now) {
  const std::optional<DuplicateCache::Call> call = cache.begin(of);
  CPPUNIT_ASSERT_MESSAGE("there is room", call.has_value());
  cache.answered(*call, answer, now);
}

// "new", "under way", or the answer.
std::string state(const DuplicateCache& cache, const std::string& of) {
  const std::optional<DuplicateCache::Known> known = cache.find(of);
  if (!known.has_value()) return "new";
  return known->is_answered ? std::string(known->answer) : "under way";
}

}  // namespace

class DuplicateCacheTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DuplicateCacheTest);
  CPPUNIT_TEST(knows_a_call_under_way_and_its_answer);
  CPPUNIT_TEST(tells_senders_and_messages_apart);
  CPPUNIT_TEST(the_oldest_answer_makes_room);
  CPPUNIT_TEST(calls_under_way_keep_their_room);
  CPPUNIT_TEST(bytes_are_bounded);
  CPPUNIT_TEST(a_call_under_way_has_room_for_its_answer);
  CPPUNIT_TEST(forgets_what_is_old);
  CPPUNIT_TEST_SUITE_END();

 public:
  void knows_a_call_under_way_and_its_answer() {
    DuplicateCache cache(limits_of(10));
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(1)));
    const std::optional<DuplicateCache::Call> call = cache.begin(key(1));
    CPPUNIT_ASSERT(call.has_value());
    CPPUNIT_ASSERT_EQUAL(std::string("under way"), state(cache, key(1)));
    const std::string answer("with\0a zero", 11);
    cache.answered(*call, answer, kStart);
    CPPUNIT_ASSERT_EQUAL(answer, state(cache, key(1)));
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(2)));
    make(cache, key(2), "", kStart);
    CPPUNIT_ASSERT_EQUAL(std::string(), state(cache, key(2)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, cache.calls());
  }

  void tells_senders_and_messages_apart() {
    DuplicateCache cache(limits_of(10));
    const Address sender = address("127.0.0.1", 1000);
    make(cache, DuplicateCache::key_of(sender, "message"), "answer", kStart);
    CPPUNIT_ASSERT_EQUAL(std::string("answer"),
                         state(cache, DuplicateCache::key_of(sender, "message")));
    for (const Address& other : {address("127.0.0.1", 1001), address("127.0.0.2", 1000),
                                 address("::1", 1000), address("::ffff:127.0.0.1", 1000)}) {
      CPPUNIT_ASSERT_EQUAL(std::string("new"),
                           state(cache, DuplicateCache::key_of(other, "message")));
    }
    for (const char* other : {"messagf", "Message", "messag", "message ", ""}) {
      CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, DuplicateCache::key_of(sender, other)));
    }
  }

  // In the order of the answers, not of the calls.
  void the_oldest_answer_makes_room() {
    DuplicateCache cache(limits_of(3));
    const std::optional<DuplicateCache::Call> late = cache.begin(key(1));
    make(cache, key(2), "two", kStart);
    cache.answered(late.value(), "one", kStart);
    make(cache, key(3), "three", kStart);
    make(cache, key(4), "four", kStart);
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(2)));
    CPPUNIT_ASSERT_EQUAL(std::string("one"), state(cache, key(1)));
    make(cache, key(5), "five", kStart);
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(1)));
    CPPUNIT_ASSERT_EQUAL(std::string("three"), state(cache, key(3)));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, cache.calls());
    make(cache, key(2), "two again", kStart);
    CPPUNIT_ASSERT_EQUAL(std::string("two again"), state(cache, key(2)));
  }

  void calls_under_way_keep_their_room() {
    DuplicateCache cache(limits_of(2));
    const std::optional<DuplicateCache::Call> one = cache.begin(key(1));
    const std::optional<DuplicateCache::Call> two = cache.begin(key(2));
    CPPUNIT_ASSERT(one.has_value() && two.has_value());
    CPPUNIT_ASSERT(!cache.begin(key(3)).has_value());
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(3)));
    cache.expire(kStart + seconds(1000));
    CPPUNIT_ASSERT_EQUAL(std::string("under way"), state(cache, key(1)));
    cache.answered(*two, "two", kStart);
    CPPUNIT_ASSERT(cache.begin(key(3)).has_value());
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(2)));
    CPPUNIT_ASSERT_EQUAL(std::string("under way"), state(cache, key(1)));
    CPPUNIT_ASSERT_EQUAL(std::string("under way"), state(cache, key(3)));
  }

  void bytes_are_bounded() {
    constexpr std::size_t kBytesMax = 10'000;
    DuplicateCache cache(limits_of(1000, kBytesMax));
    std::size_t most = 0;
    for (int i = 0; i < 1000; ++i) {
      make(cache, key(i), std::string(static_cast<std::size_t>(i) % kAnswerMax, 'a'), kStart);
      CPPUNIT_ASSERT(cache.bytes() <= kBytesMax);
      most = std::max(most, cache.calls());
    }
    CPPUNIT_ASSERT(most > 10 && most < 60);
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(900)));
    CPPUNIT_ASSERT_EQUAL(std::string(99, 'a'), state(cache, key(999)));
    CPPUNIT_ASSERT(!cache.begin(std::string(kBytesMax, 'k')).has_value());
    // What has gone is not counted any more.
    cache.expire(kStart + seconds(60));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, cache.calls());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, cache.bytes());
  }

  // What was begun is remembered when it is answered, whatever the others take.
  void a_call_under_way_has_room_for_its_answer() {
    constexpr std::size_t kBytesMax = 3000;
    DuplicateCache cache(limits_of(1000, kBytesMax));
    std::vector<DuplicateCache::Call> under_way;
    std::optional<DuplicateCache::Call> next;
    while ((next = cache.begin(key(static_cast<int>(under_way.size()))))) {
      under_way.push_back(*next);
    }
    CPPUNIT_ASSERT(under_way.size() > 3);
    const std::string longest(kAnswerMax, 'a');
    for (const DuplicateCache::Call& call : under_way) cache.answered(call, longest, kStart);
    for (std::size_t i = 0; i < under_way.size(); ++i) {
      CPPUNIT_ASSERT_EQUAL(longest, state(cache, key(static_cast<int>(i))));
    }
    CPPUNIT_ASSERT(cache.bytes() <= kBytesMax);
  }

  void forgets_what_is_old() {
    DuplicateCache cache(limits_of(10));
    const std::optional<DuplicateCache::Call> slow = cache.begin(key(1));
    make(cache, key(2), "two", kStart);
    make(cache, key(3), "three", kStart + seconds(30));
    cache.answered(slow.value(), "one", kStart + seconds(40));
    cache.expire(kStart + milliseconds(59'999));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, cache.calls());
    cache.expire(kStart + seconds(60));
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(2)));
    CPPUNIT_ASSERT_EQUAL(std::string("three"), state(cache, key(3)));
    cache.expire(kStart + seconds(90));
    CPPUNIT_ASSERT_EQUAL(std::string("new"), state(cache, key(3)));
    CPPUNIT_ASSERT_EQUAL(std::string("one"), state(cache, key(1)));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(DuplicateCacheTest);

}  // namespace rkv::rpc
