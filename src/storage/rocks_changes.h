#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "kv/store.h"

namespace rkv::storage {

// Changes on their way to the database, with the position they lead to. Adding one costs a copy of
// its bytes to the end of a buffer, and nothing is looked up: that is done by the thread that
// writes them, in last_changes().
class RocksChanges {
 public:
  // Copies the entries' changes of a position, which must be above those added before.
  void add(Position position, const std::vector<kv::Change>& changes);
  // Copies a reply's change, which belongs to the position added last. `is_new`: a reply is kept
  // for which there was none just before.
  void add(const kv::ReplyChange& change, bool is_new);
  // An epoch of the session table that begins with the position added last.
  void add_epoch(std::uint64_t epoch) { epoch_ = epoch; }
  // Adds all changes of another one, which must come behind these.
  void append(RocksChanges&& later);

  // Of the last changes added.
  Position position() const { return position_; }
  bool empty() const { return position_ == 0; }

  // A key and what becomes of it. Views into the changes they come from.
  struct LastChange {
    std::string_view key;
    bool removed = false;
    std::uint64_t version = 0;  // the rest: unless removed
    Position position = 0;
    Position created = 0;
    std::string_view value;
  };
  // What is left to be written when of each key and each reply only the last change counts; in the
  // order of the keys and ids. A reply that came and went within these changes is left out.
  struct LastChanges {
    std::vector<LastChange> entries;
    std::vector<kv::ReplyChange> replies;
    std::optional<std::uint64_t> epoch;  // the last one that began
  };
  LastChanges last_changes() const;

 private:
  std::string& buffer_for(std::size_t size);

  // Changes as they were added, one after another; none is in two of the buffers.
  std::vector<std::string> buffers_;
  Position position_ = 0;
  std::optional<std::uint64_t> epoch_;
};

}  // namespace rkv::storage
