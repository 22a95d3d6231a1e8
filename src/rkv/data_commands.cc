#include "rkv/data_commands.h"

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/limits.h"
#include "client/client.h"
#include "rkv/files.h"
#include "rkv/json.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

// What of a value that is not text is shown on a terminal, in characters.
constexpr std::size_t kShownMax = 4096;

// The value that the last argument stands for: itself, standard input or a file.
Result<std::string> value_of(const Options& options) {
  const std::string& argument = options.arguments.back();
  if (options.literal_value) return argument;
  if (argument == "-") return read_all(*InputFile::standard_input(), kValueSizeMax);
  if (argument.starts_with('@')) return read_file(argument.substr(1), kValueSizeMax);
  return argument;
}

Json write_json(const std::string& key, const client::WriteOutcome& outcome) {
  Json object;
  add_bytes(object, "key", key);
  object["version"] = outcome.key_version;
  object["position"] = outcome.position;
  object["server"] = outcome.server;
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

}  // namespace

ExitStatus run_put(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("put", client.status());
  const std::string& key = options.arguments[0];
  const Result<std::string> value = value_of(options);
  if (!value.ok()) return report("put", value.status());
  const client::WriteOutcome outcome = client.value()->put(key, value.value());
  if (!outcome.status.ok()) return report("put", outcome.status);
  if (options.format == OutputFormat::kJson) {
    write_output(to_text(write_json(key, outcome)));
  } else {
    write_output(fmt::format("ok version {}\n", outcome.key_version));
  }
  return kExitOk;
}

ExitStatus run_get(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("get", client.status());
  const std::string& key = options.arguments[0];
  const client::ReadOutcome outcome = client.value()->get(key);
  if (!outcome.status.ok()) return report("get", outcome.status);
  if (options.format != OutputFormat::kJson) {
    show_value(outcome.value, session.in_shell());
    return kExitOk;
  }
  Json object;
  add_bytes(object, "key", key);
  add_bytes(object, "value", outcome.value);
  object["version"] = outcome.key_version;
  object["position"] = outcome.position;
  object["server"] = outcome.server;
  write_output(to_text(object));
  return kExitOk;
}

ExitStatus run_del(const Options& options, Session& session) {
  const Result<client::Client*> client = session.client();
  if (!client.ok()) return report("del", client.status());
  const std::string& key = options.arguments[0];
  const client::WriteOutcome outcome = client.value()->del(key);
  if (!outcome.status.ok()) return report("del", outcome.status);
  write_output(options.format == OutputFormat::kJson ? to_text(write_json(key, outcome)) : "ok\n");
  return kExitOk;
}

}  // namespace rkv::cli
