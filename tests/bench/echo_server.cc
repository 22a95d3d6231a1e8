// The floor under every server here: takes the same records and sends back records like a real
// server's, without decoding or doing anything. One read takes what is there, one write answers it.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "fail.h"
#include "record_stream.h"
#include "server_process.h"

namespace rkv::bench {
namespace {

constexpr int kEventsMax = 256;

class Echo {
 public:
  explicit Echo(int listener) : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (const Procedure procedure : kProcedures) replies_.push_back(encode_reply(procedure));
    watch(listener_);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, kEventsMax> events;
    while (true) {
      const int count = epoll_wait(epoll_, events.data(), kEventsMax, -1);
      for (int i = 0; i < count; ++i) {
        const int descriptor = events[static_cast<std::size_t>(i)].data.fd;
        if (descriptor == listener_) {
          take_connection();
        } else {
          answer(descriptor);
        }
      }
    }
  }

 private:
  void watch(int descriptor) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = descriptor;
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &event) != 0) fail_errno("epoll_ctl");
  }

  // Connections block: they are read when they are ready, and the generator always takes answers.
  void take_connection() {
    const int descriptor = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor < 0) fail_errno("accept");
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const auto index = static_cast<std::size_t>(descriptor);
    if (streams_.size() <= index) streams_.resize(index + 1);
    streams_[index] = std::make_unique<RecordStream>();
    watch(descriptor);
  }

  void answer(int descriptor) {
    out_.clear();
    const auto append_reply = [this](std::string_view record) {
      const std::uint32_t procedure = record.size() < kProcedureOffset + 4
                                          ? UINT32_MAX
                                          : read_word(record.data() + kProcedureOffset);
      if (procedure >= replies_.size()) fail("the echo does not know this procedure");
      const std::size_t at = out_.size();
      out_ += replies_[procedure];
      record.copy(out_.data() + at + kXidOffset, 4, kXidOffset);
    };
    if (!streams_[static_cast<std::size_t>(descriptor)]->read(descriptor, append_reply)) {
      streams_[static_cast<std::size_t>(descriptor)].reset();
      close(descriptor);
      return;
    }
    std::string_view left = out_;
    while (!left.empty()) {
      const ssize_t count = send(descriptor, left.data(), left.size(), MSG_NOSIGNAL);
      if (count < 0) fail_errno("the echo cannot answer");
      left.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  const int listener_;
  const int epoll_;
  std::vector<std::string> replies_;                    // by procedure
  std::vector<std::unique_ptr<RecordStream>> streams_;  // by descriptor
  std::string out_;
};

}  // namespace
}  // namespace rkv::bench

int main(int argc, char** argv) {
  rkv::bench::guard_server(argc, argv);
  const int listener = rkv::bench::listen_on_loopback();
  rkv::bench::announce_port_of(listener);
  rkv::bench::Echo(listener).run();
}
