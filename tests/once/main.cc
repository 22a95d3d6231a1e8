// Writes that are done once, and transactions that are done whole, through a cluster to which
// things happen; what it does and prints is told by --help. Exits with 0, 1 if something is not as
// it must be, 2 if the command line makes no sense, 3 if the cluster cannot be used.

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "client/server.h"
#include "once/bank.h"
#include "once/counters.h"
#include "once/relay.h"

namespace {

using namespace rkv;
namespace po = boost::program_options;

constexpr int kExitWrong = 1;
constexpr int kExitUsage = 2;
constexpr int kExitFailure = 3;

constexpr const char* kUsage =
    R"(Usage: once counters|sum|bank --servers HOST:PORT,... [options]

counters  clients increment a few counters through relays that lose replies; prints how many
          increments were issued, acknowledged and left unknown, and the sum before and after.
          Wrong: a sum that is not what was acknowledged, with up to the unknown more. With
          --to-the-end: an increment that was not done.
sum       prints the sum of the counters
bank      money is transferred between accounts while others add up all there is; wrong: any
          sum that is not what was there at first
)";

int fail(int status, const std::string& reason) {
  fmt::print(stderr, "once: {}\n", reason);
  return status;
}

Duration seconds_of(const po::variables_map& given, const char* option) {
  return Duration{static_cast<std::int64_t>(given[option].as<double>() * 1e9)};
}

// The relays in front of the servers, which the clients then know alone.
class Relays {
 public:
  Relays(const std::vector<client::Server>& servers, bool is_udp, const once::Faults& faults) {
    for (const client::Server& server : servers) {
      relays_.push_back(std::make_unique<once::Relay>(server.port, is_udp, faults));
    }
  }

  std::vector<client::Server> servers() const {
    std::vector<client::Server> servers;
    for (const auto& relay : relays_) servers.push_back({"127.0.0.1", relay->port()});
    return servers;
  }

  void print() const {
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t delayed = 0;
    for (const auto& relay : relays_) {
      lost += relay->replies_lost();
      duplicated += relay->requests_duplicated();
      delayed += relay->requests_delayed();
    }
    fmt::print("lost {} replies, sent {} requests twice, {} late\n", lost, duplicated, delayed);
  }

 private:
  std::vector<std::unique_ptr<once::Relay>> relays_;
};

int count(once::CountersOptions options, const po::variables_map& given) {
  const bool is_udp = options.transport == rpc::Transport::kUdp;
  const once::CountersOptions direct = options;
  once::Faults faults;
  faults.lose_reply_every = given["lose-reply-every"].as<std::uint32_t>();
  faults.duplicate_request_every = given["duplicate-every"].as<std::uint32_t>();
  faults.delay_request_every = given["delay-every"].as<std::uint32_t>();
  const Result<std::int64_t> before = once::sum_of_counters(direct);
  if (!before.ok()) return fail(kExitFailure, before.status().to_string());
  const Relays relays(options.servers, is_udp, faults);
  options.servers = relays.servers();
  const once::CountersResult result = once::increment_counters(options);
  const Result<std::int64_t> after = once::sum_of_counters(direct);
  if (!after.ok()) return fail(kExitFailure, after.status().to_string());

  const auto grown = static_cast<std::uint64_t>(after.value() - before.value());
  fmt::print("issued {} acknowledged {} unknown {} sum {} to {}, {} more\n", result.issued,
             result.acknowledged, result.unknown, before.value(), after.value(), grown);
  relays.print();
  for (const std::string& reason : result.reasons) fmt::print("not acknowledged: {}\n", reason);
  if (!result.numbers_are_unique) return fail(kExitWrong, "two increments had the same result");
  if (grown < result.acknowledged) return fail(kExitWrong, "acknowledged increments are missing");
  if (grown > result.acknowledged + result.unknown) {
    return fail(kExitWrong, "increments were done more than once");
  }
  if (given["to-the-end"].as<bool>() && result.issued != grown) {
    return fail(kExitWrong, "not every increment was done, although clients retried to the end");
  }
  return result.acknowledged > 0 ? 0 : fail(kExitFailure, "nothing was acknowledged");
}

int run_sum(const once::CountersOptions& options) {
  const Result<std::int64_t> sum = once::sum_of_counters(options);
  if (!sum.ok()) return fail(kExitFailure, sum.status().to_string());
  fmt::print("{}\n", sum.value());
  return 0;
}

int transfer(const once::BankOptions& options) {
  const Result<once::BankResult> run = once::run_bank(options);
  if (!run.ok()) return fail(kExitFailure, run.status().to_string());
  const once::BankResult& result = run.value();
  fmt::print("transfers {} compare failed {} unknown {} nothing happened {}\n", result.transfers,
             result.refused, result.unknown, result.failed);
  bool is_right = true;
  for (const once::Audit& audit : result.audits) {
    fmt::print("{}: {} sums, {} wrong, {} backwards {}\n", audit.name, audit.sums, audit.wrong,
               audit.backwards, audit.first_wrong);
    if (audit.sums == 0) return fail(kExitFailure, audit.name + ": nothing was added up");
    is_right = is_right && audit.wrong == 0 && audit.backwards == 0;
  }
  if (result.transfers == 0) return fail(kExitFailure, "nothing was transferred");
  return is_right ? 0 : kExitWrong;
}

int run(int argc, char** argv) {
  po::options_description described("Options");
  auto add = described.add_options();
  add("servers", po::value<std::string>()->default_value("127.0.0.1"));
  add("command", po::value<std::string>()->default_value(""));
  add("clients", po::value<std::size_t>()->default_value(64));
  add("counters", po::value<std::size_t>()->default_value(4));
  add("seconds", po::value<double>()->default_value(5));
  add("timeout", po::value<double>()->default_value(2), "seconds, of one operation");
  add("udp", po::bool_switch());
  add("to-the-end", po::bool_switch());
  add("lose-reply-every", po::value<std::uint32_t>()->default_value(0));
  add("duplicate-every", po::value<std::uint32_t>()->default_value(0), "UDP only");
  add("delay-every", po::value<std::uint32_t>()->default_value(0), "UDP only");
  add("total-order", po::value<bool>()->default_value(true), "bank: the cluster has paxos");
  add("help", po::bool_switch());
  po::positional_options_description positional;
  positional.add("command", 1);
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(described).positional(positional).run(),
            given);
  if (given["help"].as<bool>()) {
    std::cout << kUsage << '\n' << described;
    return 0;
  }
  const Result<std::vector<client::Server>> servers =
      client::parse_servers(given["servers"].as<std::string>());
  if (!servers.ok()) return fail(kExitUsage, servers.status().reason());
  const auto command = given["command"].as<std::string>();
  if (command == "bank") {
    once::BankOptions options;
    options.servers = servers.value();
    options.run_time = seconds_of(given, "seconds");
    options.timeout = seconds_of(given, "timeout");
    options.has_total_order = given["total-order"].as<bool>();
    return transfer(options);
  }
  once::CountersOptions options;
  options.servers = servers.value();
  options.transport = given["udp"].as<bool>() ? rpc::Transport::kUdp : rpc::Transport::kTcp;
  options.clients = given["clients"].as<std::size_t>();
  options.counters = given["counters"].as<std::size_t>();
  options.run_time = seconds_of(given, "seconds");
  options.timeout = seconds_of(given, "timeout");
  if (command == "counters") return count(options, given);
  if (command == "sum") return run_sum(options);
  return fail(kExitUsage, "counters, sum or bank; see --help");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    return fail(kExitUsage, error.what());
  }
}
