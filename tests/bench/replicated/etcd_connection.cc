#include "etcd_connection.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "../fail.h"
#include "../workload.h"

namespace rkv::bench {
namespace {

// RFC 9113: HTTP/2.
constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeadSize = 9;
constexpr std::size_t kPingSize = 8;
constexpr std::uint8_t kData = 0, kHeaders = 1, kReset = 3, kSettings = 4, kPing = 6, kGoAway = 7,
                       kWindowUpdate = 8;
constexpr std::uint8_t kEndStream = 1, kAcknowledges = 1, kEndHeaders = 4;
constexpr std::uint32_t kStreamMask = 0x7fffffff;
constexpr std::uint32_t kStreamMax = 0x7ffffff0;
constexpr std::int64_t kFirstWindow = 65'535;
constexpr std::uint16_t kSettingPush = 2, kSettingStreamWindow = 4;
// What we take without telling the server that there is room again, as gRPC's libraries are set up
// for throughput.
constexpr std::uint32_t kStreamWindow = 1 << 24;
constexpr std::uint32_t kConnectionWindow = 1 << 30;
constexpr std::size_t kWindowGivenBackAt = 1 << 20;

// RFC 7541: HPACK. Entries of the static table, whole or the name alone.
constexpr char kPost = '\x83', kHttp = '\x86';
constexpr char kAuthorityName = 1, kPathName = 4, kContentTypeName = 31, kLiteralName = 0;
constexpr char kIndexed = '\x80', kLiteralToIndex = '\x40';
constexpr std::size_t kFirstDynamicIndex = 62;

struct Header {
  char static_name;
  std::string_view name;  // where the static table has none
  std::string_view value;
};
// The paths first, in the order of Method.
constexpr std::array kKnownHeaders = {
    Header{kPathName, "", "/etcdserverpb.KV/Put"},
    Header{kPathName, "", "/etcdserverpb.KV/Range"},
    Header{kPathName, "", "/etcdserverpb.Maintenance/Status"},
    Header{kAuthorityName, "", "127.0.0.1"},
    Header{kContentTypeName, "", "application/grpc"},
    Header{kLiteralName, "te", "trailers"},
};
constexpr std::size_t kFirstCommonHeader = 3;

// A message of gRPC: whether it is compressed (never), its size, its bytes.
constexpr std::size_t kMessageHeadSize = 5;

constexpr std::size_t kInputSize = 256 * 1024;  // a frame has at most 16 KiB

void append_word(std::string& out, std::uint32_t word) {
  char bytes[4];
  write_word(bytes, word);
  out.append(bytes, sizeof bytes);
}

void append_frame(std::string& out, std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                  std::string_view payload) {
  append_word(out, static_cast<std::uint32_t>(payload.size()) << 8 | type);
  out.push_back(static_cast<char>(flags));
  append_word(out, stream);
  out += payload;
}

void append_setting(std::string& out, std::uint16_t setting, std::uint32_t value) {
  out.push_back(static_cast<char>(setting >> 8));
  out.push_back(static_cast<char>(setting));
  append_word(out, value);
}

void append_window_update(std::string& out, std::uint32_t size) {
  std::string payload;
  append_word(payload, size);
  append_frame(out, kWindowUpdate, 0, 0, payload);
}

}  // namespace

struct EtcdConnection::Frame {
  std::uint8_t type = 0;
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
  std::string_view payload;
};

EtcdConnection::EtcdConnection(rpc::EventLoop& loop, int descriptor, Sink& sink)
    : loop_(loop),
      descriptor_(descriptor),
      sink_(sink),
      input_(kInputSize),
      send_window_(kFirstWindow) {
  fcntl(descriptor_, F_SETFL, fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
  loop_.watch(descriptor_, EPOLLIN, this);
  flush_hook_ = loop_.add_turn_hook(rpc::EventLoop::TurnPhase::kFlush, [this] { flush(); });
  output_ = kPreface;
  std::string settings;
  append_setting(settings, kSettingPush, 0);
  append_setting(settings, kSettingStreamWindow, kStreamWindow);
  append_frame(output_, kSettings, 0, 0, settings);
  append_window_update(output_, kConnectionWindow);
  loop_.request_turn();
}

EtcdConnection::~EtcdConnection() {
  loop_.remove_turn_hook(flush_hook_);
  loop_.unwatch(descriptor_);
  close(descriptor_);
}

// ---- calls --------------------------------------------------------------------------------------

void EtcdConnection::call(std::size_t slot, Method method, std::string_view message) {
  if (message.size() > kMessageSizeMax) fail("a message for etcd is too long");
  waiting_.push_back({slot, method, std::string(message)});
  send_waiting();
  loop_.request_turn();
}

void EtcdConnection::send_waiting() {
  while (!waiting_.empty()) {
    const auto size = static_cast<std::int64_t>(kMessageHeadSize + waiting_.front().message.size());
    if (send_window_ < size) return;
    send_window_ -= size;
    send(waiting_.front());
    waiting_.pop_front();
  }
}

void EtcdConnection::send(const Call& call) {
  if (next_stream_ > kStreamMax) fail("a connection to etcd has no streams left");
  const std::uint32_t stream = next_stream_;
  next_stream_ += 2;
  streams_[stream].slot = call.slot;
  std::string payload = {kPost, kHttp};
  append_header(payload, static_cast<std::size_t>(call.method));
  for (std::size_t i = kFirstCommonHeader; i < kKnownHeaders.size(); ++i) append_header(payload, i);
  append_frame(output_, kHeaders, kEndHeaders, stream, payload);
  payload.assign(1, '\0');
  append_word(payload, static_cast<std::uint32_t>(call.message.size()));
  payload += call.message;
  append_frame(output_, kData, kEndStream, stream, payload);
}

// The newest entry of the server's table has the lowest index.
void EtcdConnection::append_header(std::string& block, std::size_t header) {
  const auto known = std::find(indexed_.begin(), indexed_.end(), header);
  if (known != indexed_.end()) {
    const auto newer = static_cast<std::size_t>(indexed_.end() - known) - 1;
    block.push_back(static_cast<char>(kIndexed | static_cast<char>(kFirstDynamicIndex + newer)));
    return;
  }
  const auto& [static_name, name, value] = kKnownHeaders[header];
  block.push_back(static_cast<char>(kLiteralToIndex | static_name));
  if (static_name == kLiteralName) {
    block.push_back(static_cast<char>(name.size()));
    block += name;
  }
  block.push_back(static_cast<char>(value.size()));
  block += value;
  indexed_.push_back(header);
}

void EtcdConnection::flush() {
  if (!output_.empty()) {
    const ssize_t count = ::send(descriptor_, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (count < 0 && errno != EAGAIN) fail_errno("cannot send to etcd");
    if (count > 0) output_.erase(0, static_cast<std::size_t>(count));
  }
  if (watches_output_ != output_.empty()) return;
  watches_output_ = !watches_output_;
  loop_.watch(descriptor_, watches_output_ ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
}

// ---- responses ----------------------------------------------------------------------------------

void EtcdConnection::on_ready(std::uint32_t events) {
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0) return;
  const ssize_t count =
      recv(descriptor_, input_.data() + input_size_, input_.size() - input_size_, 0);
  if (count < 0 && errno == EAGAIN) return;
  if (count <= 0) fail("etcd has closed a connection");
  input_size_ += static_cast<std::size_t>(count);
  take_frames();
  if (received_ < kWindowGivenBackAt) return;
  append_window_update(output_, static_cast<std::uint32_t>(received_));
  received_ = 0;
}

void EtcdConnection::take_frames() {
  std::size_t taken = 0;
  while (input_size_ - taken >= kFrameHeadSize) {
    const char* const head = input_.data() + taken;
    const std::uint32_t size_and_type = read_word(head);
    const std::size_t size = size_and_type >> 8;
    if (kFrameHeadSize + size > kInputSize) fail("a frame of etcd is too long");
    if (input_size_ - taken - kFrameHeadSize < size) break;
    take({static_cast<std::uint8_t>(size_and_type), static_cast<std::uint8_t>(head[4]),
          read_word(head + 5) & kStreamMask, std::string_view(head + kFrameHeadSize, size)});
    taken += kFrameHeadSize + size;
  }
  input_size_ -= taken;
  if (taken > 0) std::memmove(input_.data(), input_.data() + taken, input_size_);
}

void EtcdConnection::take(const Frame& frame) {
  switch (frame.type) {
    case kData:
      take_data(frame);
      break;
    case kHeaders:
      if ((frame.flags & kEndStream) != 0) end_stream(frame.stream, false);
      break;
    case kReset:
      end_stream(frame.stream, true);
      break;
    case kSettings:
      if ((frame.flags & kAcknowledges) != 0) break;
      append_frame(output_, kSettings, kAcknowledges, 0, {});
      is_greeted_ = true;
      break;
    case kPing:
      if ((frame.flags & kAcknowledges) != 0 || frame.payload.size() != kPingSize) break;
      append_frame(output_, kPing, kAcknowledges, 0, frame.payload);
      break;
    case kGoAway:
      fail("etcd ends a connection");
    case kWindowUpdate:
      if (frame.stream != 0) break;  // a stream sends less than its first window
      send_window_ += read_word(frame.payload.data()) & kStreamMask;
      send_waiting();
      break;
    default:
      break;
  }
}

void EtcdConnection::take_data(const Frame& frame) {
  received_ += frame.payload.size();
  const auto found = streams_.find(frame.stream);
  if (found == streams_.end()) fail("a response of etcd to no call");
  found->second.response += frame.payload;
  if ((frame.flags & kEndStream) != 0) end_stream(frame.stream, false);
}

void EtcdConnection::end_stream(std::uint32_t stream, bool is_reset) {
  const auto ended = streams_.extract(stream);
  if (ended.empty()) fail("a response of etcd to no call");
  const auto& [slot, response] = ended.mapped();
  if (is_reset || response.size() < kMessageHeadSize) {
    sink_.call_ended(slot, std::nullopt);
  } else {
    sink_.call_ended(slot, std::string_view(response).substr(kMessageHeadSize));
  }
}

// ---- protobuf -----------------------------------------------------------------------------------

namespace {

constexpr unsigned kWireNumber = 0, kWireBytes = 2;
constexpr unsigned kWireTypeBits = 3;
constexpr unsigned kNumberBits = 7;

void append_number(std::string& out, std::uint64_t number) {
  for (; number >= 1 << kNumberBits; number >>= kNumberBits) {
    out.push_back(static_cast<char>(number | 1 << kNumberBits));
  }
  out.push_back(static_cast<char>(number));
}

std::uint64_t take_number(std::string_view& in) {
  std::uint64_t number = 0;
  for (unsigned shift = 0; !in.empty() && shift < 64; shift += kNumberBits) {
    const auto byte = static_cast<std::uint8_t>(in.front());
    in.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7fU} << shift;
    if (byte < 1 << kNumberBits) return number;
  }
  fail("a message of etcd is cut off");
}

struct Field {
  std::uint64_t number = 0;
  std::string_view bytes;
};

// The first field of this number; nothing if there is none. Other wire types do not come before
// what is looked for here.
std::optional<Field> find_field(std::string_view message, unsigned wanted) {
  while (!message.empty()) {
    const std::uint64_t tag = take_number(message);
    Field field{take_number(message), {}};
    const std::uint64_t wire_type = tag & ((1U << kWireTypeBits) - 1);
    if (wire_type == kWireBytes) {
      if (field.number > message.size()) fail("a message of etcd is cut off");
      field.bytes = message.substr(0, field.number);
      message.remove_prefix(field.number);
    } else if (wire_type != kWireNumber) {
      fail("a message of etcd has a field of an unknown kind");
    }
    if (tag >> kWireTypeBits == wanted) return field;
  }
  return std::nullopt;
}

}  // namespace

void append_protobuf(std::string& message, unsigned field, std::string_view bytes) {
  append_number(message, field << kWireTypeBits | kWireBytes);
  append_number(message, bytes.size());
  message += bytes;
}

std::optional<std::string_view> protobuf_bytes(std::string_view message, unsigned field) {
  const std::optional<Field> found = find_field(message, field);
  if (!found) return std::nullopt;
  return found->bytes;
}

std::uint64_t protobuf_number(std::string_view message, unsigned field) {
  const std::optional<Field> found = find_field(message, field);
  return found ? found->number : 0;
}

}  // namespace rkv::bench
