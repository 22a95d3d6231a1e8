#include "base/replicas_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/bytes.h"
#include "base/limits.h"

namespace rkv {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";
constexpr std::size_t kFieldsMax = 4;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// A whole decimal number; nothing for any other text and for what is over `max`.
std::optional<std::uint32_t> parse_number(std::string_view text, std::uint32_t max) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || rest != end || number > max) return std::nullopt;
  return number;
}

std::vector<std::string_view> split_fields(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const std::size_t begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return fields;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool is_ipv4(std::string_view text) {
  std::size_t parts = 0;
  while (true) {
    const std::size_t end = std::min(text.find('.'), text.size());
    if (end > 3 || !parse_number(text.substr(0, end), 255)) return false;
    ++parts;
    if (end == text.size()) return parts == 4;
    text.remove_prefix(end + 1);
  }
}

// Whether the text has the letters of an IPv6 address. Whether it is one, the system says when it
// is used: there is no inet_pton() in base.
bool looks_like_ipv6(std::string_view text) {
  const std::string_view address = text.substr(0, text.find('%'));
  return std::count(address.begin(), address.end(), ':') >= 2 &&
         std::all_of(address.begin(), address.end(),
                     [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; });
}

bool looks_like_name(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
  });
}

// The host without brackets, or the reason why it is none.
Result<std::string> parse_host(std::string_view text) {
  const std::string shown = printable(text);
  if (text.size() > kHostSizeMax) {
    return Status::invalid(
        fmt::format("host {} has {} bytes, {} are allowed", shown, text.size(), kHostSizeMax));
  }
  if (text.front() == '[') {
    if (text.back() != ']' || !looks_like_ipv6(text.substr(1, text.size() - 2))) {
      return Status::invalid(fmt::format("{} is not an IPv6 address in brackets", shown));
    }
    return std::string(text.substr(1, text.size() - 2));
  }
  if (looks_like_ipv6(text)) return std::string(text);
  if (text.find(':') != std::string_view::npos && text.find(':') == text.rfind(':')) {
    return Status::invalid(
        fmt::format("host {} has a port in it; the ports are fields of their own", shown));
  }
  const bool numeric =
      std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || c == '.'; });
  if (numeric ? !is_ipv4(text) : !looks_like_name(text)) {
    return Status::invalid(fmt::format("{} is not a host name or address", shown));
  }
  return std::string(text);
}

Result<std::uint16_t> parse_port(std::string_view text, std::string_view what) {
  const std::optional<std::uint32_t> port = parse_number(text, 65535);
  if (!port || *port == 0) {
    return Status::invalid(
        fmt::format("{} {} is not a number from 1 to 65535", what, printable(text)));
  }
  return static_cast<std::uint16_t>(*port);
}

Result<ReplicaAddress> parse_line(const std::vector<std::string_view>& fields) {
  ReplicaAddress replica;
  const std::optional<std::uint32_t> id = parse_number(fields[0], UINT32_MAX);
  if (!id || *id == 0) {
    return Status::invalid(
        fmt::format("id {} is not a number from 1 to {}", printable(fields[0]), UINT32_MAX));
  }
  replica.id = ReplicaId{*id};
  if (fields.size() < 2) return Status::invalid(fmt::format("replica {} has no host", *id));
  if (fields.size() > kFieldsMax) {
    return Status::invalid(
        fmt::format("{} is one field too many: id host [client-port [peer-port]]",
                    printable(fields[kFieldsMax])));
  }
  Result<std::string> host = parse_host(fields[1]);
  if (!host.ok()) return host.status();
  replica.host = std::move(host).value();
  if (fields.size() > 2) {
    const Result<std::uint16_t> port = parse_port(fields[2], "client port");
    if (!port.ok()) return port.status();
    replica.client_port = port.value();
  }
  if (fields.size() > 3) {
    const Result<std::uint16_t> port = parse_port(fields[3], "peer port");
    if (!port.ok()) return port.status();
    replica.peer_port = port.value();
  }
  if (replica.client_port == replica.peer_port) {
    return Status::invalid(
        fmt::format("port {} is both client port and peer port", replica.client_port));
  }
  return replica;
}

bool same_host(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

// A port that both would listen on at one host; 0 if there is none.
std::uint16_t shared_port(const ReplicaAddress& a, const ReplicaAddress& b) {
  if (!same_host(a.host, b.host)) return 0;
  if (a.client_port == b.client_port || a.client_port == b.peer_port) return a.client_port;
  if (a.peer_port == b.client_port || a.peer_port == b.peer_port) return a.peer_port;
  return 0;
}

struct Numbered {
  ReplicaAddress replica;
  std::size_t line = 0;
};

// Why `added` cannot stand beside those read before it.
Status check_against(const std::vector<Numbered>& before, const ReplicaAddress& added) {
  for (const Numbered& other : before) {
    if (other.replica.id == added.id) {
      return Status::invalid(
          fmt::format("id {} was given before, in line {}", added.id.value, other.line));
    }
    if (const std::uint16_t port = shared_port(other.replica, added); port != 0) {
      return Status::invalid(fmt::format("port {} of host {} was given before, in line {}", port,
                                         added.host, other.line));
    }
  }
  if (before.size() >= kReplicasMax) {
    return Status::invalid(fmt::format("a cluster has at most {} replicas", kReplicasMax));
  }
  return Status();
}

}  // namespace

Result<std::vector<ReplicaAddress>> parse_replicas(std::string_view text,
                                                   std::string_view file_name) {
  std::vector<Numbered> replicas;
  for (std::size_t line = 1; !text.empty(); ++line) {
    const std::string_view content = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(content.size() + 1, text.size()));
    const std::vector<std::string_view> fields = split_fields(content.substr(0, content.find('#')));
    if (fields.empty()) continue;
    Result<ReplicaAddress> replica = parse_line(fields);
    const Status status =
        replica.ok() ? check_against(replicas, replica.value()) : replica.status();
    if (!status.ok()) {
      return Status::invalid(fmt::format("{}:{}: {}", file_name, line, status.reason()));
    }
    replicas.push_back({std::move(replica).value(), line});
  }
  if (replicas.empty()) return Status::invalid(fmt::format("{}: names no replica", file_name));

  std::vector<ReplicaAddress> addresses;
  addresses.reserve(replicas.size());
  for (Numbered& numbered : replicas) addresses.push_back(std::move(numbered.replica));
  return addresses;
}

}  // namespace rkv
