// Writes the first inputs of every target: encodings as rkv makes them, and text as people write
// it. What a fuzzer finds from there, and is worth keeping, is in tests/fuzz/corpus.
//
//   fuzz_seeds DIRECTORY     into DIRECTORY/TARGET

#include <kv.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "fuzz.h"
#include "kv/command.h"
#include "kv/transaction_codec.h"
#include "rpc/record.h"
#include "rpc/xdr.h"
// Last: rpcgen makes macros of the procedures' names.
#include <ledger.h>

namespace rkv::fuzz {
namespace {

using Seeds = std::map<std::string, std::vector<std::string>>;  // by target

template <typename T>
std::string encoded(rpc::XdrRoutine<T> routine, const T& value) {
  rpc::OutputBuffer out;
  RKV_CHECK(rpc::append_record(out, 0, 4 << 20,
                               [&](XDR* xdr) { return routine(xdr, const_cast<T*>(&value)); }),
            "a seed can be encoded");
  return std::string(out.content().substr(rpc::kRecordMarkSize));
}

std::string words(std::initializer_list<std::uint32_t> numbers) {
  std::string bytes;
  for (const std::uint32_t number : numbers) append_uint32(bytes, number);
  return bytes;
}

std::string fragment(std::string_view bytes, bool is_last) {
  return words({(is_last ? 0x80000000 : 0) | static_cast<std::uint32_t>(bytes.size())}) +
         std::string(bytes);
}

// What stands in front of the data of a target with decisions.
std::string decided(int kind, const std::string& decisions, const std::string& data) {
  return static_cast<char>(kind) + (static_cast<char>(decisions.size()) + decisions) + data;
}

char* text(const char* literal) { return const_cast<char*>(literal); }

// ---- calls and replies --------------------------------------------------------------------------

std::string call(std::uint32_t program, std::uint32_t version, std::uint32_t procedure,
                 const std::string& arguments) {
  static std::uint32_t xid = 100;
  return words({++xid, CALL, 2, program, version, procedure, AUTH_NONE, 0, AUTH_NONE, 0}) +
         arguments;
}

std::string call_with_credential(std::uint32_t procedure, std::uint32_t flavor,
                                 const std::string& body, const std::string& arguments) {
  std::string record = words({7, CALL, 2, LEDGER_PROG, LEDGER_V2, procedure, flavor});
  append_opaque(record, body);
  return record + words({AUTH_NONE, 0}) + arguments;
}

std::string system_credential(std::size_t groups) {
  std::string body = words({1234});
  append_opaque(body, "host.example");
  body += words({1000, 100, static_cast<std::uint32_t>(groups)});
  for (std::uint32_t group = 0; group < groups; ++group) append_uint32(body, group);
  return body;
}

std::vector<std::string> call_records() {
  std::string note = "a note";
  ledger_entry entry{};
  entry.amount = 5;
  entry.note = {static_cast<u_int>(note.size()), note.data()};
  ledger_add_args args{};
  args.entries = {1, &entry};
  const std::string entries = encoded(xdr_ledger_add_args, args);
  ledger_entry unencodable{};
  unencodable.amount = -1;
  return {
      call(LEDGER_PROG, LEDGER_V2, NULLPROC, ""),
      call(LEDGER_PROG, LEDGER_V2, ADD, entries),
      call(LEDGER_PROG, LEDGER_V2, ADD_LATER, entries),
      call(LEDGER_PROG, LEDGER_V2, ECHO, encoded(xdr_ledger_entry, entry)),
      call(LEDGER_PROG, LEDGER_V2, ECHO, encoded(xdr_ledger_entry, unencodable)),
      call(LEDGER_PROG, LEDGER_V2, ADD, "garbage!"),
      call(LEDGER_PROG, LEDGER_V2, FORGET, ""),
      call(LEDGER_PROG, LEDGER_V3, BALANCE, ""),
      call(LEDGER_PROG, 9, NULLPROC, ""),
      call(LEDGER_PROG, LEDGER_V2, 99, ""),
      call(KV_PROG, KV_V1, NULLPROC, ""),
      call_with_credential(ADD_LATER, AUTH_SYS, system_credential(3), entries),
      call_with_credential(NULLPROC, AUTH_SYS, system_credential(16), ""),
      call_with_credential(NULLPROC, AUTH_SYS, system_credential(17), ""),
      call_with_credential(NULLPROC, 6, "other flavor", ""),
      call_with_credential(NULLPROC, AUTH_NONE, std::string(400, 'c'), ""),
      call_with_credential(NULLPROC, AUTH_NONE, std::string(401, 'c'), ""),
      words({8, CALL, 3, LEDGER_PROG, LEDGER_V2, NULLPROC, 0, 0, 0, 0}),
      words({9, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, SUCCESS}),
  };
}

void add_calls(Seeds& seeds) {
  const std::vector<std::string> records = call_records();
  seeds["call_header"] = records;
  seeds["call_header"].push_back(system_credential(2));
  std::string all;
  for (const std::string& record : records) {
    const std::string whole = fragment(record, true);
    const std::string halves =
        fragment(record.substr(0, 14), false) + fragment(record.substr(14), true);
    seeds["connection"].push_back(decided(0, "", whole + halves));
    if (&record != &records.back()) all += whole;
  }
  const std::string decisions = "\x01\x09\x05\x02\x0a\x06\x03\x07";
  for (const int kind : {0, 1, 2, 0x81, 0x82}) {
    seeds["connection"].push_back(decided(kind, "", all));
    seeds["connection"].push_back(decided(kind, decisions + decisions, all));
  }
  for (const int kind : {0, 1, 2, 3, 4, 8, 12}) {
    seeds["record_stream"].push_back(decided(kind, "\x11\x24\x3b\x40\x81\x52", all));
  }
  seeds["record_stream"].push_back(decided(0xE0, "\x11\x24", "\x8F\xFF\x0C\x80\x92\x34"));
  seeds["record_stream"].push_back(decided(0xF0, "\x01", "\x9F\xFF\x1F\xFF\x9F\xFF\x82\x34"));
}

void add_replies(Seeds& seeds) {
  seeds["reply_header"] = {
      words({1, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, SUCCESS, 42}),
      words({2, REPLY, MSG_ACCEPTED, AUTH_SHORT, 3, 0x61626300, SUCCESS}),
      words({3, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, PROG_UNAVAIL}),
      words({4, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, PROG_MISMATCH, 1, 2}),
      words({5, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, PROC_UNAVAIL}),
      words({6, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, GARBAGE_ARGS}),
      words({7, REPLY, MSG_ACCEPTED, AUTH_NONE, 0, SYSTEM_ERR}),
      words({8, REPLY, MSG_DENIED, RPC_MISMATCH, 2, 2}),
      words({9, REPLY, MSG_DENIED, AUTH_ERROR, AUTH_TOOWEAK}),
  };
}

// ---- kv.x ---------------------------------------------------------------------------------------

// The parts that the larger types are made of.
struct Parts {
  std::string bytes = "some bytes";
  kv_key key{5, bytes.data()};
  kv_value value{static_cast<u_int>(bytes.size()), bytes.data()};
  kv_operation_id operation{11, 22, 21};
  kv_failure failure{text("no such key"), 2, {}};
  std::array<u_int, 2> missing{2, 3};
  kv_partly_applied partly{{2, missing.data()}, text("not at 2, 3"), {}};
  std::array<kv_replica, 2> replicas{
      {{1, text("one"), 7411, 7412}, {2, text("2001:db8::2"), 7411, 7412}}};
  std::array<kv_peer, 1> peers{{{2, FALSE, text("connection refused"), 1234}}};
  std::array<kv_counter, 2> counters{{{text("puts"), 7}, {text("gets"), 9}}};
};

kv_status_result status_result(Parts& parts) {
  kv_status_result result{};
  kv_status_ok& ok = result.kv_status_result_u.ok;
  ok.replica = 1;
  ok.incarnation = 3;
  ok.replication = text("forward");
  ok.role = text("replica");
  ok.protocol.replication = KV_REPLICATION_FORWARD;
  ok.trouble = text("the disk of the log is nearly full");
  ok.software = text("rkvd");
  ok.uptime_ms = 12345;
  ok.peers = {static_cast<u_int>(parts.peers.size()), parts.peers.data()};
  ok.counters = {static_cast<u_int>(parts.counters.size()), parts.counters.data()};
  ok.state_hash.present = TRUE;
  return result;
}

void add_results(Seeds& seeds, Parts& parts) {
  // By the byte that picks the procedure in client_results, with the type's name.
  const auto add = [&seeds](int kind, std::string_view type, const std::string& bytes) {
    seeds["client_results"].push_back(static_cast<char>(kind) + bytes);
    seeds["xdr_types"].push_back(words({place_of(type)}).substr(2) + bytes);
  };
  kv_put_result put{};
  put.kv_put_result_u.ok = {3, 4, {}};
  add(0, "kv_put_result", encoded(xdr_kv_put_result, put));
  put.status = KV_PARTLY_APPLIED;
  put.kv_put_result_u.partly = parts.partly;
  add(0, "kv_put_result", encoded(xdr_kv_put_result, put));
  put.status = KV_BUSY;
  put.kv_put_result_u.failure = parts.failure;
  add(0, "kv_put_result", encoded(xdr_kv_put_result, put));
  kv_del_result del{};
  del.status = KV_NOT_FOUND;
  del.kv_del_result_u.failure = parts.failure;
  add(1, "kv_del_result", encoded(xdr_kv_del_result, del));
  kv_get_result get{};
  get.kv_get_result_u.ok = {parts.value, 5, 6, {}};
  add(2, "kv_get_result", encoded(xdr_kv_get_result, get));
  kv_replicas_result replicas{};
  replicas.kv_replicas_result_u.ok = {1, {2, parts.replicas.data()}, {}};
  add(3, "kv_replicas_result", encoded(xdr_kv_replicas_result, replicas));
  kv_status_result status = status_result(parts);
  add(4, "kv_status_result", encoded(xdr_kv_status_result, status));
  status.kv_status_result_u.ok.protocol.replication = KV_REPLICATION_PAXOS;
  status.kv_status_result_u.ok.protocol.kv_protocol_status_u.paxos = {
      {7, 2}, {8, 1}, 42, 41, 20, 95, 3, 1234, 16 << 20};
  add(4, "kv_status_result", encoded(xdr_kv_status_result, status));
  std::array<kv_txn_in_doubt, 2> in_doubt{
      {{{2, 9, 77}, parts.key, 1234}, {{3, 1, 1}, parts.key, 5}}};
  status.kv_status_result_u.ok.protocol.replication = KV_REPLICATION_2PC;
  status.kv_status_result_u.ok.protocol.kv_protocol_status_u.twopc = {
      2, 3, 4, 5, 6, 20, {2, in_doubt.data()}, 7, 8, 16 << 20};
  add(4, "kv_status_result", encoded(xdr_kv_status_result, status));
}

kv_envelope envelope_of(kv_replication replication) {
  kv_envelope envelope{};
  std::fill_n(envelope.cluster, sizeof envelope.cluster, 7);
  envelope.sender = 2;
  envelope.recipient = 1;
  envelope.incarnation = 9;
  envelope.replication = replication;
  envelope.lease_ms = replication == KV_REPLICATION_PAXOS ? 100 : 0;
  envelope.coordinator = replication == KV_REPLICATION_2PC ? 2 : 0;
  return envelope;
}

// Every phase of Paxos, from replica 2 to replica 1, with a write and a no-op where it has values.
std::vector<std::string> paxos_requests(std::string put) {
  const kv_ballot ballot{7, 2};
  std::array<kv_paxos_value, 2> values{
      {{2, 9, 31, {static_cast<u_int>(put.size()), put.data()}}, {1, 3, 0, {0, nullptr}}}};
  std::vector<std::string> requests;
  kv_rput_args args{};
  args.envelope = envelope_of(KV_REPLICATION_PAXOS);
  auto& arms = args.message.kv_peer_message_u;
  const auto add = [&](kv_phase phase) {
    args.message.phase = phase;
    requests.push_back(encoded(xdr_kv_rput_args, args));
  };
  arms.pre_vote.ballot = ballot;
  add(KV_PHASE_PAXOS_PRE_VOTE);
  arms.prepare.ballot = ballot;
  add(KV_PHASE_PAXOS_PREPARE);
  arms.accept = {ballot, 41, 40, {0, nullptr}};
  add(KV_PHASE_PAXOS_ACCEPT);
  arms.accept.values = {2, values.data()};
  add(KV_PHASE_PAXOS_ACCEPT);
  arms.fetch.first = 21;
  add(KV_PHASE_PAXOS_FETCH);
  arms.submit.values = {1, values.data()};
  add(KV_PHASE_PAXOS_SUBMIT);
  add(KV_PHASE_PAXOS_READ_INDEX);
  return requests;
}

std::vector<std::string> paxos_answers(std::string put) {
  const kv_ballot promised{8, 1};
  std::array<kv_paxos_value, 2> values{
      {{2, 9, 31, {static_cast<u_int>(put.size()), put.data()}}, {1, 3, 0, {0, nullptr}}}};
  std::array<kv_paxos_vote, 2> votes{{{41, {7, 2}, values[0]}, {43, {6, 1}, values[1]}}};
  std::vector<std::string> answers;
  kv_rput_result result{};
  result.kv_rput_result_u.ok.envelope = envelope_of(KV_REPLICATION_PAXOS);
  kv_peer_answer& answer = result.kv_rput_result_u.ok.answer;
  auto& arms = answer.kv_peer_answer_u;
  const auto add = [&](kv_phase phase) {
    answer.phase = phase;
    answers.push_back(encoded(xdr_kv_rput_result, result));
  };
  arms.pre_vote = {TRUE, promised, 40, 20};
  add(KV_PHASE_PAXOS_PRE_VOTE);
  arms.promise = {TRUE, promised, 40, 20, {2, votes.data()}};
  add(KV_PHASE_PAXOS_PREPARE);
  arms.promise = {FALSE, promised, 40, 20, {0, nullptr}};
  add(KV_PHASE_PAXOS_PREPARE);
  arms.accepted = {2, promised, 42};
  add(KV_PHASE_PAXOS_ACCEPT);
  arms.fetched = {21, 40, 20, {2, values.data()}};
  add(KV_PHASE_PAXOS_FETCH);
  arms.submitted = {0, promised, text("no room")};
  add(KV_PHASE_PAXOS_SUBMIT);
  arms.read_index = {TRUE, 40};
  add(KV_PHASE_PAXOS_READ_INDEX);
  return answers;
}

// Every phase of two-phase commit, from replica 2 to replica 1.
std::vector<std::string> twopc_requests(std::string put) {
  kv_key key{3, text("key")};
  const kv_txn_id id{2, 9, 77};
  const kv_command command{static_cast<u_int>(put.size()), put.data()};
  kv_txn txn{id, {1000, 2}, {1, 3, 31}, {1, 2, 1}, {1, &key}, command};
  std::array<kv_txn_late_vote, 2> votes{
      {{{1, 3, 5}, KV_TXN_VOTE_YES}, {{1, 3, 6}, KV_TXN_VOTE_REFUSED}}};
  std::array<kv_txn_outcome_of, 2> outcomes{{{id, KV_TXN_COMMIT}, {{2, 9, 78}, KV_TXN_ABORT}}};
  std::array<kv_txn_id, 2> ids{{{1, 3, 5}, {3, 2, 1}}};
  kv_txn_submission submission{31, {1, 2, 1}, {1, &key}, command};
  std::array<kv_txn_submission_end, 3> ends{{{31, KV_TXN_END_REPEATED, text("")},
                                             {32, KV_TXN_END_UNAVAILABLE, text("3 is down")},
                                             {33, KV_TXN_END_BUSY, text("no room")}}};
  std::vector<std::string> requests;
  kv_rput_args args{};
  args.envelope = envelope_of(KV_REPLICATION_2PC);
  auto& arms = args.message.kv_peer_message_u;
  const auto add = [&](kv_phase phase) {
    args.message.phase = phase;
    requests.push_back(encoded(xdr_kv_rput_args, args));
  };
  arms.txn_prepare = {1001, {9, 70}, {1, &txn}};
  add(KV_PHASE_TXN_PREPARE);
  arms.txn_votes = {1002, {2, votes.data()}, text("no room")};
  add(KV_PHASE_TXN_VOTES);
  arms.txn_decide = {1003, {9, 77}, {2, outcomes.data()}};
  add(KV_PHASE_TXN_DECIDE);
  arms.txn_query = {1004, {2, ids.data()}};
  add(KV_PHASE_TXN_QUERY);
  arms.txn_submit = {1005, 9, {1, &submission}, 1, 1};
  add(KV_PHASE_TXN_SUBMIT);
  arms.txn_ended = {1006, 3, {3, ends.data()}};
  add(KV_PHASE_TXN_ENDED);
  return requests;
}

std::vector<std::string> twopc_answers() {
  std::array<kv_txn_vote, 4> votes{KV_TXN_VOTE_YES, KV_TXN_VOTE_CONFLICT, KV_TXN_VOTE_WAITS,
                                   KV_TXN_VOTE_REFUSED};
  std::array<kv_txn_knowledge, 3> known{KV_TXN_COMMITTED, KV_TXN_ABORTED, KV_TXN_UNKNOWN};
  std::vector<std::string> answers;
  kv_rput_result result{};
  result.kv_rput_result_u.ok.envelope = envelope_of(KV_REPLICATION_2PC);
  kv_peer_answer& answer = result.kv_rput_result_u.ok.answer;
  auto& arms = answer.kv_peer_answer_u;
  const auto add = [&](kv_phase phase) {
    answer.phase = phase;
    answers.push_back(encoded(xdr_kv_rput_result, result));
  };
  arms.txn_prepared = {1001, {4, votes.data()}, text("no room")};
  add(KV_PHASE_TXN_PREPARE);
  arms.txn_votes_noted = {1002};
  add(KV_PHASE_TXN_VOTES);
  arms.txn_decided = {1003, text("")};
  add(KV_PHASE_TXN_DECIDE);
  arms.txn_outcome = {1004, {3, known.data()}};
  add(KV_PHASE_TXN_QUERY);
  arms.txn_submitted = {1005, 0, text("no room")};
  add(KV_PHASE_TXN_SUBMIT);
  arms.txn_ended_noted = {1006};
  add(KV_PHASE_TXN_ENDED);
  return answers;
}

// One with every kind of step.
kv::Transaction some_transaction() {
  using kv::Step;
  return {{{"key", kv::Compare::Target::kValue, kv::Compare::Relation::kNotEqual, 0, "value"},
           {"key", kv::Compare::Target::kModified, kv::Compare::Relation::kLess, 9, ""}},
          {{Step::Kind::kGet, "key", "", 0, true},
           {Step::Kind::kPut, "key", "value", 0, true},
           {Step::Kind::kDel, "other", "", 0, false}},
          {{Step::Kind::kIncr, "number", "", -3, false},
           {Step::Kind::kAppend, "key", "more", 0, false},
           {Step::Kind::kDelRange, "a", "b", 0, false}}};
}

void add_peer_messages(Seeds& seeds) {
  const auto add = [&seeds](int kind, std::string_view type, const std::string& bytes) {
    seeds["peer_messages"].push_back(static_cast<char>(kind) + bytes);
    seeds["xdr_types"].push_back(words({place_of(type)}).substr(2) + bytes);
  };
  std::string put = kv::encode_command({kv::Command::Kind::kPut, {1, 2, 1}, "key", "value"});
  std::string del = kv::encode_command({kv::Command::Kind::kDel, {1, 3, 1}, "key", ""});
  add(2, "kv_command_body", put);
  add(2, "kv_command_body", del);
  kv::Command transaction;
  transaction.kind = kv::Command::Kind::kTransaction;
  transaction.operation = {1, 4, 1};
  transaction.transaction = std::make_shared<const kv::Transaction>(some_transaction());
  add(2, "kv_command_body", kv::encode_command(transaction));
  kv::Command epoch;
  epoch.kind = kv::Command::Kind::kEpoch;
  epoch.epoch = 3;
  add(2, "kv_command_body", kv::encode_command(epoch));
  std::array<kv_command, 2> commands{
      {{static_cast<u_int>(put.size()), put.data()}, {static_cast<u_int>(del.size()), del.data()}}};
  kv_rput_args args{};
  args.envelope = envelope_of(KV_REPLICATION_FORWARD);
  add(0, "kv_rput_args", encoded(xdr_kv_rput_args, args));
  args.message.phase = KV_PHASE_FORWARD;
  args.message.kv_peer_message_u.forward.commands = {2, commands.data()};
  add(0, "kv_rput_args", encoded(xdr_kv_rput_args, args));
  kv_rput_result result{};
  result.kv_rput_result_u.ok.envelope = args.envelope;
  result.kv_rput_result_u.ok.answer.phase = KV_PHASE_FORWARD;
  result.kv_rput_result_u.ok.answer.kv_peer_answer_u.forwarded.position = 12;
  add(1, "kv_rput_result", encoded(xdr_kv_rput_result, result));
  for (const std::string& bytes : paxos_requests(put)) add(0, "kv_rput_args", bytes);
  for (const std::string& bytes : paxos_answers(put)) add(1, "kv_rput_result", bytes);
  for (const std::string& bytes : twopc_requests(put)) add(0, "kv_rput_args", bytes);
  for (const std::string& bytes : twopc_answers()) add(1, "kv_rput_result", bytes);
}

void add_types(Seeds& seeds, Parts& parts) {
  std::vector<std::string>& inputs = seeds["xdr_types"];
  // Zeros are a value of nearly every type.
  const std::string zeros(256, '\0');
#define KV_TYPE(name) inputs.push_back(words({place_of(#name)}).substr(2) + zeros);
#include <kv_types.inc>
#undef KV_TYPE
  const kv_put_args put{parts.operation, parts.key, parts.value, {}};
  inputs.push_back(words({place_of("kv_put_args")}).substr(2) + encoded(xdr_kv_put_args, put));
  std::string transact = words({0, 11, 0, 22, 0, 21});
  kv::append_transaction(transact, some_transaction());
  inputs.push_back(words({place_of("kv_transact_args")}).substr(2) + transact +
                   words({KV_LINEARIZABLE, 0, 0, 0, 0}));
  std::array<kv_range_entry, 1> entries{{{parts.key, {parts.value, 3, {10, 12}}}}};
  kv_range_result range{};
  range.kv_range_result_u.ok = {{1, entries.data()}, 1, 12, {8, text("a token.")}, {}};
  inputs.push_back(words({place_of("kv_range_result")}).substr(2) +
                   encoded(xdr_kv_range_result, range));
  const kv_del_args del{parts.operation, parts.key, {}};
  inputs.push_back(words({place_of("kv_del_args")}).substr(2) + encoded(xdr_kv_del_args, del));
}

// ---- text ---------------------------------------------------------------------------------------

void add_text(Seeds& seeds) {
  std::vector<std::string>& inputs = seeds["text_input"];
  for (const char* file : {"1 127.0.0.1\n2 127.0.0.1 7421 7422\n", "# all\n1\thost-a 1 2 # one\n\n",
                           "3 [2001:db8::1]\n4 ::1 9 10", "0 host", "1 host:7411", "1 a 5 5",
                           "1 a\n1 b", "1 a\n2 A", "1 256.0.0.1", "1 fe80::1%eth0 70000"}) {
    inputs.push_back('\0' + std::string(file));
  }
  for (const char* server : {"host", "host:7411", "[::1]:7411", "::1", "[::1]", "host:", ":1",
                             "host:65536", "[::1]7", "[::1"}) {
    inputs.push_back('\1' + std::string(server));
  }
  for (const char* line : {"put key 'a value'", "get \"\\x00\\\"\\\\\" -w json", "# nothing",
                           "del -- -key", "status --state-hash", "put a\\ b \\'c", "put 'open",
                           "get \\q", "--help", "load --output=table x"}) {
    inputs.push_back('\2' + std::string(line));
  }
  const std::string lines = "key\tvalue\nno tab\n\tno key\n\nkey two\ta\tb\r\nlast\tone";
  for (const char kind : {'\3', '\4'}) {
    inputs.push_back(kind + ('\0' + lines));
    inputs.push_back(kind + ("\5\1\2\3\4\5" + lines));
  }
}

int write_seeds(const std::string& directory) {
  Seeds seeds;
  Parts parts;
  add_calls(seeds);
  add_replies(seeds);
  add_results(seeds, parts);
  add_peer_messages(seeds);
  add_types(seeds, parts);
  add_text(seeds);
  for (const auto& [target, inputs] : seeds) {
    const std::filesystem::path folder = std::filesystem::path(directory) / target;
    std::filesystem::create_directories(folder);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      std::ofstream file(folder / ("seed-" + std::to_string(i)), std::ios::binary);
      file << inputs[i];
      if (!file.flush()) {
        std::fprintf(stderr, "%s cannot be written to\n", folder.c_str());
        return EXIT_FAILURE;
      }
    }
    std::printf("%s: %zu seeds\n", target.c_str(), inputs.size());
  }
  return EXIT_SUCCESS;
}

}  // namespace
}  // namespace rkv::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
    return 2;
  }
  return rkv::fuzz::write_seeds(argv[1]);
}
