#include "rkv/read_commands.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "base/bytes.h"
#include "client/client.h"
#include "client/listing.h"
#include "rkv/entry_output.h"
#include "rkv/json.h"
#include "rkv/output.h"
#include "rkv/selection.h"

namespace rkv::cli {
namespace {

ExitStatus get_one(const Options& options, client::Client& client, bool in_shell) {
  const std::string& key = options.arguments[0];
  client::CallOptions call = options.call();
  call.wants_revisions = options.format == OutputFormat::kJson;
  const client::ReadOutcome outcome = client.get(key, call);
  if (!outcome.status.ok()) return report("get", outcome.status);
  if (options.format != OutputFormat::kJson) {
    show_value(outcome.value, in_shell);
    return kExitOk;
  }
  Json object;
  add_bytes(object, "key", key);
  object.update(entry_json({outcome.value, outcome.key_version, outcome.revisions}));
  object["position"] = outcome.position;
  object["server"] = outcome.server;
  write_output(to_text(object));
  return kExitOk;
}

ExitStatus get_several(const Options& options, client::Client& client) {
  const client::ReadManyOutcome outcome = client.get_many(options.arguments, options.call());
  if (!outcome.status.ok()) return report("get", outcome.status);
  EntryPrinter printer(options.format, false);
  Json missing = Json::array();
  for (std::size_t i = 0; i < options.arguments.size(); ++i) {
    const std::optional<client::Entry>& entry = outcome.entries[i];
    if (entry) {
      printer.add(options.arguments[i], *entry);
    } else {
      Json key;
      add_bytes(key, "key", options.arguments[i]);
      missing.push_back(std::move(key));
      write_error(fmt::format("get: not found: {}", printable(options.arguments[i], 300)));
    }
  }
  const ExitStatus status = missing.empty() ? kExitOk : kExitNotFound;
  printer.finish({{"missing", std::move(missing)},
                  {"at_once", outcome.at_once},
                  {"position", outcome.position},
                  {"server", outcome.server}});
  return status;
}

ExitStatus count_keys(const Options& options, const client::Range& range, client::Client& client) {
  const client::CountOutcome outcome = client::count_range(client, range, options.call());
  if (!outcome.status.ok()) return report("get", outcome.status);
  if (options.format == OutputFormat::kJson) {
    write_output(to_text(Json{{"count", outcome.count}, {"revision", outcome.position}}));
  } else {
    write_output(fmt::format("{}\n", outcome.count));
  }
  return kExitOk;
}

ExitStatus get_range(const Options& options, const client::Range& range, client::Client& client) {
  client::ListingOptions listing_options;
  listing_options.keys_only = options.keys_only;
  listing_options.reverse = options.reverse;
  listing_options.limit = options.limit.value_or(0);
  listing_options.call = options.call();
  client::Listing listing(client, range, listing_options);
  EntryPrinter printer(options.format, options.keys_only);
  while (listing.next()) {
    printer.add(listing.entry().key, listing.entry().entry);
    // Who cannot take any more gets no more.
    if (listing.count() % EntryPrinter::kTableRowsMax == 0 && !flush_output()) return kExitError;
  }
  const Status& status = listing.status();
  if (!status.ok() && listing.count() == 0) return report("get", status);
  printer.finish(
      {{"count", listing.count()}, {"revision", listing.revision()}, {"complete", status.ok()}});
  if (status.ok()) return kExitOk;
  const ExitStatus exit_status = report("get", status);
  write_error(
      fmt::format("get: that is not all: the {} keys before it were printed", listing.count()));
  return exit_status;
}

// Whether what is asked for makes sense: keys, or a range with its options.
Status check_get(const Options& options, bool has_range) {
  const bool has_range_options =
      options.limit || options.keys_only || options.count_only || options.reverse;
  if (has_range && !options.arguments.empty()) {
    return Status::invalid("a KEY goes with neither --prefix, --from nor --to");
  }
  if (!has_range && options.arguments.empty()) {
    return Status::invalid("a KEY is missing, or --prefix, --from or --to");
  }
  if (!has_range && has_range_options) {
    return Status::invalid(
        "--limit, --keys-only, --count-only and --reverse go with --prefix, --from or --to");
  }
  if (options.count_only && (options.limit || options.keys_only || options.reverse)) {
    return Status::invalid("--count-only goes with neither --limit, --keys-only nor --reverse");
  }
  return Status();
}

}  // namespace

ExitStatus run_get(const Options& options, Session& session) {
  const Result<std::optional<client::Range>> range = range_of(options);
  if (!range.ok()) return report("get", range.status());
  if (const Status status = check_get(options, range.value().has_value()); !status.ok()) {
    return report("get", status);
  }
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("get", client.status());
  if (range.value()) {
    return options.count_only ? count_keys(options, *range.value(), *client.value())
                              : get_range(options, *range.value(), *client.value());
  }
  return options.arguments.size() == 1 ? get_one(options, *client.value(), session.in_shell())
                                       : get_several(options, *client.value());
}

}  // namespace rkv::cli
