// What reads text that people write: replicas files, server addresses, lines of rkv's shell, and
// the lines that rkv load takes. None of it may fail but with a line that says why, and where there
// is a way back to text, that text means the same.
//
// Input: a byte that picks the parser, then the text. Lines go through a socket, in pieces: the
// sizes of the first ones stand in front of the text, as many of them as the byte before them says.

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/replicas_config.h"
#include "fuzz.h"
#include "rkv/dump_format.h"
#include "rkv/files.h"
#include "rkv/load_source.h"
#include "rkv/shell_line.h"
#include "rkv/words.h"
#include "rpc/address.h"

namespace rkv::fuzz {
namespace {

void check_reason(const Status& status) {
  RKV_CHECK(!status.reason().empty() && status.reason().find('\n') == std::string::npos,
            "a reason is one line");
}

// ---- replicas files -----------------------------------------------------------------------------

void check_replicas(std::string_view text) {
  const auto replicas = parse_replicas(text, "file");
  if (!replicas.ok()) {
    check_reason(replicas.status());
    RKV_CHECK(replicas.status().reason().starts_with("file:"), "a reason names the file");
    return;
  }
  RKV_CHECK(!replicas.value().empty() && replicas.value().size() <= kReplicasMax,
            "a cluster has replicas, and not too many");
  std::set<ReplicaId> ids;
  std::string written;
  for (const ReplicaAddress& replica : replicas.value()) {
    RKV_CHECK(replica.id.value != 0 && ids.insert(replica.id).second, "every id is given once");
    RKV_CHECK(!replica.host.empty() && replica.host.size() <= kHostSizeMax, "hosts fit the wire");
    RKV_CHECK(replica.client_port != 0 && replica.peer_port != 0 &&
                  replica.client_port != replica.peer_port,
              "ports are two, and none is 0");
    written += std::to_string(replica.id.value) + ' ' + replica.host + ' ' +
               std::to_string(replica.client_port) + ' ' + std::to_string(replica.peer_port) + '\n';
  }
  const auto again = parse_replicas(written, "file");
  RKV_CHECK(again.ok() && again.value() == replicas.value(), "written out, it means the same");
}

// ---- addresses ----------------------------------------------------------------------------------

void check_host_port(std::string_view text) {
  constexpr std::uint16_t kDefaultPort = 7411;
  const Result<rpc::HostPort> parsed = rpc::split_host_port(text, kDefaultPort);
  if (!parsed.ok()) return;
  const rpc::HostPort& server = parsed.value();
  RKV_CHECK(!server.host.empty() && server.port != 0, "there are a host and a port");
  RKV_CHECK(text.find(server.host) != std::string_view::npos, "the host is a part of the text");
  // A host with brackets in it is none, which is found when it is looked up.
  if (server.host.find_first_of("[]") != std::string::npos) return;
  const std::string joined = rpc::join_host_port(server.host, server.port);
  const Result<rpc::HostPort> again = rpc::split_host_port(joined, 1);
  RKV_CHECK(again.ok() && again.value().host == server.host && again.value().port == server.port,
            "written out, it means the same");
  const Result<rpc::Address> address = rpc::Address::parse(server.host, server.port);
  if (!address.ok()) return;
  const Result<rpc::Address> same =
      rpc::Address::parse(address.value().host(), address.value().port());
  RKV_CHECK(same.ok() && same.value().to_string() == address.value().to_string(),
            "an address's text is that address");
}

// ---- lines of the shell -------------------------------------------------------------------------

// A word as rkv shows it, between double quotes.
std::string between_quotes(std::string_view word) {
  std::string text = "\"";
  for (const char c : printable(word, SIZE_MAX)) {
    if (c == '"') text += '\\';
    text += c;
  }
  return text + '"';
}

void check_shell_line(std::string_view line) {
  const auto words = cli::split_words(line);
  const Result<cli::Options> options = cli::parse_shell_line(line, {});
  RKV_CHECK(words.ok() || !options.ok(), "a line needs its words");
  if (!options.ok()) check_reason(options.status());
  if (!words.ok()) {
    check_reason(words.status());
    return;
  }
  std::string written;
  std::vector<cli::Word> expected;
  for (const cli::Word& word : words.value()) {
    written += between_quotes(word.text) + ' ';
    expected.push_back({word.text, true});
  }
  const auto again = cli::split_words(written);
  RKV_CHECK(again.ok() && again.value() == expected, "shown and given back, words are the same");
}

// ---- lines of a file ----------------------------------------------------------------------------

// The standard input, fed by this program: each packet is what one read gets.
class FedInput {
 public:
  FedInput() {
    std::array<int, 2> ends{};
    RKV_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends.data()) == 0, "there are sockets");
    RKV_CHECK(dup2(ends[1], STDIN_FILENO) == STDIN_FILENO, "the standard input can be replaced");
    close(ends[1]);
    feed_ = ends[0];
  }

