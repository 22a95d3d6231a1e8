#include "rkv/write_commands.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <utility>

#include "base/bytes.h"
#include "client/client.h"
#include "rkv/entry_output.h"
#include "rkv/json.h"
#include "rkv/output.h"
#include "rkv/selection.h"
#include "rkv/value_argument.h"

namespace rkv::cli {
namespace {

client::WriteConditions conditions_of(const Options& options) {
  return {options.if_absent, options.if_version, options.if_value, options.prev};
}

Json write_json(const std::string& key, const client::WriteOutcome& outcome) {
  Json object;
  add_bytes(object, "key", key);
  object["version"] = outcome.key_version;
  return object;
}

// What every write has at its end.
void write_json_end(Json object, const client::Outcome& outcome) {
  object["position"] = outcome.position;
  object["server"] = outcome.server;
  write_output(to_text(object));
}

Json previous_json(const std::optional<client::Entry>& previous) {
  return previous ? entry_json(*previous) : Json();
}

std::string previous_line(const std::optional<client::Entry>& previous) {
  if (!previous) return "previous: none\n";
  return fmt::format("previous: version {}, {}\n", previous->version, on_one_line(previous->value));
}

// Which condition does not hold, and what is there.
std::string why_not_done(const Options& options, const std::optional<client::Entry>& there) {
  if (!there) return "there is no such key";
  if (options.if_absent) return fmt::format("the key exists, version {}", there->version);
  if (options.if_version && *options.if_version != there->version) {
    return *options.if_version == 0
               ? fmt::format("the key exists, version {}", there->version)
               : fmt::format("the version is {}, not {}", there->version, *options.if_version);
  }
  return fmt::format("the value is another one, version {}", there->version);
}

// A put or del whose condition does not hold.
ExitStatus report_not_done(const Options& options, const client::WriteOutcome& outcome) {
  if (options.format == OutputFormat::kJson) {
    Json object;
    add_bytes(object, "key", options.arguments[0]);
    object["done"] = false;
    object["version"] = outcome.previous ? outcome.previous->version : 0;
    if (options.prev) object["previous"] = previous_json(outcome.previous);
    write_json_end(std::move(object), outcome);
  } else if (options.prev) {
    write_output(previous_line(outcome.previous));
  }
  write_error(
      fmt::format("{}: not done: {}", options.command, why_not_done(options, outcome.previous)));
  return kExitNotFound;
}

// The end of a put or del that was done, or of which a condition does not hold.
ExitStatus show_outcome(const Options& options, const client::WriteOutcome& outcome,
                        const std::string& line) {
  if (!outcome.status.ok()) return report_write(options.command, outcome.status);
  if (!outcome.condition_held) return report_not_done(options, outcome);
  if (options.format == OutputFormat::kJson) {
    Json object = write_json(options.arguments[0], outcome);
    if (options.prev) object["previous"] = previous_json(outcome.previous);
    write_json_end(std::move(object), outcome);
    return kExitOk;
  }
  write_output(line);
  if (options.prev) write_output(previous_line(outcome.previous));
  return kExitOk;
}

ExitStatus remove_range(const Options& options, const client::Range& range,
                        client::Client& client) {
  const client::RemoveRangeOutcome outcome = client.delete_range(range, options.call());
  if (!outcome.status.ok()) return report_write("del", outcome.status);
  if (options.format != OutputFormat::kJson) {
    write_output(fmt::format("ok, {} keys removed\n", outcome.removed));
    return kExitOk;
  }
  Json object;
  add_range(object, options);
  object["removed"] = outcome.removed;
  object["at_once"] = outcome.at_once;
  write_json_end(std::move(object), outcome);
  return kExitOk;
}

// Whether what del is asked for makes sense: one key, with conditions, or a range.
Status check_del(const Options& options, bool has_range) {
  if (has_range && !options.arguments.empty()) {
    return Status::invalid("a KEY goes with neither --prefix, --from nor --to");
  }
  if (!has_range && options.arguments.empty()) {
    return Status::invalid("a KEY is missing, or --prefix, --from or --to");
  }
  if (has_range && (options.if_version || options.if_value || options.prev)) {
    return Status::invalid("conditions and --prev are for one KEY, not for a range");
  }
  // Mostly a variable of a script that is not set.
  if (options.prefix && options.prefix->empty()) {
    return Status::invalid("--prefix is empty, which is every key; --from '' if that is meant");
  }
  return Status();
}

}  // namespace

ExitStatus run_put(const Options& options, Session& session) {
  if (options.if_absent && (options.if_version || options.if_value)) {
    return report_not_tried("put", Status::invalid("--if-absent goes with no other condition"));
  }
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report_not_tried("put", client.status());
  const Result<std::string> value = value_of(options);
  if (!value.ok()) return report_not_tried("put", value.status());
  const client::WriteOutcome outcome = client.value()->put(options.arguments[0], value.value(),
                                                           conditions_of(options), options.call());
  return show_outcome(options, outcome, fmt::format("ok version {}\n", outcome.key_version));
}

ExitStatus run_del(const Options& options, Session& session) {
  const Result<std::optional<client::Range>> range = range_of(options);
  if (!range.ok()) return report_not_tried("del", range.status());
  if (const Status status = check_del(options, range.value().has_value()); !status.ok()) {
    return report_not_tried("del", status);
  }
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report_not_tried("del", client.status());
  if (range.value()) return remove_range(options, *range.value(), *client.value());
  return show_outcome(
      options, client.value()->del(options.arguments[0], conditions_of(options), options.call()),
      "ok\n");
}

ExitStatus run_incr(const Options& options, Session& session) {
  std::int64_t amount = 1;
  if (options.arguments.size() > 1) {
    const std::string& text = options.arguments[1];
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, amount);
    if (error != std::errc() || rest != end) {
      return report_not_tried("incr", Status::invalid(fmt::format(
                                          "{} is not a whole number in 64 bits", printable(text))));
    }
  }
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report_not_tried("incr", client.status());
  const client::WriteOutcome outcome =
      client.value()->incr(options.arguments[0], amount, options.call());
  if (!outcome.status.ok()) return report_write("incr", outcome.status);
  if (options.format != OutputFormat::kJson) {
    write_output(fmt::format("{}\n", outcome.number));
    return kExitOk;
  }
  Json object = write_json(options.arguments[0], outcome);
  object["number"] = outcome.number;
  write_json_end(std::move(object), outcome);
  return kExitOk;
}

ExitStatus run_append(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report_not_tried("append", client.status());
  const Result<std::string> value = value_of(options);
  if (!value.ok()) return report_not_tried("append", value.status());
  const client::WriteOutcome outcome =
      client.value()->append(options.arguments[0], value.value(), options.call());
  if (!outcome.status.ok()) return report_write("append", outcome.status);
  if (options.format != OutputFormat::kJson) {
    write_output(fmt::format("ok version {}, {} bytes\n", outcome.key_version, outcome.size));
    return kExitOk;
  }
  Json object = write_json(options.arguments[0], outcome);
  object["size"] = outcome.size;
  write_json_end(std::move(object), outcome);
  return kExitOk;
}

}  // namespace rkv::cli
