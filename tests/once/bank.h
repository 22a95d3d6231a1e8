#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/time.h"
#include "client/options.h"
#include "client/server.h"

namespace rkv::once {

struct BankOptions {
  std::vector<client::Server> servers;
  std::size_t accounts = 8;
  std::size_t tellers = 8;     // clients that transfer
  std::size_t auditors = 3;    // clients that add up, for each way to read
  std::int64_t balance = 100;  // of each account at first
  Duration run_time = seconds(5);
  Duration timeout = seconds(5);
  bool has_total_order = true;  // replication paxos: sequential reads and listings too
};

// One way to read all accounts.
struct Audit {
  std::string name;
  std::uint64_t sums = 0;       // that were read
  std::uint64_t wrong = 0;      // of those, that were not what all accounts held at first
  std::uint64_t backwards = 0;  // sequential: at an earlier slot than the one before
  std::string first_wrong;      // what was read then
};

struct BankResult {
  std::uint64_t transfers = 0;  // acknowledged
  std::uint64_t refused = 0;    // for want of money: the compare did not hold
  std::uint64_t unknown = 0;
  std::uint64_t failed = 0;  // nothing happened
  std::vector<Audit> audits;
};

// Opens the accounts, and has money transferred between any two of them while others add up what
// there is, in every way that the protocol has. Blocks for the time of the run.
Result<BankResult> run_bank(const BankOptions& options);

}  // namespace rkv::once
