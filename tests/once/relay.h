#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace rkv::once {

// What goes wrong between clients and a server. Each counts the events of its kind; 0: never.
struct Faults {
  std::uint32_t lose_reply_every = 0;  // the k-th reply: over TCP the connection goes with it
  std::uint32_t duplicate_request_every = 0;  // UDP: the k-th datagram comes a second time, later
  std::uint32_t delay_request_every = 0;      // UDP: the k-th datagram comes late, behind others
  int delay_ms = 50;                          // how late
};

// Stands between clients and one server at a loopback port, over TCP or over UDP, and has things go
// wrong. Has a thread of its own from construction to destruction.
class Relay {
 public:
  // To a server at 127.0.0.1.
  Relay(std::uint16_t server_port, bool is_udp, const Faults& faults);
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  std::uint16_t port() const { return port_; }
  std::uint64_t replies_lost() const { return replies_lost_; }
  std::uint64_t requests_duplicated() const { return requests_duplicated_; }
  std::uint64_t requests_delayed() const { return requests_delayed_; }

 private:
  // A client's TCP connection and the one to the server, or a client's UDP address and a socket.
  struct Link {
    int client = -1;  // UDP: none of its own
    int server = -1;
    std::string to_server;  // read and not written yet
    std::string to_client;
    std::uint32_t reply_left = 0;  // bytes of the record that is on its way to the client
    std::string reply_head;        // of the next one
    std::string address;           // UDP: of the client
    bool is_over = false;
  };
  struct Late {
    std::int64_t at_ms = 0;
    std::weak_ptr<Link> link;
    std::string datagram;
  };

  void run();
  void accept_client();
  void take_datagrams();
  void pass_on(Link& link, short client_events, short server_events);
  void pass_datagrams_back(Link& link);
  bool takes_reply_bytes(Link& link, const char* bytes, std::size_t size);
  void send_late();
  int wait_ms() const;

  const std::uint16_t server_port_;
  const bool is_udp_;
  const Faults faults_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  int wake_[2] = {-1, -1};
  std::list<std::shared_ptr<Link>> links_;
  std::map<std::string, std::shared_ptr<Link>> by_address_;  // UDP
  std::deque<Late> late_;                                    // in the order of their times
  std::uint64_t replies_ = 0;
  std::uint64_t requests_ = 0;
  std::atomic<std::uint64_t> replies_lost_ = 0;
  std::atomic<std::uint64_t> requests_duplicated_ = 0;
  std::atomic<std::uint64_t> requests_delayed_ = 0;
  std::thread thread_;
};

}  // namespace rkv::once
