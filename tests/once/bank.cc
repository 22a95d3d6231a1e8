#include "once/bank.h"

#include <fmt/format.h>

#include <charconv>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "client/client.h"
#include "client/client_id.h"
#include "client/listing.h"
#include "rpc/event_loop.h"

namespace rkv::once {
namespace {

constexpr std::string_view kPrefix = "account/";

std::string key_of(std::size_t account) { return fmt::format("{}{:04}", kPrefix, account); }

std::int64_t number_of(const std::string& text) {
  std::int64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  RKV_CHECK(error == std::errc() && rest == text.data() + text.size(), "a balance is a number");
  return number;
}

// Values that were read together.
struct Balances {
  Status status;
  std::vector<std::int64_t> amounts;
  Position position = 0;
};

// A way to read all accounts.
struct Way {
  std::string name;
  client::Consistency consistency = client::Consistency::kLinearizable;
  bool lists = false;  // page by page, else all keys at once
};

class Bank {
 public:
  explicit Bank(const BankOptions& options) : options_(options) {}

  Status open() {
    client::Client client(options_.servers, client_options());
    client::Transaction transaction;
    for (std::size_t account = 0; account < options_.accounts; ++account) {
      transaction.then.push_back(
          client::Step::put(key_of(account), std::to_string(options_.balance)));
    }
    return client.transact(transaction).status;
  }

  BankResult run() {
    end_ = rpc::EventLoop::read_clock() + options_.run_time;
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < options_.tellers; ++i) {
      threads.emplace_back([this, i] { transfer(i); });
    }
    std::vector<Way> ways = {{"linearizable", client::Consistency::kLinearizable, false},
                             {"eventual", client::Consistency::kEventual, false}};
    if (options_.has_total_order) {
      ways.push_back({"sequential", client::Consistency::kSequential, false});
      ways.push_back({"listing", client::Consistency::kLinearizable, true});
    }
    for (const Way& way : ways) result_.audits.push_back({way.name, 0, 0, 0, {}});
    for (std::size_t i = 0; i < ways.size() * options_.auditors; ++i) {
      const std::size_t index = i % ways.size();
      threads.emplace_back([this, index, way = ways[index]] { audit(index, way); });
    }
    for (std::thread& thread : threads) thread.join();
    return std::move(result_);
  }

 private:
  client::ClientOptions client_options() const {
    client::ClientOptions result;
    result.timeout = options_.timeout;
    return result;
  }

  bool is_over() const { return rpc::EventLoop::read_clock() >= end_; }

  // Each transfer is one transaction, which does nothing when there is too little to take: it
  // compares with the balance that was read before.
  void transfer(std::size_t number) {
    client::Client client(options_.servers, client_options());
    Random random(client::draw_client_id() + number);
    while (!is_over()) {
      const std::size_t from = random.below(options_.accounts);
      const std::size_t to = (from + 1 + random.below(options_.accounts - 1)) % options_.accounts;
      const client::ReadOutcome balance = client.get(key_of(from));
      if (!balance.status.ok()) continue;
      const auto amount = static_cast<std::int64_t>(1 + random.below(20));
      if (number_of(balance.value) < amount) continue;
      client::Transaction transaction;
      transaction.compares = {client::Compare::version(key_of(from), balance.key_version)};
      transaction.then = {client::Step::incr(key_of(from), -amount),
                          client::Step::incr(key_of(to), amount)};
      count(client.transact(transaction));
    }
  }

  void count(const client::TransactOutcome& outcome) {
    const std::lock_guard lock(mutex_);
    if (outcome.status.ok()) {
      ++(outcome.succeeded ? result_.transfers : result_.refused);
    } else {
      ++(outcome.certainty() == Certainty::kUnknown ? result_.unknown : result_.failed);
    }
  }

  void audit(std::size_t index, const Way& way) {
    client::Client client(options_.servers, client_options());
    client::CallOptions call;
    call.consistency = way.consistency;
    Position seen = 0;
    while (!is_over()) {
      const Balances balances = way.lists ? list(client, call) : read(client, call);
      if (!balances.status.ok()) continue;
      std::int64_t sum = 0;
      for (const std::int64_t amount : balances.amounts) sum += amount;
      const bool is_right = sum == options_.balance * static_cast<std::int64_t>(options_.accounts);
      const std::lock_guard lock(mutex_);
      Audit& audit = result_.audits[index];
      ++audit.sums;
      if (!is_right && audit.wrong++ == 0) {
        audit.first_wrong =
            fmt::format("{} in {} accounts at {}", sum, balances.amounts.size(), balances.position);
      }
      if (way.consistency == client::Consistency::kSequential && balances.position < seen) {
        ++audit.backwards;
      }
      seen = balances.position;
    }
  }

  Balances read(client::Client& client, const client::CallOptions& call) const {
    std::vector<std::string> keys;
    for (std::size_t account = 0; account < options_.accounts; ++account) {
      keys.push_back(key_of(account));
    }
    const client::ReadManyOutcome outcome = client.get_many(keys, call);
    Balances balances{outcome.status, {}, outcome.position};
    for (const std::optional<client::Entry>& entry : outcome.entries) {
      balances.amounts.push_back(entry ? number_of(entry->value) : 0);
    }
    return balances;
  }

  // Page by page, so that transfers come between two pages.
  Balances list(client::Client& client, const client::CallOptions& call) const {
    client::ListingOptions options;
    options.page_entries = 2;
    options.call = call;
    Balances balances;
    client::Listing listing(client, client::Range::of_prefix(kPrefix), options);
    while (listing.next()) balances.amounts.push_back(number_of(listing.entry().entry.value));
    balances.status = listing.status();
    balances.position = listing.revision();
    return balances;
  }

  const BankOptions options_;
  TimePoint end_;
  std::mutex mutex_;
  BankResult result_;
};

}  // namespace

Result<BankResult> run_bank(const BankOptions& options) {
  Bank bank(options);
  const Status opened = bank.open();
  if (!opened.ok()) return opened;
  return bank.run();
}

}  // namespace rkv::once
