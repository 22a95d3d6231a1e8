#include "client/async_client.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/listing.h"
#include "client/write_ids.h"
#include "fake_replica.h"
#include "rpc/event_loop.h"

namespace rkv::client {
namespace {

using Kind = Reaction::Kind;

// Of kv_status in kv.x.
constexpr int kInvalidOnWire = 2;
constexpr int kUnavailableOnWire = 3;
constexpr int kUnknownOnWire = 4;
constexpr int kDeniedOnWire = 5;
constexpr int kBusyOnWire = 9;
constexpr int kExpiredOnWire = 14;
constexpr int kRevisionGoneOnWire = 15;
constexpr int kSequentialOnWire = 1;

constexpr ClientOptions kPatient = {seconds(20)};
constexpr ClientOptions kImpatient = {milliseconds(300)};
constexpr TimePoint kDeadline = kNever;
constexpr std::uint64_t kEpoch = std::uint64_t{1} << 32;

Reaction failing(int status) { return {Kind::kFail, status, "for the test"}; }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void assert_ok(const Outcome& outcome) {
  CPPUNIT_ASSERT_MESSAGE(outcome.status.to_string(), outcome.status.ok());
}

void assert_code(StatusCode code, const Outcome& outcome) {
  CPPUNIT_ASSERT_MESSAGE(outcome.status.to_string(), outcome.status.code() == code);
}

ReplicaAddress replica_at(std::uint32_t id, const Server& server) {
  return {ReplicaId{id}, server.host, server.port, 1};
}

}  // namespace

class AsyncClientTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(AsyncClientTest);
  CPPUNIT_TEST(asks_for_a_session_with_the_first_write_only);
  CPPUNIT_TEST(a_retry_keeps_its_id);
  CPPUNIT_TEST(says_exactly_what_is_outstanding);
  CPPUNIT_TEST(keeps_writes_within_what_is_remembered_of_a_client);
  CPPUNIT_TEST(a_new_session_does_not_narrow_the_window);
  CPPUNIT_TEST(sends_an_expired_write_again_if_there_was_one_copy);
  CPPUNIT_TEST(an_expired_write_of_two_copies_is_expired);
  CPPUNIT_TEST(an_expired_write_after_a_copy_that_came_to_nothing_is_sent_again);
  CPPUNIT_TEST(a_write_is_unknown_only_at_its_deadline);
  CPPUNIT_TEST(a_refusal_says_nothing_of_an_earlier_copy);
  CPPUNIT_TEST(does_not_repeat_a_write_under_forward);
  CPPUNIT_TEST(repeats_a_write_under_forward_of_which_nothing_came);
  CPPUNIT_TEST(goes_back_to_a_server_that_is_back);
  CPPUNIT_TEST(learns_the_other_servers_and_uses_them);
  CPPUNIT_TEST(pauses_while_all_are_busy);
  CPPUNIT_TEST(the_token_never_goes_back);
  CPPUNIT_TEST(a_key_that_is_not_there_moves_the_token);
  CPPUNIT_TEST(refuses_more_than_its_limits);
  CPPUNIT_TEST(ends_what_is_under_way_when_it_goes);
  CPPUNIT_TEST(counts_with_an_increment_that_is_retried);
  CPPUNIT_TEST(gets_many_keys_in_one_transaction_if_they_fit);
  CPPUNIT_TEST(lists_over_pages);
  CPPUNIT_TEST(a_listing_of_one_page_says_so);
  CPPUNIT_TEST(a_busy_server_is_asked_again_for_the_next_page);
  CPPUNIT_TEST(a_range_that_was_removed_in_part_is_in_doubt);
  CPPUNIT_TEST(says_whether_any_server_answered);
  CPPUNIT_TEST(stops_listing_when_the_revision_is_gone);
  CPPUNIT_TEST(goes_on_listing_at_the_server_of_the_token);
  CPPUNIT_TEST_SUITE_END();