  // In pieces of these sizes; an empty packet is the end of the file.
  void feed(std::string_view text, std::string_view sizes) {
    Taker taker(text);
    for (const char size : sizes) send(taker.take(static_cast<std::uint8_t>(size)));
    while (!taker.empty()) send(taker.take(kPieceMax));
    RKV_CHECK(::send(feed_, "", 0, MSG_DONTWAIT) == 0, "the socket takes the end");
  }
  cli::InputFile& file() { return *file_; }

 private:
  static constexpr std::size_t kPieceMax = 16 * 1024;

  void send(std::string_view piece) {
    if (piece.empty()) return;
    RKV_CHECK(::send(feed_, piece.data(), piece.size(), MSG_DONTWAIT) ==
                  static_cast<ssize_t>(piece.size()),
              "the socket takes an input");
  }

  int feed_ = -1;
  const std::unique_ptr<cli::InputFile> file_ = cli::InputFile::standard_input();
};

FedInput& fed_input() {
  static FedInput input;
  return input;
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(lines.back().size() + 1, text.size()));
  }
  return lines;
}

void check_load_lines(std::string_view text, std::string_view sizes) {
  struct Loaded {
    bool ok = false;
    std::string key_or_name;
    std::string value;
    bool operator==(const Loaded&) const = default;
  };
  std::vector<Loaded> loaded;
  cli::LoadSink sink;
  sink.put = [&loaded](std::string key, std::string value) {
    loaded.push_back({true, std::move(key), std::move(value)});
  };
  sink.fail = [&loaded](const std::string& name, const Status& status) {
    check_reason(status);
    loaded.push_back({false, name, ""});
  };
  sink.settle = [] {};
  sink.wanted = [] { return true; };
  fed_input().feed(text, sizes);
  cli::load_lines(fed_input().file(), sink);
  if (text.starts_with(cli::kDumpBeginning)) {
    const auto failures =
        std::count_if(loaded.begin(), loaded.end(), [](const Loaded& each) { return !each.ok; });
    RKV_CHECK(failures <= 1, "behind what is wrong with a dump nothing is read");
    return;
  }

  std::vector<Loaded> expected;
  for (const std::string_view line : lines_of(text)) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || tab == 0) {
      expected.push_back({false, "line " + std::to_string(expected.size() + 1), ""});
    } else {
      expected.push_back(
          {true, std::string(line.substr(0, tab)), std::string(line.substr(tab + 1))});
    }
  }
  RKV_CHECK(loaded == expected, "every line is a pair, or fails by its number");
}

void check_line_reader(std::string_view text, std::string_view sizes) {
  constexpr std::size_t kLineMax = 24;
  fed_input().feed(text, sizes);
  cli::LineReader reader(fed_input().file(), kLineMax);
  for (const std::string_view line : lines_of(text)) {
    const Result<std::optional<std::string>> got = reader.next();
    RKV_CHECK(got.ok() == (line.size() <= kLineMax), "a line over the limit is refused");
    RKV_CHECK(!got.ok() || got.value() == line, "lines come as they are");
  }
  const Result<std::optional<std::string>> end = reader.next();
  RKV_CHECK(end.ok() && !end.value(), "nothing comes behind the last line");
}

void run(std::string_view input) {
  Taker taker(input);
  const unsigned kind = taker.take_byte() % 5;
  if (kind == 0) return check_replicas(taker.rest());
  if (kind == 1) return check_host_port(taker.rest());
  if (kind == 2) return check_shell_line(taker.rest());
  const std::string_view sizes = taker.take(taker.take_byte() % 64);
  if (kind == 3) return check_load_lines(taker.rest(), sizes);
  check_line_reader(taker.rest(), sizes);
}

}  // namespace
}  // namespace rkv::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  rkv::fuzz::run(rkv::fuzz::view_of(data, size));
  return 0;
}
