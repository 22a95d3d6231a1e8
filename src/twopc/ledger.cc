#include "twopc/ledger.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace rkv::twopc {
namespace {

// What nobody waits for is written after this time at the latest: a restart has less to ask then.
constexpr Duration kLazyDelay = seconds(1);

}  // namespace

void Ledger::recover(const Standing& standing, Position applied) {
  last_number_ = standing.last;
  last_position_ = applied;
  applied_ = applied;
  pins_.clear();
  pins_base_ = last_number_ + 1;
  cut_written_ = standing.cut;
  cut_allowed_ = standing.cut;
}

bool Ledger::replay(Position position, std::uint64_t prepared, std::uint64_t number) {
  if (position <= last_position_) return false;
  RKV_CHECK(position == last_position_ + 1, "the log has every commit that the state lacks");
  last_position_ = position;
  applied_ = position;
  if (prepared != 0) pin(prepared);
  pin(number);
  unsaved_.push_back({position, prepared, number});
  return true;
}

std::uint64_t Ledger::encode(Record record) {
  record.number = ++last_number_;
  pins_.push_back(0);
  batch_.push_back(encode_record(record));
  return record.number;
}

std::uint64_t Ledger::append(Record::Type type, const TxnId& id, TransactionPtr transaction) {
  return encode({type, 0, id, 0, std::move(transaction)});
}

void Ledger::append_lazily(Record::Type type, const TxnId& id) {
  lazy_.push_back({type, 0, id, 0, nullptr});
}

std::uint64_t Ledger::append_commit(Record::Type type, TransactionPtr transaction,
                                    std::uint64_t prepared) {
  const bool is_own = type == Record::Type::kDecided;
  const Position position = ++last_position_;
  const std::uint64_t number =
      encode({type, 0, transaction->id, position, is_own ? transaction : nullptr});
  if (prepared != 0) pin(prepared);
  pin(number);
  unsaved_.push_back({position, prepared, number});
  waiting_.push_back({sync(), {type, number, position, std::move(transaction)}});
  return number;
}

std::vector<Ledger::Durable> Ledger::persisted(protocol::SyncPoint sync) {
  std::vector<Durable> durable;
  while (!waiting_.empty() && waiting_.front().sync <= sync) {
    durable.push_back(std::move(waiting_.front().commit));
    applied_ = durable.back().position;
    waiting_.pop_front();
  }
  while (!cuts_.empty() && cuts_.front().first <= sync) {
    cut_allowed_ = cuts_.front().second;
    cuts_.pop_front();
  }
  return durable;
}

void Ledger::saved(Position position) {
  while (!unsaved_.empty() && unsaved_.front().position <= position) {
    if (unsaved_.front().prepared != 0) unpin(unsaved_.front().prepared);
    unpin(unsaved_.front().committed);
    unsaved_.pop_front();
  }
}

// At the start the first record that is pinned may be any: the gaps below and above it are not.
void Ledger::pin(std::uint64_t number) {
  RKV_CHECK(number > 0 && number <= last_number_, "a record that was written is pinned");
  while (number < pins_base_) {
    pins_.push_front(0);
    --pins_base_;
  }
  ++pins_[number - pins_base_];
}

void Ledger::unpin(std::uint64_t number) {
  RKV_CHECK(number >= pins_base_ && pins_[number - pins_base_] > 0, "a record is unpinned once");
  --pins_[number - pins_base_];
}

void Ledger::flush(TimePoint now, std::uint64_t clock, protocol::Effects& effects) {
  if (!lazy_.empty() && lazy_due_ == kNever) lazy_due_ = now + kLazyDelay;
  if (!batch_.empty() || now >= lazy_due_) {
    for (Record& record : std::exchange(lazy_, {})) encode(std::move(record));
    lazy_due_ = kNever;
    while (!pins_.empty() && pins_.front() == 0) {
      pins_.pop_front();
      ++pins_base_;
    }
    ++syncs_;
    if (cut() > cut_written_) {
      cut_written_ = cut();
      cuts_.emplace_back(syncs_, cut_written_);
    }
    effects.emplace_back(protocol::Persist{
        {std::exchange(batch_, {}), encode_standing({cut_written_, last_number_, clock})}});
  }
  if (cut_allowed_ > cut_told_) {
    cut_told_ = cut_allowed_;
    effects.emplace_back(protocol::CutLog{cut_told_});
  }
}

}  // namespace rkv::twopc