 public:
  void asks_for_a_session_with_the_first_write_only() {
    FakeReplica replica(1);
    replica.set_first_sequence(7 * kEpoch + 1);
    Client client({replica.address()}, kPatient);
    assert_code(StatusCode::kNotFound, client.get("k"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, replica.questions("session"));
    assert_ok(client.put("k", "v"));
    assert_ok(client.del("k"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, replica.questions("session"));
    const OperationId id = replica.calls()[2].operation;
    CPPUNIT_ASSERT_EQUAL(7 * kEpoch + 2, id.sequence);
    CPPUNIT_ASSERT_EQUAL(7 * kEpoch + 2, id.first_outstanding);
    CPPUNIT_ASSERT(id.client != 0 && id.client >> 63 == 0);
  }

  void a_retry_keeps_its_id() {
    for (const Reaction& reaction :
         {failing(kBusyOnWire), failing(kUnavailableOnWire), failing(kUnknownOnWire),
          Reaction{Kind::kCrash, 0, {}}, Reaction{Kind::kServeSilently, 0, {}}}) {
      FakeReplica first(1);
      FakeReplica second(2);
      first.expect({reaction});
      second.expect({reaction});
      Client client({first.address(), second.address()}, kPatient);
      assert_ok(client.put("k", "v"));
      std::vector<SeenCall> calls = first.calls();
      for (const SeenCall& each : second.calls()) calls.push_back(each);
      CPPUNIT_ASSERT(calls.size() >= 2);
      for (const SeenCall& each : calls) CPPUNIT_ASSERT(each.operation == calls[0].operation);
    }
  }

  void says_exactly_what_is_outstanding() {
    FakeReplica replica(1);
    replica.expect({{Kind::kHold, 0, {}}});
    rpc::EventLoop loop;
    AsyncClient client(loop, {replica.address()}, kPatient);
    int ended = 0;
    const auto count = [&ended](const WriteOutcome& outcome) {
      assert_ok(outcome);
      ++ended;
    };
    client.put("a", "1", count);
    client.put("b", "2", count);
    loop.run_until([&] { return ended == 1; }, kDeadline);
    client.put("c", "3", count);
    loop.run_until([&] { return ended == 2; }, kDeadline);
    replica.release();
    loop.run_until([&] { return ended == 3; }, kDeadline);
    client.put("d", "4", count);
    loop.run_until([&] { return ended == 4; }, kDeadline);
    const std::vector<SeenCall> calls = replica.calls();
    for (std::size_t i = 0; i < 3; ++i) {
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{i + 1}, calls[i].operation.sequence);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, calls[i].operation.first_outstanding);
    }
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{4}, calls[3].operation.first_outstanding);
  }

  void keeps_writes_within_what_is_remembered_of_a_client() {
    WriteIds ids(1);
    ids.open(10);
    for (std::uint64_t i = 0; i < WriteIds::kWindow; ++i) {
      CPPUNIT_ASSERT(ids.has_room());
      CPPUNIT_ASSERT_EQUAL(10 + i, ids.begin());
    }
    CPPUNIT_ASSERT(!ids.has_room());
    ids.end(11);  // the lowest one is still there
    CPPUNIT_ASSERT(!ids.has_room());
    ids.end(10);
    CPPUNIT_ASSERT(ids.has_room());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{12}, ids.id_of(12).first_outstanding);
  }

  void a_new_session_does_not_narrow_the_window() {
    WriteIds ids(1);
    ids.open(1);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, ids.begin());
    ids.open(kEpoch + 1);
    CPPUNIT_ASSERT(ids.has_room());
    CPPUNIT_ASSERT_EQUAL(kEpoch + 1, ids.begin());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, ids.id_of(kEpoch + 1).first_outstanding);
    ids.open(1);  // of a replica that lags: the count never goes back
    CPPUNIT_ASSERT_EQUAL(kEpoch + 2, ids.begin());
  }

  void sends_an_expired_write_again_if_there_was_one_copy() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    assert_ok(client.put("k", "v"));
    replica.expect({failing(kExpiredOnWire)});
    replica.set_first_sequence(3 * kEpoch + 1);
    assert_ok(client.put("k", "w"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, replica.questions("session"));
    const std::vector<SeenCall> calls = replica.calls();
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, calls.size());
    CPPUNIT_ASSERT_EQUAL(3 * kEpoch + 1, calls[2].operation.sequence);
    CPPUNIT_ASSERT_EQUAL(3 * kEpoch + 1, calls[2].operation.first_outstanding);
  }

  void an_expired_write_of_two_copies_is_expired() {
    FakeReplica replica(1);
    replica.expect({{Kind::kServeSilently, 0, {}}, failing(kExpiredOnWire)});
    Client client({replica.address()}, kPatient);
    const WriteOutcome outcome = client.put("k", "v");
    assert_code(StatusCode::kExpired, outcome);
    CPPUNIT_ASSERT(contains(outcome.status.to_string(), "outcome unknown"));
    CPPUNIT_ASSERT(outcome.certainty() == Certainty::kUnknown);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, replica.calls().size());
  }

  void an_expired_write_after_a_copy_that_came_to_nothing_is_sent_again() {
    FakeReplica replica(1);
    replica.expect({failing(kBusyOnWire), failing(kExpiredOnWire)});
    Client client({replica.address()}, kPatient);
    assert_ok(client.put("k", "v"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, replica.calls().size());
  }

  void a_write_is_unknown_only_at_its_deadline() {
    FakeReplica replica(1);
    replica.always({Kind::kServeSilently, 0, {}});
    Client client({replica.address()}, kImpatient);
    const TimePoint begun = rpc::EventLoop::read_clock();
    const WriteOutcome outcome = client.put("k", "v");
    assert_code(StatusCode::kUnknown, outcome);
    CPPUNIT_ASSERT(rpc::EventLoop::read_clock() >= begun + kImpatient.timeout);
    CPPUNIT_ASSERT(contains(outcome.status.reason(), replica.address().name()));
    CPPUNIT_ASSERT(contains(outcome.status.to_string(), "outcome unknown"));
    CPPUNIT_ASSERT(replica.calls().size() > 2);
  }

  void a_refusal_says_nothing_of_an_earlier_copy() {
    FakeReplica replica(1);
    replica.expect({{Kind::kServeSilently, 0, {}}, failing(kDeniedOnWire)});
    Client client({replica.address()}, kPatient);
    assert_code(StatusCode::kUnknown, client.put("k", "v"));
    replica.expect({failing(kDeniedOnWire)});
    const WriteOutcome outcome = client.put("k", "v");
    assert_code(StatusCode::kDenied, outcome);
    CPPUNIT_ASSERT(contains(outcome.status.reason(), "; nothing happened"));
    // Nothing can have come of either copy of what was only put off.
    replica.always(failing(kUnavailableOnWire));
    assert_code(StatusCode::kUnavailable, client.put("k", "v", CallOptions{milliseconds(200)}));
  }

  void does_not_repeat_a_write_under_forward() {
    FakeReplica first(1);
    FakeReplica second(2);
    first.set_replication("forward");
    second.set_replication("forward");
    first.expect({{Kind::kServeSilently, 0, {}}});
    Client client({first.address(), second.address()}, kPatient);
    assert_code(StatusCode::kUnknown, client.put("k", "v"));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, first.calls().size());
    CPPUNIT_ASSERT(second.calls().empty());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, first.questions("session") + second.questions("session"));
  }

  void repeats_a_write_under_forward_of_which_nothing_came() {
    FakeReplica replica(1);
    replica.set_replication("forward");
    replica.expect({failing(kBusyOnWire)});
    Client client({replica.address()}, kPatient);
    assert_ok(client.put("k", "v"));
  }

  void goes_back_to_a_server_that_is_back() {
    std::optional<DeadServer> dead(std::in_place);
    const Server address = dead->address();
    FakeReplica second(2);
    FakeReplica third(3);
    rpc::EventLoop loop;
    AsyncClient client(loop, {address, second.address(), third.address()}, kPatient);
    CPPUNIT_ASSERT_EQUAL(second.address().name(), get(loop, client).server);
    dead.reset();
    FakeReplica first(1, address.port);
    std::string server;
    // It is asked from time to time, without any call.
    while (server != address.name()) {
      loop.run_until([] { return false; }, rpc::EventLoop::read_clock() + milliseconds(20));
      server = get(loop, client).server;
      CPPUNIT_ASSERT(server == address.name() || server == second.address().name());
    }
    CPPUNIT_ASSERT(third.calls().empty());
  }

  void learns_the_other_servers_and_uses_them() {
    auto first = std::make_unique<FakeReplica>(1);
    FakeReplica second(2);
    first->set_replicas({replica_at(1, {"elsewhere.invalid", 1}), replica_at(2, second.address())});
    rpc::EventLoop loop;
    AsyncClient client(loop, {first->address()}, kPatient);
    assert_code(StatusCode::kNotFound, get(loop, client));
    loop.run_until([&client] { return client.servers().size() == 2; }, kDeadline);
    CPPUNIT_ASSERT(client.servers()[1] == second.address());
    CPPUNIT_ASSERT(get(loop, client).replica == ReplicaId{1});
    first.reset();
    const ReadOutcome outcome = get(loop, client);
    CPPUNIT_ASSERT_EQUAL(second.address().name(), outcome.server);
    CPPUNIT_ASSERT(outcome.replica == ReplicaId{2});
  }

  void pauses_while_all_are_busy() {
    FakeReplica first(1);
    FakeReplica second(2);
    first.always(failing(kBusyOnWire));
    second.always(failing(kBusyOnWire));
    Client client({first.address(), second.address()}, kImpatient);
    const WriteOutcome outcome = client.put("k", "v");
    assert_code(StatusCode::kBusy, outcome);
    CPPUNIT_ASSERT(contains(outcome.status.reason(), "; nothing happened"));
    CPPUNIT_ASSERT(outcome.certainty() == Certainty::kNothingHappened);
    // Both were asked; and with pauses of 5 ms at least that double, only a few times.
    const std::size_t calls = first.calls().size() + second.calls().size();
    CPPUNIT_ASSERT(!second.calls().empty());
    CPPUNIT_ASSERT(calls >= 3 && calls <= 12);
  }

  void the_token_never_goes_back() {
    auto first = std::make_unique<FakeReplica>(1);
    FakeReplica second(2);
    first->set_position(41);
    second.set_position(11);
    Client client({first->address(), second.address()}, kPatient);
    CPPUNIT_ASSERT_EQUAL(Position{42}, client.put("k", "v").position);
    CPPUNIT_ASSERT_EQUAL(Position{42}, client.seen());
    first.reset();
    CallOptions sequential;
    sequential.consistency = Consistency::kSequential;
    CPPUNIT_ASSERT_EQUAL(second.address().name(), client.get("k", sequential).server);
    const SeenCall call = second.calls().back();
    CPPUNIT_ASSERT_EQUAL(kSequentialOnWire, call.consistency);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{42}, call.seen);
    CPPUNIT_ASSERT_EQUAL(Position{42}, client.seen());  // and not 11, which the fake one says
    client.saw(7);
    CPPUNIT_ASSERT_EQUAL(Position{42}, client.seen());
    client.saw(50);
    CPPUNIT_ASSERT_EQUAL(Position{50}, client.seen());
  }

  // Where it was missing counts: with an older state the key could come back.
  void a_key_that_is_not_there_moves_the_token() {
    for (const Consistency consistency :
         {Consistency::kLinearizable, Consistency::kSequential, Consistency::kEventual}) {
      FakeReplica replica(1);
      replica.set_position(9);
      Client client({replica.address()}, kPatient);
      CallOptions options;
      options.consistency = consistency;
      assert_code(StatusCode::kNotFound, client.get("k", options));
      CPPUNIT_ASSERT_EQUAL(Position{9}, client.seen());
    }
    FakeReplica replica(1);
    replica.set_position(9);
    Client client({replica.address()}, kPatient);
    const WriteOutcome outcome = client.del("k");
    assert_code(StatusCode::kNotFound, outcome);
    CPPUNIT_ASSERT_EQUAL(Position{10}, outcome.position);
    CPPUNIT_ASSERT_EQUAL(Position{10}, client.seen());
  }

  void refuses_more_than_its_limits() {
    FakeReplica replica(1);
    replica.always({Kind::kHold, 0, {}});
    rpc::EventLoop loop;
    ClientOptions options = kPatient;
    options.operations_max = 2;
    options.bytes_max = 10;
    AsyncClient client(loop, {replica.address()}, options);
    int ended = 0;
    std::vector<Status> refused;
    const auto take = [&](const WriteOutcome& outcome) {
      ++ended;
      if (!outcome.status.ok()) refused.push_back(outcome.status);
    };
    client.put("a", "12345", take);
    client.put("b", "12345", take);
    client.put("c", "", take);
    client.put("d", "", take);
    client.put("", "", take);
    CPPUNIT_ASSERT_EQUAL(0, ended);  // never from within the call
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, client.operations_under_way());
    loop.run_until([&] { return ended == 3; }, kDeadline);
    CPPUNIT_ASSERT(refused.at(0).code() == StatusCode::kBusy);
    CPPUNIT_ASSERT(contains(refused.at(0).reason(), "10"));
    CPPUNIT_ASSERT(contains(refused.at(1).reason(), "2 operations"));
    CPPUNIT_ASSERT(refused.at(2).code() == StatusCode::kInvalid);
    replica.wait_for_calls(0);
    replica.release();
    loop.run_until([&] { return ended == 5; }, kDeadline);
    CPPUNIT_ASSERT_EQUAL(std::size_t{3}, refused.size());
    CPPUNIT_ASSERT_EQUAL(std::size_t{0}, client.bytes_under_way());
  }

  void ends_what_is_under_way_when_it_goes() {
    FakeReplica replica(1);
    replica.always({Kind::kHold, 0, {}});
    rpc::EventLoop loop;
    std::vector<StatusCode> codes;
    {
      AsyncClient client(loop, {replica.address()}, kPatient);
      const auto take = [&codes](const Outcome& outcome) {
        codes.push_back(outcome.status.code());
      };
      client.put("a", "1", take);
      loop.run_until([&replica] { return !replica.calls().empty(); }, kDeadline);
      client.get("a", take);
      client.put("", "", take);
    }
    std::sort(codes.begin(), codes.end());
    const std::vector<StatusCode> expected = {StatusCode::kInvalid, StatusCode::kUnavailable,
                                              StatusCode::kUnknown};
    CPPUNIT_ASSERT(codes == expected);
    loop.request_turn();
    loop.run_until([] { return true; }, kDeadline);
  }

  void counts_with_an_increment_that_is_retried() {
    FakeReplica replica(1);
    replica.expect({failing(kUnavailableOnWire), {Kind::kCrash, 0, {}}});
    Client client({replica.address()}, kPatient);
    const WriteOutcome outcome = client.incr("n", 1);
    assert_ok(outcome);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{1}, outcome.number);
    CPPUNIT_ASSERT_EQUAL(Position{1}, client.seen());
    for (const SeenCall& call : replica.calls()) {
      CPPUNIT_ASSERT_EQUAL(std::string("txn"), call.what);
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{1}, call.operation.sequence);
    }
  }

  void gets_many_keys_in_one_transaction_if_they_fit() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    assert_ok(client.put("k", "v"));
    const ReadManyOutcome few = client.get_many({"k", "k"});
    CPPUNIT_ASSERT(few.status.ok() && few.at_once && few.entries.size() == 2);
    CPPUNIT_ASSERT_EQUAL(std::string("v"), few.entries[1]->value);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, replica.calls().size());
    CPPUNIT_ASSERT(replica.calls()[1].operation == OperationId{});
    const ReadManyOutcome many = client.get_many(std::vector<std::string>(65, "k"));
    CPPUNIT_ASSERT(many.status.ok() && !many.at_once && many.entries.size() == 65);
    CPPUNIT_ASSERT_EQUAL(std::size_t{4}, replica.calls().size());
  }

  void lists_over_pages() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    for (int i = 0; i < 7; ++i) assert_ok(client.put(fmt::format("k{}", i), fmt::format("v{}", i)));
    for (const std::size_t page : {0, 1, 3, 7}) {
      replica.set_page(page);
      std::string keys;
      Listing listing(client, Range::of_prefix("k"));
      while (listing.next()) keys += listing.entry().key + "=" + listing.entry().entry.value + " ";
      CPPUNIT_ASSERT_MESSAGE(listing.status().to_string(), listing.status().ok());
      CPPUNIT_ASSERT_EQUAL(std::string("k0=v0 k1=v1 k2=v2 k3=v3 k4=v4 k5=v5 k6=v6 "), keys);
      CPPUNIT_ASSERT_EQUAL(Position{7}, listing.revision());
      CPPUNIT_ASSERT_EQUAL(std::uint64_t{7}, count_range(client, {}).count);
    }
    replica.set_page(2);
    ListingOptions options;
    options.limit = 3;
    Listing listing(client, {}, options);
    while (listing.next()) continue;
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, listing.count());
  }

  // So that the server keeps nothing for more.
  void a_listing_of_one_page_says_so() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    for (int i = 0; i < 3; ++i) assert_ok(client.put(fmt::format("k{}", i), "v"));
    const auto list = [&](std::uint64_t limit) {
      const std::size_t before = replica.calls().size();
      ListingOptions options;
      options.limit = limit;
      std::string keys;
      Listing listing(client, {}, options);
      while (listing.next()) keys += listing.entry().key + " ";
      for (const SeenCall& call : replica.calls()) {
        if (call.what == "range") keys += call.one_page ? '1' : '+';
      }
      CPPUNIT_ASSERT(replica.calls().size() > before);
      return keys;
    };
    replica.set_page(2);
    CPPUNIT_ASSERT_EQUAL(std::string("k0 k1 1"), list(2));
    // A page that was cut short is asked for again, so that it can go on.
    CPPUNIT_ASSERT_EQUAL(std::string("k0 k1 k2 11++"), list(3));
    CPPUNIT_ASSERT_EQUAL(std::string("k0 k1 k2 11++++"), list(0));
  }

  void a_busy_server_is_asked_again_for_the_next_page() {
    FakeReplica first(1);
    FakeReplica second(2);
    const Reaction busy = failing(kBusyOnWire);
    second.expect({busy, busy, busy, busy, busy});
    list_on_at(second, first);
    CPPUNIT_ASSERT_EQUAL(std::size_t{6}, second.calls().size());
  }

  void a_range_that_was_removed_in_part_is_in_doubt() {
    FakeReplica replica(1);
    Client client({replica.address()}, kImpatient);
    for (int i = 0; i < 3; ++i) assert_ok(client.put(fmt::format("k{}", i), "v"));
    replica.set_page(1);
    replica.expect({{}, {}, failing(kInvalidOnWire)});
    const RemoveRangeOutcome outcome = client.delete_range({});
    assert_code(StatusCode::kUnknown, outcome);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{2}, outcome.removed);
    CPPUNIT_ASSERT(outcome.certainty() == Certainty::kUnknown);
    CPPUNIT_ASSERT(contains(outcome.status.reason(), "2 keys were removed; then: invalid: "));
    replica.expect({failing(kInvalidOnWire)});
    assert_code(StatusCode::kInvalid, client.delete_range({}));
  }

  void says_whether_any_server_answered() {
    DeadServer dead;
    FakeReplica replica(1);
    replica.always(failing(kUnavailableOnWire));
    Client client({replica.address(), dead.address()}, kImpatient);
    const ReadOutcome outcome = client.get("k");
    assert_code(StatusCode::kUnavailable, outcome);
    CPPUNIT_ASSERT_MESSAGE(outcome.status.reason(),
                           contains(outcome.status.reason(), "no server did it: "));
    Client other({dead.address(), dead.address()}, kImpatient);
    CPPUNIT_ASSERT(!contains(other.get("k").status.reason(), "no server did it"));
  }

  void stops_listing_when_the_revision_is_gone() {
    FakeReplica replica(1);
    Client client({replica.address()}, kPatient);
    for (int i = 0; i < 3; ++i) assert_ok(client.put(fmt::format("k{}", i), "v"));
    replica.set_page(1);
    replica.expect({{}, failing(kRevisionGoneOnWire)});
    Listing listing(client, {});
    CPPUNIT_ASSERT(listing.next());
    CPPUNIT_ASSERT(!listing.next());
    CPPUNIT_ASSERT(listing.status().code() == StatusCode::kRevisionGone);
    CPPUNIT_ASSERT(!listing.next());
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, replica.calls().size());
  }

  void goes_on_listing_at_the_server_of_the_token() {
    FakeReplica first(1);
    FakeReplica second(2);
    list_on_at(second, first);
    CPPUNIT_ASSERT_EQUAL(std::string("k5"), second.calls().at(0).key);
  }

 private:
  // Asks for a page with a token of one server, which is not the first one, and never that.
  static void list_on_at(const FakeReplica& server, const FakeReplica& first) {
    Client client({first.address(), server.address()}, kPatient);
    RangeQuery query;
    query.token = "k5";
    query.server = server.address().name();
    assert_ok(client.range(query));
    CPPUNIT_ASSERT(first.calls().empty());
  }
  static ReadOutcome get(rpc::EventLoop& loop, AsyncClient& client) {
    std::optional<ReadOutcome> outcome;
    client.get("k", [&outcome](ReadOutcome told) { outcome = std::move(told); });
    loop.run_until([&outcome] { return outcome.has_value(); }, kDeadline);
    return *outcome;
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(AsyncClientTest);

}  // namespace rkv::client
