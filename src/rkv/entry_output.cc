#include "rkv/entry_output.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

// What of a value that is not text is shown on a terminal, in characters.
constexpr std::size_t kShownMax = 4096;

void add_entry(Json& object, const client::Entry& entry, bool keys_only) {
  if (!keys_only) add_bytes(object, "value", entry.value);
  object["version"] = entry.version;
  object["created"] = entry.revisions.created;
  object["modified"] = entry.revisions.modified;
}

}  // namespace

Json entry_json(const client::Entry& entry) {
  Json object;
  add_entry(object, entry, false);
  return object;
}

void show_value(const std::string& value, bool in_shell) {
  if (!output_is_terminal()) {
    write_output(value);
    // One, always: who reads the answers of a shell can take it off again.
    if (in_shell) write_output("\n");
  } else if (is_text(value)) {
    write_output(value);
    if (!value.ends_with('\n')) write_output("\n");
  } else {
    write_output(printable(value, kShownMax) + "\n");
    write_error(
        fmt::format("get: {} bytes that are not text, shown with \\x escapes; send them to "
                    "a file or a pipe to have them as they are",
                    value.size()));
  }
}

void EntryPrinter::add(std::string_view key, const client::Entry& entry) {
  ++count_;
  if (format_ == OutputFormat::kSimple) {
    write_output(on_one_line(key));
    if (!keys_only_) write_output("\t" + on_one_line(entry.value));
    write_output("\n");
    return;
  }
  if (format_ == OutputFormat::kJson) {
    Json object;
    add_bytes(object, "key", key);
    add_entry(object, entry, keys_only_);
    write_output(count_ == 1 ? "{\n  \"entries\": [\n    " : ",\n    ");
    write_output(to_line(object));
    return;
  }
  if (rows_.empty()) {
    rows_.push_back({"key", "version", "modified"});
    if (!keys_only_) rows_.back().emplace_back("value");
  }
  rows_.push_back(
      {on_one_line(key), std::to_string(entry.version), std::to_string(entry.revisions.modified)});
  if (!keys_only_) rows_.back().push_back(on_one_line(entry.value));
  if (rows_.size() > kTableRowsMax) draw_rows();
}

void EntryPrinter::finish(const Json& fields) {
  if (format_ == OutputFormat::kTable) draw_rows();
  if (format_ != OutputFormat::kJson) return;
  write_output(count_ == 0 ? "{\n  \"entries\": []" : "\n  ]");
  for (const auto& [name, value] : fields.items()) {
    write_output(fmt::format(",\n  \"{}\": {}", name, to_line(value)));
  }
  write_output("\n}\n");
}

void EntryPrinter::draw_rows() {
  if (!rows_.empty()) write_output(draw_table(rows_));
  rows_.clear();
}

}  // namespace rkv::cli
