#include "rkv/txn_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "client/client.h"
#include "rkv/files.h"
#include "rkv/line_editor.h"
#include "rkv/line_source.h"
#include "rkv/output.h"
#include "rkv/txn_output.h"
#include "rkv/txn_parser.h"

namespace rkv::cli {
namespace {

constexpr const char* kPrompt = "txn> ";

// What `txn` has read; nothing where a person has dropped it.
using Read = Result<std::optional<client::Transaction>>;

// Reads up to the line `end`. `needs_end`: more lines follow that are not the transaction's, so
// that they must not be taken for it, nor what is left of a wrong one for commands.
Read read_transaction(LineSource& lines, const std::string& source, bool needs_end) {
  TxnParser parser(source);
  Status first_failure;
  while (!parser.ended() || !needs_end) {
    const Result<std::optional<std::string>> line = lines.next(kPrompt);
    if (!line.ok()) {
      if (line.status().code() != StatusCode::kOverLimit || !needs_end) return line.status();
      if (first_failure.ok()) first_failure = line.status();
      continue;
    }
    if (!line.value()) {
      if (lines.is_interactive()) return std::optional<client::Transaction>();
      if (needs_end) return Status::invalid("the input ends before 'end'");
      break;
    }
    const Status status = parser.take(*line.value());
    if (status.ok()) {
      if (parser.ended() && lines.is_interactive()) break;
    } else if (lines.is_interactive()) {
      write_error(fmt::format("txn: {}; the line is dropped", status.reason()));
    } else if (first_failure.ok()) {
      first_failure = status;
    }
    if (!first_failure.ok() && !needs_end) return first_failure;
  }
  if (!first_failure.ok()) return first_failure;
  return std::optional(parser.transaction());
}

Read read_from_file(const std::string& path) {
  Result<std::unique_ptr<InputFile>> file = InputFile::open(path);
  if (!file.ok()) return file.status();
  FileLines lines(std::move(file).value());
  return read_transaction(lines, printable(path, 300), false);
}

Read read_from_input() {
  FileLines lines(InputFile::standard_input());
  return read_transaction(lines, "standard input", false);
}

Read read_from_terminal() {
  LineEditor editor(kPrompt, {});
  if (!editor.ok()) return read_from_input();
  write_error("txn: 'end' sends the transaction, ^D drops it");
  TypedLines lines(editor);
  return read_transaction(lines, "line", true);
}

Read read_asked_for(const Options& options, Session& session) {
  if (options.arguments.empty()) {
    if (session.lines() != nullptr) return read_transaction(*session.lines(), "line", true);
    return isatty(STDIN_FILENO) == 1 ? read_from_terminal() : read_from_input();
  }
  const std::string& name = options.arguments[0];
  if (name == "-" && !options.literal_value) return read_from_input();
  return read_from_file(name);
}

bool is_given(const Options& options, OptionId id) {
  return std::any_of(options.given.begin(), options.given.end(),
                     [&](const GivenOption& each) { return each.id == id; });
}

}  // namespace

bool has_lines_of_its_own(const Options& options) {
  if (options.command != "txn") return false;
  // Standard input is what the lines come from.
  const bool is_input = options.arguments == std::vector<std::string>{"-"};
  return options.arguments.empty() || (is_input && !options.literal_value);
}

void drop_transaction(LineSource& lines) {
  while (true) {
    const Result<std::optional<std::string>> line = lines.next(kPrompt);
    if (!line.ok()) {
      if (line.status().code() == StatusCode::kOverLimit) continue;
      return;  // as the shell will find and say
    }
    if (!line.value()) {
      if (!lines.is_interactive()) write_error("txn: the input ends before 'end'");
      return;
    }
    if (TxnParser::is_end(*line.value())) return;
  }
}

ExitStatus run_txn(const Options& options, Session& session) {
  const Read read = read_asked_for(options, session);
  if (!read.ok()) return report_not_tried("txn", read.status());
  if (!read.value()) {
    write_error("txn: dropped; nothing happened");
    return kExitUsage;
  }
  const client::Transaction& transaction = *read.value();
  const bool reads = client::only_reads(transaction);
  if (!reads && is_given(options, OptionId::kConsistency)) {
    return report_not_tried("txn",
                            Status::invalid("--consistency is for a transaction that only reads"));
  }
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report_not_tried("txn", client.status());
  const client::TransactOutcome outcome = client.value()->transact(transaction, options.call());
  if (!outcome.status.ok()) {
    return reads ? report("txn", outcome.status) : report_write("txn", outcome.status);
  }
  write_output(txn_text(transaction, outcome, options.format));
  return outcome.succeeded ? kExitOk : kExitNotFound;
}

}  // namespace rkv::cli
