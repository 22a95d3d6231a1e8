#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "client/results.h"
#include "client/transaction.h"
#include "rkv/json.h"
#include "rkv/options.h"

namespace rkv::cli {

// value, version, created and modified of an entry.
Json entry_json(const client::Entry& entry);

// A value as `get` prints it: byte for byte to a file or a pipe, in a shell with a newline behind
// it; on a terminal readable, with a line on standard error where that is not the value itself.
void show_value(const std::string& value, bool in_shell);

// Prints entries as they come, in flat memory: a line for each, a drawn table for every
// kTableRowsMax of them, or a JSON object with all of them in a list.
class EntryPrinter {
 public:
  static constexpr std::size_t kTableRowsMax = 1000;

  // `keys_only`: the entries have no values.
  EntryPrinter(OutputFormat format, bool keys_only) : format_(format), keys_only_(keys_only) {}

  void add(std::string_view key, const client::Entry& entry);
  // The rest. `fields` come behind the list of a JSON object.
  void finish(const Json& fields);

 private:
  void draw_rows();

  const OutputFormat format_;
  const bool keys_only_;
  std::uint64_t count_ = 0;
  std::vector<std::vector<std::string>> rows_;  // of a table, its head too
};

}  // namespace rkv::cli
