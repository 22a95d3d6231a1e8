#include "service/client_service.h"

#include <cppunit/extensions/HelperMacros.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "kv/session_table.h"
#include "served_replica.h"
#include "unit/rpc/raw_client.h"

namespace rkv::service {
namespace {

using kv::Compare;
using kv::Step;
using kv::Transaction;

constexpr kv_read_options kLinearizable{KV_LINEARIZABLE, 0, 0};
constexpr kv_read_options kEventual{KV_EVENTUAL, 0, 0};

Step step(Step::Kind kind, std::string key, std::string value = {}, bool wants_entry = false) {
  Step made;
  made.kind = kind;
  made.key = std::move(key);
  made.value = std::move(value);
  made.wants_entry = wants_entry;
  return made;
}

Step incr(std::string key, std::int64_t amount) {
  Step made = step(Step::Kind::kIncr, std::move(key));
  made.amount = amount;
  return made;
}

Transaction doing(std::vector<Step> steps) { return {{}, std::move(steps), {}}; }

// The transaction, as the steps of one that compares a key's revision.
Transaction comparing_a_revision() {
  Compare compare;
  compare.key = "key";
  compare.target = Compare::Target::kModified;
  return {{compare}, {step(Step::Kind::kGet, "key")}, {}};
}

// The arguments of a RANGE without bounds, limits, options and token.
const std::string kWholeRange(13 * 4, '\0');
constexpr std::size_t kReverse = 2 * 4;
constexpr std::size_t kOptions = 6 * 4;  // a consistency, and what a sequential page has to see

// Where the parts of a TXN's arguments begin: the operation id, how many compares (of a key of
// three bytes, a relation, a target), how many steps (a GET: its kind, such a key, whether it wants
// the value).
constexpr std::size_t kFirstTarget = 24 + 4 + 8 + 4;
constexpr std::size_t kFirstStep = 24 + 4 + 4;  // without compares
constexpr std::size_t kGetStepSize = 4 + 8 + 4;

rpc::WireCall call_of(std::uint32_t xid, std::uint32_t procedure) {
  rpc::WireCall call;
  call.xid = xid;
  call.program = KV_PROG;
  call.version = KV_V1;
  call.procedure = procedure;
  return call;
}

kv_operation_id operation(std::uint64_t sequence) { return {77, sequence, sequence}; }

std::string key_of(int number) {
  const std::string digits = std::to_string(number);
  return "key" + std::string(4 - digits.size(), '0') + digits;
}

void fill(ServedClient& client, int keys) {
  for (int i = 0; i < keys; ++i) {
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.put(key_of(i), "value").status);
  }
}

void assert_failed(kv_status status, const std::string& reason, const Answer& answer) {
  CPPUNIT_ASSERT_EQUAL(status, answer.status);
  CPPUNIT_ASSERT_EQUAL(reason, answer.reason);
}

void assert_begins(const std::string& begin, const Answer& answer) {
  CPPUNIT_ASSERT_EQUAL(KV_INVALID, answer.status);
  CPPUNIT_ASSERT_MESSAGE(answer.reason, answer.reason.starts_with(begin));
}

// Each page after the other; how many there were goes to `pages`.
std::vector<std::string> list_all(ServedClient& client, RangeQuestion question, int* pages) {
  std::vector<std::string> keys;
  for (*pages = 1;; ++*pages) {
    const PageAnswer page = client.range(question);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(page.reason, KV_OK, page.status);
    keys.insert(keys.end(), page.keys.begin(), page.keys.end());
    if (page.next.empty()) return keys;
    question.token = page.next;
  }
}

}  // namespace

class ClientServiceTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ClientServiceTest);
  CPPUNIT_TEST(a_session_counts_from_the_epoch);
  CPPUNIT_TEST(a_transaction_is_applied_once);
  CPPUNIT_TEST(a_transaction_without_a_write_is_a_read);
  CPPUNIT_TEST(what_a_step_cannot_do_is_refused_with_a_reason);
  CPPUNIT_TEST(an_operation_id_is_the_clients_own_and_of_an_epoch);
  CPPUNIT_TEST(the_id_of_another_write_is_refused);
  CPPUNIT_TEST(a_get_with_options_tells_revisions_and_where_it_was_read);
  CPPUNIT_TEST(where_a_key_was_missing_is_told_to_who_wants_it);
  CPPUNIT_TEST(a_consistency_that_there_is_not_is_refused);
  CPPUNIT_TEST(pages_show_one_state);
  CPPUNIT_TEST(pages_are_cut_as_they_are_asked_for);
  CPPUNIT_TEST(a_page_alone_has_no_next_one);
  CPPUNIT_TEST(a_false_token_is_refused);
  CPPUNIT_TEST(arguments_of_anybody_are_answered);
  CPPUNIT_TEST(many_pages_at_once_are_all_answered);
  CPPUNIT_TEST(pages_that_wait_keep_no_others_waiting);
  CPPUNIT_TEST(a_transaction_over_udp_is_run_only_if_its_results_fit);
  CPPUNIT_TEST(a_read_over_udp_that_is_too_long_says_so);
  CPPUNIT_TEST(forward_has_no_transactions_and_no_revisions);
  CPPUNIT_TEST(two_phase_commit_has_transactions_of_some_keys);
  CPPUNIT_TEST_SUITE_END();

 public:
  void a_session_counts_from_the_epoch() {
    ServedReplica replica(Replication::kPaxos);
    CPPUNIT_ASSERT_EQUAL(kv::first_sequence_of(0), ServedClient(replica).session());
  }

  void a_transaction_is_applied_once() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    const Transaction add = doing({incr("n", 5), step(Step::Kind::kGet, "n", "", true)});
    const StepsAnswer first = client.transact(add, operation(1));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(first.reason, KV_OK, first.status);
    CPPUNIT_ASSERT(first.steps.succeeded);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, first.steps.results.size());
    CPPUNIT_ASSERT_EQUAL(std::int64_t{5}, first.steps.results[0].number);
    CPPUNIT_ASSERT_EQUAL(std::string("5"), first.steps.results[1].entry->value);
    const StepsAnswer again = client.transact(add, operation(1));
    CPPUNIT_ASSERT(again.steps == first.steps);
    CPPUNIT_ASSERT_EQUAL(first.position, again.position);
    CPPUNIT_ASSERT_EQUAL(std::string("5"), client.get("n").value);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{10},
                         client.transact(add, operation(2)).steps.results[0].number);
  }

  void a_transaction_without_a_write_is_a_read() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    const Answer put = client.put("key", "value");
    Compare compare;
    compare.key = "key";
    compare.target = Compare::Target::kValue;
    compare.value = "another";
    const Transaction look{
        {compare}, {step(Step::Kind::kGet, "other")}, {step(Step::Kind::kGet, "key", "", true)}};
    for (const kv_consistency consistency : {KV_LINEARIZABLE, KV_SEQUENTIAL, KV_EVENTUAL}) {
      const StepsAnswer answer = client.transact(look, {}, {consistency, put.position, 0});
      CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.reason, KV_OK, answer.status);
      CPPUNIT_ASSERT(!answer.steps.succeeded);
      CPPUNIT_ASSERT_EQUAL(std::string("value"), answer.steps.results[0].entry->value);
      CPPUNIT_ASSERT_EQUAL(put.position, answer.steps.results[0].entry->modified);
      CPPUNIT_ASSERT_EQUAL(put.position, answer.position);
    }
    assert_failed(KV_INVALID, "a transaction that writes has no read options: all are 0",
                  client.transact(doing({incr("n", 1)}), operation(1), kEventual));
  }

  void what_a_step_cannot_do_is_refused_with_a_reason() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    client.put("text", "no number");
    const Answer no_number = client.transact(doing({incr("text", 1)}), operation(1));
    CPPUNIT_ASSERT_EQUAL(KV_INVALID, no_number.status);
    CPPUNIT_ASSERT(!no_number.reason.empty());
    client.put("long", std::string(kValueSizeMax, 'v'));
    const Answer too_long =
        client.transact(doing({step(Step::Kind::kAppend, "long", "more")}), operation(2));
    CPPUNIT_ASSERT_EQUAL(KV_OVER_LIMIT, too_long.status);
    CPPUNIT_ASSERT(!too_long.reason.empty());
    CPPUNIT_ASSERT_EQUAL(KV_INVALID, client.transact(doing({step(Step::Kind::kGet, "")})).status);
    const std::vector<Step> large(2, step(Step::Kind::kPut, "k", std::string(kValueSizeMax, 'v')));
    CPPUNIT_ASSERT_EQUAL(KV_OVER_LIMIT, client.transact(doing(large), operation(3)).status);
    CPPUNIT_ASSERT_EQUAL(KV_NOT_FOUND, client.get("k").status);
  }

  void an_operation_id_is_the_clients_own_and_of_an_epoch() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    const kv_operation_id of_a_replica{std::uint64_t{1} << 63 | 5, 1, 1};
    const kv_operation_id uncounted{5, std::uint64_t{1} << 32, 0};
    const kv_operation_id far{5, kv::first_sequence_of(9), 0};
    for (const kv_operation_id& bad : {of_a_replica, uncounted, far}) {
      for (const Answer& answer :
           {client.put("key", "value", bad), client.del("key", bad),
            static_cast<Answer>(client.transact(doing({incr("key", 1)}), bad))}) {
        CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.reason, KV_INVALID, answer.status);
        CPPUNIT_ASSERT(!answer.reason.empty());
      }
    }
    CPPUNIT_ASSERT_EQUAL(KV_NOT_FOUND, client.get("key").status);
  }

  // Nothing that a client does with its ids stops a replica.
  void the_id_of_another_write_is_refused() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.put("key", "value", operation(1)).status);
    assert_failed(KV_INVALID, "the operation id is that of an earlier PUT or DEL",
                  client.transact(doing({incr("n", 1)}), operation(1)));
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.transact(doing({incr("n", 1)}), operation(2)).status);
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.put("key", "later", operation(2)).status);
    CPPUNIT_ASSERT_EQUAL(std::string("value"), client.get("key").value);
  }

  void a_get_with_options_tells_revisions_and_where_it_was_read() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    const std::uint64_t created = client.put("key", "value").position;
    const std::uint64_t modified = client.put("key", "other").position;
    const std::uint64_t last = client.put("another", "value").position;
    CPPUNIT_ASSERT(!client.get("key").revisions);
    for (const kv_consistency consistency : {KV_LINEARIZABLE, KV_SEQUENTIAL, KV_EVENTUAL}) {
      const kv_read_options options{consistency, last, 60'000};
      const ValueAnswer answer = client.get("key", options);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(answer.reason, KV_OK, answer.status);
      CPPUNIT_ASSERT_EQUAL(std::string("other"), answer.value);
      CPPUNIT_ASSERT_EQUAL(created, answer.revisions->created);
      CPPUNIT_ASSERT_EQUAL(modified, answer.revisions->modified);
      CPPUNIT_ASSERT_EQUAL(last, answer.position);
      const ValueAnswer missing = client.get("no", options);
      CPPUNIT_ASSERT_EQUAL(KV_NOT_FOUND, missing.status);
      CPPUNIT_ASSERT(missing.has_missing_position);
      CPPUNIT_ASSERT_EQUAL(last, missing.position);
    }
  }

  // Others would not know what to make of it.
  void where_a_key_was_missing_is_told_to_who_wants_it() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    const std::uint64_t last = client.put("key", "value").position;
    CPPUNIT_ASSERT(!client.get("no").has_missing_position);
    CPPUNIT_ASSERT(!client.del("no").has_missing_position);  // a write of its own
    const Answer get = client.get_with_missing_position("no");
    CPPUNIT_ASSERT(get.status == KV_NOT_FOUND && get.has_missing_position);
    CPPUNIT_ASSERT_EQUAL(last + 1, get.position);
    const Answer del = client.del("no", operation(1), true);
    CPPUNIT_ASSERT(del.status == KV_NOT_FOUND && del.has_missing_position);
    CPPUNIT_ASSERT_EQUAL(last + 2, del.position);
    const Answer again = client.del("no", operation(1), true);
    CPPUNIT_ASSERT(again.status == KV_NOT_FOUND && again.position == del.position);
    CPPUNIT_ASSERT(!client.get_with_missing_position("key").revisions);
    CPPUNIT_ASSERT(!client.get_with_missing_position("key").has_missing_position);
  }

  void a_consistency_that_there_is_not_is_refused() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    kv_read_options options{};
    const int unknown = 9;  // XDR lets any number through where an enum is expected
    std::memcpy(&options.consistency, &unknown, sizeof options.consistency);
    RangeQuestion question;
    question.options = options;
    for (const Answer& answer :
         {static_cast<Answer>(client.get("key", options)),
          static_cast<Answer>(client.transact(doing({step(Step::Kind::kGet, "key")}), {}, options)),
          static_cast<Answer>(client.range(question))}) {
      assert_failed(KV_INVALID, "the unknown consistency 9", answer);
    }
    std::memcpy(&question.what, &unknown, sizeof question.what);
    question.options = {};
    assert_failed(KV_INVALID, "a listing of the unknown kind 9", client.range(question));
  }

  void pages_show_one_state() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    fill(client, 25);
    RangeQuestion question;
    question.limit = 10;
    const PageAnswer first = client.range(question);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(first.reason, KV_OK, first.status);
    CPPUNIT_ASSERT_EQUAL(std::size_t{10}, first.keys.size());
    CPPUNIT_ASSERT_EQUAL(std::string("value"), first.values[0]);
    client.put("key0012x", "new");
    client.put(key_of(13), "changed");
    client.del(key_of(14));
    question.token = first.next;
    const PageAnswer second = client.range(question);
    CPPUNIT_ASSERT_EQUAL_MESSAGE(second.reason, KV_OK, second.status);
    CPPUNIT_ASSERT_EQUAL(first.position, second.position);
    for (int i = 0; i < 10; ++i) {
      CPPUNIT_ASSERT_EQUAL(key_of(10 + i), second.keys[static_cast<std::size_t>(i)]);
      CPPUNIT_ASSERT_EQUAL(std::string("value"), second.values[static_cast<std::size_t>(i)]);
    }
    question.token = second.next;
    const PageAnswer last = client.range(question);
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, last.keys.size());
    CPPUNIT_ASSERT(last.next.empty());
  }

  void pages_are_cut_as_they_are_asked_for() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    fill(client, 25);
    int pages = 0;
    RangeQuestion question;
    question.first = key_of(3);
    question.end = key_of(20);
    CPPUNIT_ASSERT_EQUAL(std::size_t{17}, list_all(client, question, &pages).size());
    CPPUNIT_ASSERT_EQUAL(1, pages);
    question.size_max = 5 * (7 + 5);  // five entries
    question.reverse = true;
    const std::vector<std::string> keys = list_all(client, question, &pages);
    CPPUNIT_ASSERT_EQUAL(4, pages);
    CPPUNIT_ASSERT_EQUAL(std::size_t{17}, keys.size());
    CPPUNIT_ASSERT_EQUAL(key_of(19), keys.front());
    CPPUNIT_ASSERT_EQUAL(key_of(3), keys.back());
    question = {};
    question.what = KV_RANGE_COUNT;
    const PageAnswer counted = client.range(question);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{25}, counted.count);
    CPPUNIT_ASSERT(counted.keys.empty());
    question.what = KV_RANGE_KEYS;
    question.limit = UINT32_MAX;
    question.size_max = UINT32_MAX;
    const PageAnswer only_keys = client.range(question);
    CPPUNIT_ASSERT_EQUAL(std::size_t{25}, only_keys.keys.size());
    CPPUNIT_ASSERT(only_keys.values.front().empty() && only_keys.next.empty());
    question.first = "x";
    question.end = "a";
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{0}, client.range(question).count);
  }

  void a_page_alone_has_no_next_one() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    fill(client, 3);
    RangeQuestion question;
    question.limit = 2;
    question.one_page = true;
    const PageAnswer page = client.range(question);
    CPPUNIT_ASSERT_EQUAL(std::size_t{2}, page.keys.size());
    CPPUNIT_ASSERT(!page.next.empty());
    question.token = page.next;
    assert_begins("the token is of a page that was asked for with one_page",
                  client.range(question));
  }

  void a_false_token_is_refused() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    fill(client, 3);
    RangeQuestion question;
    question.limit = 1;
    const std::string token = client.range(question).next;
    for (std::size_t i = 0; i < token.size(); ++i) {
      question.token = token;
      question.token[i] = static_cast<char>(question.token[i] ^ 1);
      assert_begins("the token is none that a replica has given", client.range(question));
    }
    question.token = token;
    question.end = "l";
    assert_begins("the token is of another listing", client.range(question));
  }

  // Every byte of good arguments, changed to every kind of wrong: a kind that there is not, a
  // length that is not there, an empty key.
  void arguments_of_anybody_are_answered() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    Transaction transaction = comparing_a_revision();
    transaction.then = {incr("n", 1), step(Step::Kind::kPut, "k", "v", true),
                        step(Step::Kind::kDelRange, "a", "b"), step(Step::Kind::kDel, "k")};
    transaction.otherwise = {step(Step::Kind::kAppend, "k", "v")};
    rpc::RawClient raw(replica.address());
    std::uint32_t xid = 0;
    std::uint32_t refused = 0;
    for (const auto& [procedure, good] :
         {std::pair<std::uint32_t, std::string>(TXN, encoded_arguments(transaction)),
          std::pair<std::uint32_t, std::string>(RANGE, kWholeRange),
          std::pair<std::uint32_t, std::string>(SESSION, std::string(4, '\0'))}) {
      for (std::size_t at = 0; at < good.size(); ++at) {
        for (const char change : {'\x01', '\x41', '\x7f', '\xff'}) {
          std::string bad = good;
          bad[at] = static_cast<char>(bad[at] ^ change);
          raw.send_call(call_of(++xid, procedure), bad);
          const rpc::WireReply reply = raw.read_reply();
          CPPUNIT_ASSERT_EQUAL(xid, reply.xid);
          CPPUNIT_ASSERT(reply.accepted && (reply.stat == 0 || reply.stat == GARBAGE_ARGS));
          if (reply.stat == GARBAGE_ARGS) ++refused;
        }
        raw.send_call(call_of(++xid, procedure), good.substr(0, at));
        CPPUNIT_ASSERT_EQUAL(std::uint32_t{GARBAGE_ARGS}, raw.read_reply().stat);
      }
    }
    CPPUNIT_ASSERT(refused > 100);
    // One step more than there may be, and a compare of what there is not.
    std::string many =
        encoded_arguments(doing(std::vector<Step>(64, step(Step::Kind::kGet, "key"))));
    const std::string one = many.substr(kFirstStep, kGetStepSize);
    many.replace(kFirstStep - 1, 1, "\x41").insert(kFirstStep, one);
    raw.send_call(call_of(++xid, TXN), many);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{GARBAGE_ARGS}, raw.read_reply().stat);
    std::string unknown = encoded_arguments(comparing_a_revision());
    unknown[kFirstTarget + 3] = 99;
    raw.send_call(call_of(++xid, TXN), unknown);
    CPPUNIT_ASSERT_EQUAL(std::uint32_t{KV_INVALID},
                         XdrReader(raw.read_reply().results).read_uint32());
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.put("key", "still there").status);
  }

  // More than a turn may answer, from clients that send them all before they read: so some are read
  // again where they were read first.
  void many_pages_at_once_are_all_answered() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    for (int i = 0; i < 4; ++i) client.put(key_of(i), std::string(kValueSizeMax / 4, 'v'));
    constexpr int kClients = 8;
    constexpr std::uint32_t kCalls = 20;
    std::vector<std::unique_ptr<rpc::RawClient>> clients;
    for (int i = 0; i < kClients; ++i) {
      clients.push_back(std::make_unique<rpc::RawClient>(replica.address()));
      std::string arguments = kWholeRange;
      if (i % 2 == 1) arguments[kReverse + 3] = 1;
      for (std::uint32_t xid = 1; xid <= kCalls; ++xid) {
        clients.back()->send_call(call_of(xid, RANGE), arguments);
      }
    }
    for (const auto& each : clients) {
      for (std::uint32_t i = 0; i < kCalls; ++i) {
        const rpc::WireReply reply = each->read_reply();
        CPPUNIT_ASSERT(reply.accepted && reply.stat == 0);
        CPPUNIT_ASSERT(reply.results.size() > kValueSizeMax / 4 * 3);
      }
    }
  }

  // Each of them until it is refused, after two seconds: one after the other that takes minutes.
  void pages_that_wait_keep_no_others_waiting() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica);
    fill(client, 1);
    rpc::RawClient waits(replica.address());
    std::string arguments = kWholeRange;
    arguments[kOptions + 3] = KV_SEQUENTIAL;
    arguments[kOptions + 4] = '\x7f';
    constexpr std::uint32_t kCalls = 256;
    for (std::uint32_t xid = 1; xid <= kCalls; ++xid) {
      waits.send_call(call_of(xid, RANGE), arguments);
    }
    const TimePoint until = rpc::EventLoop::read_clock() + rpc::kPatience;
    while (replica.counters().calls_waiting < kCalls) {
      CPPUNIT_ASSERT(rpc::EventLoop::read_clock() < until);
    }
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, client.range({}).keys.size());
    for (std::uint32_t i = 0; i < kCalls; ++i) {
      CPPUNIT_ASSERT_EQUAL(std::uint32_t{KV_UNAVAILABLE},
                           XdrReader(waits.read_reply().results).read_uint32());
    }
  }

  void a_transaction_over_udp_is_run_only_if_its_results_fit() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica, rpc::Transport::kUdp);
    const Answer told = client.transact(doing({step(Step::Kind::kPut, "key", "1", true)}));
    assert_failed(KV_USE_TCP,
                  "what the transaction tells might be longer than the 1232 bytes that go over UDP",
                  told);
    CPPUNIT_ASSERT_EQUAL(KV_NOT_FOUND, client.get("key").status);
    std::vector<Step> gets(31, step(Step::Kind::kGet, "key"));
    gets.push_back(step(Step::Kind::kPut, "key", "1"));
    const StepsAnswer most = client.transact(doing(gets));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(most.reason, KV_OK, most.status);
    CPPUNIT_ASSERT_EQUAL(std::size_t{32}, most.steps.results.size());
    gets.push_back(step(Step::Kind::kPut, "other", "1"));
    CPPUNIT_ASSERT_EQUAL(KV_USE_TCP, client.transact(doing(gets)).status);
    CPPUNIT_ASSERT_EQUAL(KV_NOT_FOUND, client.get("other").status);
  }

  void a_read_over_udp_that_is_too_long_says_so() {
    ServedReplica replica(Replication::kPaxos);
    ServedClient client(replica, rpc::Transport::kUdp);
    ServedClient(replica).put("key", std::string(2000, 'v'));
    CPPUNIT_ASSERT_EQUAL(KV_USE_TCP,
                         client.transact(doing({step(Step::Kind::kGet, "key", "", true)})).status);
    CPPUNIT_ASSERT_EQUAL(KV_USE_TCP, client.range({}).status);
    RangeQuestion keys;
    keys.what = KV_RANGE_KEYS;
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, client.range(keys).keys.size());
    CPPUNIT_ASSERT_EQUAL(kv::first_sequence_of(0), client.session());
  }

  void forward_has_no_transactions_and_no_revisions() {
    ServedReplica replica(Replication::kForward);
    ServedClient client(replica);
    fill(client, 5);
    assert_failed(KV_INVALID,
                  "needs paxos or 2pc: a transaction; with replication forward, change one key at "
                  "a time with PUT and DEL",
                  client.transact(doing({incr("key", 1)}), operation(1)));
    assert_failed(KV_INVALID,
                  "needs paxos: sequential consistency; with replication forward, ask for "
                  "linearizable or eventual",
                  client.get("key", kv_read_options{KV_SEQUENTIAL, 0, 0}));
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.get(key_of(0), kLinearizable).status);
    RangeQuestion question;
    question.limit = 2;
    assert_failed(KV_INVALID,
                  "needs paxos: a listing at one revision; with replication forward, ask for "
                  "eventual: each page is what the replica has then",
                  client.range(question));
    question.options = kEventual;
    int pages = 0;
    CPPUNIT_ASSERT_EQUAL(std::size_t{5}, list_all(client, question, &pages).size());
    CPPUNIT_ASSERT_EQUAL(3, pages);
  }

  void two_phase_commit_has_transactions_of_some_keys() {
    ServedReplica replica(Replication::kTwoPc);
    ServedClient client(replica);
    const StepsAnswer two = client.transact(doing({incr("a", 1), incr("b", 2)}), operation(1));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(two.reason, KV_OK, two.status);
    CPPUNIT_ASSERT_EQUAL(std::int64_t{2}, two.steps.results[1].number);
    const StepsAnswer look = client.transact(
        doing({step(Step::Kind::kGet, "a", "", true), step(Step::Kind::kGet, "c")}));
    CPPUNIT_ASSERT_EQUAL_MESSAGE(look.reason, KV_OK, look.status);
    CPPUNIT_ASSERT_EQUAL(std::string("1"), look.steps.results[0].entry->value);
    CPPUNIT_ASSERT(!look.steps.results[1].entry);
    for (const Transaction& refused :
         {comparing_a_revision(), doing({step(Step::Kind::kDelRange, "a", "c")})}) {
      assert_begins(
          "needs paxos: a transaction that compares revisions or removes a range; with "
          "replication 2pc, compare versions",
          client.transact(refused));
    }
    Transaction many;
    for (int i = 0; i < 64; ++i) many.then.push_back(step(Step::Kind::kPut, key_of(i), "v"));
    CPPUNIT_ASSERT_EQUAL(KV_OK, client.transact(many, operation(2)).status);
    many.otherwise.push_back(step(Step::Kind::kPut, key_of(64), "v"));
    assert_failed(KV_OVER_LIMIT,
                  "the transaction is about 65 keys, and with replication 2pc the limit is 64",
                  client.transact(many, operation(3)));
    RangeQuestion question;
    question.options = kEventual;
    question.limit = 30;
    int pages = 0;
    CPPUNIT_ASSERT_EQUAL(std::size_t{66}, list_all(client, question, &pages).size());
    CPPUNIT_ASSERT_EQUAL(3, pages);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(ClientServiceTest);

}  // namespace rkv::service
