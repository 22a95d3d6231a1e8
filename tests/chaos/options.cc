#include "chaos/options.h"

#include <boost/program_options.hpp>
#include <iostream>

namespace po = boost::program_options;

namespace rkv::chaos {
namespace {

constexpr std::size_t kClientsMax = 4096;
constexpr std::size_t kKeysMax = 100'000;
constexpr std::size_t kValueSizeMax = 65536;
constexpr std::uint64_t kSecondsMax = 86400;
constexpr std::uint64_t kMsMax = 600'000;

constexpr const char* kUsage = R"(chaos_load - a load for a cluster to which things happen

  chaos_load register --history FILE   puts and gets on few keys: FILE is for check_history
  chaos_load record --record FILE      puts of new keys: "KEY VALUE" of each that was acknowledged
                                       is added to FILE
  chaos_load verify --record FILE      reads all of these at every server; status 1 if one is
                                       missing, different, or cannot be read

Each client has one operation under way at a time. One whose operation failed asks the next server,
for a second; one whose operation has an unknown end goes on as another client. Ends after --seconds
or with SIGTERM, when every operation has ended, with a line of JSON.

Options)";

Mode mode_of(const std::string& name) {
  if (name == "register") return Mode::kRegister;
  if (name == "record") return Mode::kRecord;
  if (name == "verify") return Mode::kVerify;
  throw po::error("register, record or verify, not '" + name + "'");
}

template <typename Number>
void check_range(const char* option, Number number, Number min, Number max) {
  if (number >= min && number <= max) return;
  throw po::error("--" + std::string(option) + " is a number from " + std::to_string(min) + " to " +
                  std::to_string(max));
}

}  // namespace

std::optional<Options> read_options(int argc, char** argv) {
  Options options;
  std::string mode;
  std::string servers;
  std::uint64_t duration_s = 10;
  std::uint64_t timeout_ms = 2000;
  std::uint64_t pause_ms = 0;
  po::options_description known(kUsage);
  known.add_options()("servers", po::value(&servers)->value_name("HOST:PORT,..."), "required")(
      "clients", po::value(&options.clients)->default_value(options.clients), "spread over these")(
      "seconds", po::value(&duration_s)->default_value(duration_s),
      "how long; verify: at most, for all")(
      "timeout-ms", po::value(&timeout_ms)->default_value(timeout_ms), "for one operation")(
      "pause-ms", po::value(&pause_ms)->default_value(pause_ms), "between two of a client")(
      "pinned", po::bool_switch(&options.pinned), "clients never leave their servers")(
      "keys", po::value(&options.keys)->default_value(options.keys), "register: in use at once")(
      "read-percent", po::value(&options.read_percent)->default_value(options.read_percent),
      "register: how many are gets")(
      "value-size", po::value(&options.value_size)->default_value(options.value_size),
      "record: bytes of a value")("history", po::value(&options.history_file),
                                  "register: required")("record", po::value(&options.record_file),
                                                        "record, verify: required")(
      "gaps", po::value(&options.gaps_file),
      "begin and end, in microseconds since 1970, of each time of 10 ms and more without an "
      "acknowledged write")("help", "this text");
  po::options_description all;
  all.add(known).add_options()("mode", po::value(&mode));
  po::positional_options_description positions;
  positions.add("mode", 1);
  po::variables_map values;
  po::store(po::command_line_parser(argc, argv).options(all).positional(positions).run(), values);
  po::notify(values);
  if (values.contains("help")) {
    std::cout << known;
    return std::nullopt;
  }

  options.mode = mode_of(mode);
  Result<std::vector<client::Server>> parsed = client::parse_servers(servers);
  if (!parsed.ok()) throw po::error("--servers: " + parsed.status().reason());
  options.servers = std::move(parsed).value();
  check_range<std::size_t>("clients", options.clients, 1, kClientsMax);
  check_range<std::size_t>("keys", options.keys, 1, kKeysMax);
  check_range<std::size_t>("value-size", options.value_size, 1, kValueSizeMax);
  check_range<std::uint64_t>("read-percent", options.read_percent, 0, 100);
  check_range<std::uint64_t>("seconds", duration_s, 1, kSecondsMax);
  check_range<std::uint64_t>("timeout-ms", timeout_ms, 1, kMsMax);
  check_range<std::uint64_t>("pause-ms", pause_ms, 0, kMsMax);
  options.duration = seconds(static_cast<std::int64_t>(duration_s));
  options.timeout = milliseconds(static_cast<std::int64_t>(timeout_ms));
  options.pause = milliseconds(static_cast<std::int64_t>(pause_ms));
  const bool is_register = options.mode == Mode::kRegister;
  if (is_register && options.history_file.empty()) throw po::error("register needs --history");
  if (!is_register && options.record_file.empty()) throw po::error(mode + " needs --record");
  return options;
}

}  // namespace rkv::chaos
