#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/ids.h"
#include "kv/command.h"
#include "kv/entry.h"
#include "kv/scan.h"

namespace rkv::kv {

// A key and what becomes of it: an entry, or nothing (removed).
struct Change {
  std::string key;
  std::optional<Entry> entry;
};

// Names a reply that is kept for retries: which write of which client it answers.
struct ReplyId {
  std::uint64_t client = 0;  // never 0
  std::uint64_t sequence = 0;
  auto operator<=>(const ReplyId&) const = default;
};

// What is kept of a write, so that its retry is answered and not applied again.
struct Reply {
  Applied applied;                      // never kExpired or kFull
  std::uint64_t first_outstanding = 0;  // of the client, as it was known behind this write
  bool operator==(const Reply&) const = default;
};

// A reply that is kept from now on, or one (nothing) that is dropped.
struct ReplyChange {
  ReplyId id;
  std::optional<Reply> reply;
};

// What changes of the session table at one position.
struct SessionChanges {
  std::vector<ReplyChange> replies;
  std::optional<std::uint64_t> epoch;  // that begins
};

// A hash over every key, version and value; kv.x (kv_state_hash) says how it is made.
struct StateHash {
  std::array<std::uint8_t, 16> hash{};
  Position position = 0;   // how many applied writes it stands for
  std::uint64_t keys = 0;  // how many keys it covers
};

// Holds the state: keys, entries, the session table's epoch and the replies kept for retries, and
// the position they stand for. An ordered set of changes goes in, is visible to reads at once, and
// durable later. Used from one thread, on which callbacks are run too; a callback may be run before
// the call returns or in a later turn, and callers must cope with both. Callbacks that have not run
// when the store is destroyed are dropped.
class Store {
 public:
  virtual ~Store() = default;

  // `entry` is null if there is no such key; it is valid during the callback only.
  using GetDone = std::function<void(const Entry* entry)>;
  // Reads a key as left by every apply() before this call, and by none after it.
  virtual void get(std::string_view key, GetDone done) = 0;

  // Reads a page of a range, as get() reads a key, or as pin() found it. Takes up to
  // Scan::entries_max steps of the order of a get().
  using ScanDone = std::function<void(ScanPage&& page)>;
  virtual void scan(const Scan& scan, ScanDone done) = 0;
  // Keeps what scans at applied(), which is returned, need from now on, until there are as many
  // calls of unpin() for that position, or there is no more room (kHistoryBytesMax): then all pins
  // are dropped, and scans there find ScanPage::gone. unpin() of what is dropped does nothing. Pins
  // are not durable.
  virtual Position pin() = 0;
  virtual void unpin(Position at) = 0;
  // The keys below (or, with `reverse`, from) this bound on will not be scanned any more at that
  // position: less needs to be kept for it. A scan of them there may find ScanPage::gone.
  virtual void pass(Position at, std::string_view bound, bool reverse) = 0;

  // Applies the changes of one position, which must be the last one plus 1, and takes over those of
  // the session table. All of them become durable together with the position, or none.
  virtual void apply(Position position, std::vector<Change> changes, SessionChanges sessions) = 0;

  // Visits the replies that are kept at applied(), in the order of their ids. For the start: it
  // reads all of them, and none is looked up here later (see SessionTable).
  using ReplyVisitor = FunctionRef<void(const ReplyId& id, const Reply& reply)>;
  virtual void visit_replies(ReplyVisitor visitor) const = 0;
  // The session table's epoch at applied(); 0 at first.
  virtual std::uint64_t epoch() const = 0;

  // Begins to make durable everything that was applied so far. What is applied and written while an
  // earlier write is under way is gathered into one. Does nothing when there is nothing new.
  void write() {
    seal();
    write_sealed();
  }
  // The same in two steps: says that everything applied so far is what is to be made durable next,
  // and begins to make that durable, and nothing that was applied between the two.
  virtual void seal() = 0;
  virtual void write_sealed() = 0;
  // Is told each time durable() has grown. One listener; set before the first write().
  using DurableListener = std::function<void(Position durable)>;
  virtual void set_durable_listener(DurableListener listener) = 0;

  // Hashes the state at one position between durable() at the call and applied() at the callback.
  // Takes as long as reading all of it. Many calls at once share the work.
  using HashDone = std::function<void(const StateHash& hash)>;
  virtual void hash(HashDone done) = 0;

  // The last position applied, and the last one that would survive a crash now.
  virtual Position applied() const = 0;
  virtual Position durable() const = 0;
  // How many keys there are.
  virtual std::uint64_t keys() const = 0;
};

}  // namespace rkv::kv
