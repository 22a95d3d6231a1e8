#include "scripted_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <exception>
#include <future>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace rkv::rpc {
namespace {

constexpr std::uint32_t kLastFragment = 0x80000000;
constexpr std::size_t kMarkSize = 4;

}  // namespace

class ScriptedServer::Listener final : public EventLoop::Handler {
 public:
  explicit Listener(ScriptedServer& server)
      : server_(server), descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    setsockopt(descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(server_.port_);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    RKV_CHECK(bind(descriptor_, raw, size) == 0, "the test's port is free");
    RKV_CHECK(listen(descriptor_, 1024) == 0, "the test's server listens");
    getsockname(descriptor_, raw, &size);
    server_.port_ = ntohs(address.sin_port);
    server_.loop_.watch(descriptor_, EPOLLIN, this);
  }
  ~Listener() override {
    server_.loop_.unwatch(descriptor_);
    ::close(descriptor_);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  void on_ready(std::uint32_t events) override;

 private:
  ScriptedServer& server_;
  const int descriptor_;
};

class ScriptedServer::Connection final : public EventLoop::Handler {
 public:
  Connection(ScriptedServer& server, std::size_t number, int descriptor)
      : server_(server), number_(number), descriptor_(descriptor) {
    update_watch();
  }
  ~Connection() override { shut(); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  bool is_open() const { return descriptor_ >= 0; }
  void send(std::string_view bytes) {
    output_ += bytes;
    write();
  }
  void close_when_written() {
    closes_ = true;
    write();
  }
  void reset() {
    if (descriptor_ < 0) return;
    const linger at_once{1, 0};
    setsockopt(descriptor_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    shut();
  }
  void read_input(bool on) {
    reads_ = on;
    update_watch();
  }

  std::size_t calls_begun() const { return calls_ + (input_.empty() && message_.empty() ? 0 : 1); }

  void on_ready(std::uint32_t events) override;
  bool read();

 private:
  void write();
  void take_records();
  void take_call(std::string_view message);
  void update_watch();
  void shut();

  ScriptedServer& server_;
  const std::size_t number_;
  int descriptor_;
  bool reads_ = true;
  bool closes_ = false;
  std::size_t calls_ = 0;
  std::string input_;
  std::string message_;  // the fragments of a record so far
  std::string output_;
};

void ScriptedServer::Listener::on_ready(std::uint32_t) {
  const int descriptor = accept4(descriptor_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (descriptor < 0) return;
  const std::size_t number = server_.connections_.size();
  server_.connections_.push_back(std::make_unique<Connection>(server_, number, descriptor));
  if (server_.on_accept) server_.on_accept(number);
}

void ScriptedServer::Connection::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) write();
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 || ((events & EPOLLIN) != 0 && reads_)) read();
}

// False if there is nothing to read.
bool ScriptedServer::Connection::read() {
  if (descriptor_ < 0) return false;
  std::array<char, 65536> buffer;
  const ssize_t size = recv(descriptor_, buffer.data(), buffer.size(), 0);
  if (size < 0 && errno == EAGAIN) return false;
  if (size <= 0) {
    shut();
    return false;
  }
  input_.append(buffer.data(), static_cast<std::size_t>(size));
  take_records();
  return true;
}

void ScriptedServer::Connection::take_records() {
  std::string_view rest = input_;
  while (rest.size() >= kMarkSize) {
    const std::uint32_t mark = XdrReader(rest).read_uint32();
    const std::size_t size = mark & ~kLastFragment;
    if (rest.size() - kMarkSize < size) break;
    message_ += rest.substr(kMarkSize, size);
    rest.remove_prefix(kMarkSize + size);
    if ((mark & kLastFragment) != 0) take_call(std::exchange(message_, {}));
  }
  input_.erase(0, input_.size() - rest.size());
}

void ScriptedServer::Connection::take_call(std::string_view message) {
  XdrReader reader(message);
  Call call;
  call.connection = number_;
  call.xid = reader.read_uint32();
  RKV_CHECK(reader.read_uint32() == 0, "a client sends calls");
  RKV_CHECK(reader.read_uint32() == 2, "a client speaks RPC version 2");
  call.program = reader.read_uint32();
  call.version = reader.read_uint32();
  call.procedure = reader.read_uint32();
  call.credential_flavor = reader.read_uint32();
  call.credential = reader.read_opaque(400);
  reader.read_uint32();  // the verifier
  const std::string_view verifier = reader.read_opaque(400);
  RKV_CHECK(reader.ok(), "a client sends whole headers");
  const std::size_t credential_size = (call.credential.size() + 3) / 4 * 4;
  call.arguments = message.substr(40 + credential_size + (verifier.size() + 3) / 4 * 4);
  ++calls_;
  server_.calls_.push_back(call);
  if (server_.on_call) server_.on_call(call);
}

void ScriptedServer::Connection::write() {
  while (descriptor_ >= 0 && !output_.empty()) {
    const ssize_t size = ::send(descriptor_, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (size < 0 && errno == EAGAIN) break;
    if (size < 0) {
      shut();
      return;
    }
    output_.erase(0, static_cast<std::size_t>(size));
  }
  if (closes_ && output_.empty()) shut();
  update_watch();
}

void ScriptedServer::Connection::update_watch() {
  if (descriptor_ < 0) return;
  std::uint32_t events = 0;
  if (reads_) events |= EPOLLIN;
  if (!output_.empty()) events |= EPOLLOUT;
  server_.loop_.watch(descriptor_, events, this);
}

void ScriptedServer::Connection::shut() {
  if (descriptor_ < 0) return;
  server_.loop_.unwatch(descriptor_);
  ::close(std::exchange(descriptor_, -1));
}

ScriptedServer::ScriptedServer(EventLoop& loop)
    : loop_(loop), listener_(std::make_unique<Listener>(*this)) {}

ScriptedServer::~ScriptedServer() = default;

void ScriptedServer::stop_listening() { listener_.reset(); }

void ScriptedServer::listen_again() { listener_ = std::make_unique<Listener>(*this); }

bool ScriptedServer::is_open(std::size_t connection) const {
  return connections_.at(connection)->is_open();
}

void ScriptedServer::send(std::size_t connection, std::string_view bytes) {
  connections_.at(connection)->send(bytes);
}

void ScriptedServer::answer(const Call& call, std::string_view results) {
  send(call.connection, record_of(success_reply(call.xid, results)));
}

void ScriptedServer::close(std::size_t connection) {
  connections_.at(connection)->close_when_written();
}

void ScriptedServer::reset(std::size_t connection) { connections_.at(connection)->reset(); }

void ScriptedServer::read_input(std::size_t connection, bool on) {
  connections_.at(connection)->read_input(on);
}

void ScriptedServer::read_available(std::size_t connection) {
  while (connections_.at(connection)->read()) continue;
}

std::size_t ScriptedServer::calls_begun(std::size_t connection) const {
  return connections_.at(connection)->calls_begun();
}

namespace {

std::string words(std::initializer_list<std::uint32_t> numbers) {
  std::string bytes;
  for (const std::uint32_t number : numbers) append_uint32(bytes, number);
  return bytes;
}

constexpr std::uint32_t kReply = 1;
constexpr std::uint32_t kAccepted = 0;
constexpr std::uint32_t kDenied = 1;

}  // namespace

std::string success_reply(std::uint32_t xid, std::string_view results) {
  return words({xid, kReply, kAccepted, 0, 0, 0}) + std::string(results);
}

std::string accepted_reply(std::uint32_t xid, std::uint32_t accept_stat) {
  return words({xid, kReply, kAccepted, 0, 0, accept_stat});
}

std::string prog_mismatch_reply(std::uint32_t xid, std::uint32_t low, std::uint32_t high) {
  return words({xid, kReply, kAccepted, 0, 0, 2, low, high});
}

std::string rpc_mismatch_reply(std::uint32_t xid, std::uint32_t low, std::uint32_t high) {
  return words({xid, kReply, kDenied, 0, low, high});
}

std::string auth_error_reply(std::uint32_t xid, std::uint32_t why) {
  return words({xid, kReply, kDenied, 1, why});
}

std::string record_of(std::string_view message, std::size_t fragment_size) {
  std::string record;
  do {
    const std::string_view fragment =
        fragment_size == 0 ? message : message.substr(0, fragment_size);
    message.remove_prefix(fragment.size());
    const std::uint32_t last = message.empty() ? kLastFragment : 0;
    append_uint32(record, last | static_cast<std::uint32_t>(fragment.size()));
    record += fragment;
  } while (!message.empty());
  return record;
}

ServerThread::ServerThread()
    : server_(loop_), port_(server_.port()), thread_([this] { loop_.run(); }) {}

ServerThread::~ServerThread() {
  loop_.stop();
  thread_.join();
}

void ServerThread::run(const std::function<void(ScriptedServer&)>& task) {
  std::promise<void> done;
  loop_.post([&] {
    try {
      task(server_);
      done.set_value();
    } catch (...) {
      done.set_exception(std::current_exception());
    }
  });
  done.get_future().get();
}

void ServerThread::answer_all(std::function<std::string(const ScriptedServer::Call&)> results_of) {
  run([&](ScriptedServer& server) {
    server.on_call = [&server, results = std::move(results_of)](const ScriptedServer::Call& call) {
      server.answer(call, results(call));
    };
  });
}

}  // namespace rkv::rpc
