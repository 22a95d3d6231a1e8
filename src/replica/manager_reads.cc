// The part of the replica manager that reads: when the state may be read, and what is told of it.

#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "replica/manager.h"

namespace rkv::replica {

using Consistency = ReadOptions::Consistency;

bool Manager::has_total_order() const {
  return protocol_->keeps_log() && !protocol_->checks_operations();
}

// ---- What clients ask ----

void Manager::read(std::string key, const ReadOptions& options, ReadDone done) {
  ReadWaiting read;
  read.key = std::move(key);
  read.done = std::move(done);
  begin_read(options, std::move(read));
}

// Under a protocol that locks keys a look at several of them that must not miss what was
// acknowledged takes the locks of all.
void Manager::read(std::shared_ptr<const kv::Transaction> transaction, const ReadOptions& options,
                   TransactionDone done) {
  RKV_CHECK(kv::only_reads(*transaction), "a transaction that is read writes nothing");
  const bool must_see_all =
      options.consistency == Consistency::kLinearizable ||
      (options.consistency == Consistency::kEventual && options.max_staleness.ns > 0);
  if (must_see_all && protocol_->checks_operations()) {
    kv::Command command;
    command.kind = kv::Command::Kind::kTransaction;
    command.transaction = std::move(transaction);
    write(command, [done = std::move(done)](const WriteResult& result) mutable {
      done(result.status, result.applied);
    });
    return;
  }
  ReadWaiting read;
  read.proceed = [this, transaction = std::move(transaction),
                  done = std::move(done)](const Status& status) mutable {
    if (!status.ok()) {
      done(status, {});
      return;
    }
    auto shared = std::make_shared<TransactionDone>(std::move(done));
    state_machine_.read(std::move(transaction),
                        [shared](const kv::Applied& applied) { (*shared)(Status(), applied); });
  };
  begin_read(options, std::move(read));
}

void Manager::scan(kv::Scan scan, bool may_follow, const ReadOptions& options, ScanDone done,
                   ScanWanted is_wanted) {
  if (options.max_staleness.ns > 0 && protocol_->checks_operations()) {
    done(Status::invalid("how old a page of a range may be can be bounded under replication paxos "
                         "alone"),
         {});
    return;
  }
  ReadWaiting read;
  ReadOptions how = options;
  if (scan.at != 0) how = {Consistency::kEventual, 0, {}};  // what is pinned does not change
  Page page{std::move(scan), may_follow && has_total_order(), std::move(done),
            std::move(is_wanted)};
  read.proceed = [this, page = std::move(page)](const Status& status) mutable {
    if (!status.ok()) {
      page.done(status, {});
      return;
    }
    want_turn();
    pages_.push_back(std::move(page));
  };
  begin_read(how, std::move(read));
}

void Manager::begin_pages() {
  for (std::size_t begun = 0; begun < limits_.pages_at_once && may_begin_page();) {
    Page page = std::move(pages_.front());
    pages_.pop_front();
    if (page.is_wanted && !page.is_wanted()) {
      page.done(Status::unavailable("nobody waits for this page any more"), {});
      continue;
    }
    ++begun;
    read_page(std::move(page));
  }
}

void Manager::read_page(Page&& page) {
  ++pages_under_way_;
  const kv::Scan scan = std::move(page.scan);
  const bool pins = page.pins;
  if (listings_.is_alone(scan.at, scan.listing)) pass_before(scan);
  auto shared = std::make_shared<ScanDone>(std::move(page.done));
  state_machine_.scan(scan, pins, [this, scan, pins, shared](kv::ScanPage&& read) {
    if (pins) page_was_read(scan, read);
    Status status;
    if (read.gone) {
      status = {StatusCode::kRevisionGone,
                "the state of revision " + std::to_string(scan.at) +
                    " is not kept at this replica any more; list again from the beginning"};
    }
    // As in finish_read(): a key that is missing from the page may have been removed by any write.
    hold(log_ == nullptr ? read.position : 0,
         [this, shared, status = std::move(status), read = std::move(read)]() mutable {
           if (!pages_.empty()) want_turn();
           --pages_under_way_;
           (*shared)(status, std::move(read));
         });
  });
}

// Whoever asks for a page has those before it. Before the first one there is nothing; in reverse
// from the last key on that is one without an end, which as a bound would be below all keys.
void Manager::pass_before(const kv::Scan& scan) {
  if (scan.reverse && scan.end.empty()) return;
  store_.pass(scan.at, scan.reverse ? scan.end : scan.first, scan.reverse);
}

// A page that is gone says nothing of the listing: the store may have dropped what was pinned, or
// keep it still, but not this part of it, which was passed.
void Manager::page_was_read(const kv::Scan& scan, kv::ScanPage& page) {
  page.listing = scan.listing;
  if (page.gone) return;
  if (scan.at != 0) {
    listings_.went_on(scan.at, now_);
  } else if (page.more) {
    page.listing = listings_.began(page.position, now_);
  }
}

void Manager::last_page_told(const kv::Scan& scan) { listings_.ended(scan.at, scan.listing, now_); }

// ---- When it may be read ----

void Manager::begin_read(const ReadOptions& options, ReadWaiting&& read) {
  if (reads_waiting() >= limits_.reads_waiting_max) {
    proceed(std::move(read),
            Status(StatusCode::kBusy, "too many reads are waiting at this replica"));
    return;
  }
  ++counters_.reads;
  if (options.consistency == Consistency::kLinearizable) {
    ask_protocol(std::move(read));
    return;
  }
  want_turn();
  local_reads_.push_back({options, std::move(read)});
}

void Manager::ask_protocol(ReadWaiting&& read) {
  const protocol::ReadId id = next_id_++;
  read.turn = events_turn_;
  const auto waiting = reads_.emplace(id, std::move(read)).first;
  enqueue(protocol::Read{id, waiting->second.key});
}

void Manager::begin_local_reads(TimePoint now) {
  for (LocalRead& local : std::exchange(local_reads_, {})) {
    const ReadOptions& options = local.options;
    if (options.consistency == Consistency::kSequential && store_.applied() < options.seen) {
      behind_until_ = std::min(behind_until_, now + limits_.catch_up_max);
      behind_.emplace(options.seen, ReadBehind{now + limits_.catch_up_max, std::move(local.read)});
    } else if (options.consistency == Consistency::kEventual && options.max_staleness.ns > 0 &&
               (!has_total_order() || fresh_at_ + options.max_staleness < now)) {
      // The answer to who asked before is too old: this one asks, and the next ones need not. Where
      // there is no total order, that answer was about another key: one of this key may be in doubt
      // here for long.
      ask_protocol(std::move(local.read));
    } else {
      proceed(std::move(local.read), Status());
    }
  }
}

void Manager::release_behind(TimePoint now) {
  while (!behind_.empty() && behind_.begin()->first <= store_.applied()) {
    ReadWaiting read = std::move(behind_.begin()->second.read);
    behind_.erase(behind_.begin());
    proceed(std::move(read), Status());
  }
  if (behind_.empty()) behind_until_ = kNever;
  if (now < behind_until_) return;
  behind_until_ = kNever;
  for (auto it = behind_.begin(); it != behind_.end();) {
    if (it->second.until > now) {
      behind_until_ = std::min(behind_until_, it->second.until);
      ++it;
      continue;
    }
    const Status behind = Status::unavailable(
        "this replica has applied writes up to slot " + std::to_string(store_.applied()) +
        ", and the read has to see slot " + std::to_string(it->first) + "; try another one");
    ReadWaiting read = std::move(it->second.read);
    it = behind_.erase(it);
    proceed(std::move(read), behind);
  }
}

Manager::ReadWaiting Manager::take_read(protocol::ReadId id) {
  const auto found = reads_.find(id);
  RKV_CHECK(found != reads_.end(), "a read ends once");
  ReadWaiting read = std::move(found->second);
  reads_.erase(found);
  return read;
}

// What was acknowledged before the protocol was asked is in the state that it allows to read.
void Manager::carry_out(const protocol::AllowRead& allow) {
  ReadWaiting read = take_read(allow.read);
  const auto& [number, when] = turns_[read.turn % kTurnsRemembered];
  if (number == read.turn) fresh_at_ = std::max(fresh_at_, when);
  proceed(std::move(read), Status());
}

void Manager::carry_out(const protocol::RefuseRead& refuse) {
  proceed(take_read(refuse.read), refuse.status);
}

// ---- What is told ----

void Manager::proceed(ReadWaiting&& read, const Status& status) {
  if (read.proceed) {
    read.proceed(status);
  } else if (!status.ok()) {
    read.done(status, nullptr, 0);
  } else {
    // The store may answer later and copies what it is given; the done of a read is one of a kind.
    auto done = std::make_shared<ReadDone>(std::move(read.done));
    state_machine_.read(
        read.key, [this, done](const kv::Entry* entry) { finish_read(std::move(*done), entry); });
  }
}

// Tells nobody what a crash could still undo. With a log nothing is applied that is not durable.
// Without one, an entry waits until its write is; of a key that is not there it is not known which
// write removed it, so that waits for all that is applied.
void Manager::finish_read(ReadDone done, const kv::Entry* entry) {
  const Position read_at = store_.applied();
  const Position needed = entry != nullptr ? entry->position : read_at;
  if (log_ != nullptr || needed <= store_.durable()) {
    done(Status(), entry, read_at);
    return;
  }
  std::optional<kv::Entry> copy;
  if (entry != nullptr) copy = *entry;
  hold(needed, [done = std::move(done), copy = std::move(copy), read_at]() mutable {
    done(Status(), copy ? &*copy : nullptr, read_at);
  });
}

}  // namespace rkv::replica
