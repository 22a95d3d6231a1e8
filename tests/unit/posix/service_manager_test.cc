#include "posix/service_manager.h"

#include <arpa/inet.h>
#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>

#include "../../contract/temporary_directory.h"

namespace rkv::posix {
namespace {

constexpr int kFirstDescriptor = 3;

void expect(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "in the child: %s\n", what);
  _exit(1);
}

// Descriptors have fixed numbers here, and the environment is changed: in a process of its own.
void run_in_child(const std::function<void()>& body) {
  const pid_t child = fork();
  CPPUNIT_ASSERT(child >= 0);
  if (child == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  CPPUNIT_ASSERT_EQUAL(child, waitpid(child, &status, 0));
  CPPUNIT_ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void hand_over(const std::string& count, const char* names, pid_t process = getpid()) {
  setenv("LISTEN_PID", std::to_string(process).c_str(), 1);
  setenv("LISTEN_FDS", count.c_str(), 1);
  if (names != nullptr) setenv("LISTEN_FDNAMES", names, 1);
}

void make_socket_at(int number, int family, int type, bool listens) {
  const int made = socket(family, type, 0);
  sockaddr_storage address{};
  address.ss_family = static_cast<sa_family_t>(family);  // any address, any port
  const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
  expect(bind(made, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
  if (listens) expect(listen(made, 1) == 0, "listen");
  if (made == number) return;
  expect(dup2(made, number) == number, "dup2");
  close(made);
}

void expect_refused(const std::string& part) {
  const Result<ServiceManager> manager = ServiceManager::take_environment();
  expect(!manager.ok() && manager.status().code() == StatusCode::kInvalid, "it is refused");
  expect(manager.status().reason().find(part) != std::string::npos,
         manager.status().reason().c_str());
}

}  // namespace

class ServiceManagerTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ServiceManagerTest);
  CPPUNIT_TEST(without_one_nothing_happens);
  CPPUNIT_TEST(takes_sockets_apart_by_name_and_type);
  CPPUNIT_TEST(removes_the_variables);
  CPPUNIT_TEST(sockets_of_another_process_are_not_touched);
  CPPUNIT_TEST(refuses_what_is_no_listening_socket);
  CPPUNIT_TEST(refuses_numbers_and_names_that_do_not_fit);
  CPPUNIT_TEST(notifies_at_a_path_and_at_an_abstract_name);
  CPPUNIT_TEST(notifying_nobody_is_a_failure_with_a_reason);
  CPPUNIT_TEST_SUITE_END();

 public:
  void without_one_nothing_happens() {
    run_in_child([] {
      Result<ServiceManager> manager = ServiceManager::take_environment();
      expect(manager.ok(), "no manager is no failure");
      expect(manager.value().take_sockets().empty(), "no sockets");
      expect(manager.value().ready("x").ok() && manager.value().stopping("x").ok(), "no words");
    });
  }

  void takes_sockets_apart_by_name_and_type() {
    run_in_child([] {
      make_socket_at(kFirstDescriptor, AF_INET, SOCK_STREAM, true);
      make_socket_at(kFirstDescriptor + 1, AF_INET6, SOCK_DGRAM, false);
      make_socket_at(kFirstDescriptor + 2, AF_INET6, SOCK_STREAM, true);
      hand_over("3", "client:client:peer");
      Result<ServiceManager> manager = ServiceManager::take_environment();
      expect(manager.ok(), manager.status().reason().c_str());
      const std::vector<InheritedSocket> sockets = manager.value().take_sockets();
      expect(sockets.size() == 3, "three sockets");
      expect(sockets[0].name == "client" && !sockets[0].is_datagram, "the first");
      expect(sockets[1].name == "client" && sockets[1].is_datagram, "the second");
      expect(sockets[2].name == "peer" && !sockets[2].is_datagram, "the third");
      for (int i = 0; i < 3; ++i) {
        const int descriptor = sockets[static_cast<std::size_t>(i)].descriptor;
        expect(descriptor == kFirstDescriptor + i, "in their order");
        expect((fcntl(descriptor, F_GETFL) & O_NONBLOCK) != 0, "non-blocking");
        expect((fcntl(descriptor, F_GETFD) & FD_CLOEXEC) != 0, "close-on-exec");
      }
      expect(manager.value().take_sockets().empty(), "they are taken once");
    });
  }

  void removes_the_variables() {
    run_in_child([] {
      make_socket_at(kFirstDescriptor, AF_INET, SOCK_STREAM, true);
      hand_over("1", "client");
      setenv("NOTIFY_SOCKET", "/not/there", 1);
      expect(ServiceManager::take_environment().ok(), "it is taken");
      for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET"}) {
        expect(getenv(name) == nullptr, name);
      }
    });
  }

  void sockets_of_another_process_are_not_touched() {
    run_in_child([] {
      make_socket_at(kFirstDescriptor, AF_INET, SOCK_STREAM, true);
      hand_over("1", "client", getppid());
      Result<ServiceManager> manager = ServiceManager::take_environment();
      expect(manager.ok() && manager.value().take_sockets().empty(), "nothing is taken");
      expect((fcntl(kFirstDescriptor, F_GETFL) & O_NONBLOCK) == 0, "nothing is changed");
      expect(getenv("LISTEN_FDS") == nullptr, "but no child shall take it for its own");
    });
  }

  void refuses_what_is_no_listening_socket() {
    run_in_child([] {
      make_socket_at(kFirstDescriptor, AF_INET, SOCK_STREAM, false);
      hand_over("1", "client");
      expect_refused("'client' (descriptor 3) does not listen");
      expect(fcntl(kFirstDescriptor, F_GETFD) < 0, "it is closed");
    });
    run_in_child([] {
      const int file = open("/dev/null", O_RDONLY);
      if (file != kFirstDescriptor) dup2(file, kFirstDescriptor);
      hand_over("1", "client");
      expect_refused("'client' (descriptor 3) is not a socket");
    });
    run_in_child([] {
      int pair[2];
      expect(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
      if (pair[0] != kFirstDescriptor) dup2(pair[0], kFirstDescriptor);
      hand_over("1", "client");
      expect_refused("neither of IPv4 nor of IPv6");
    });
  }

  void refuses_numbers_and_names_that_do_not_fit() {
    for (const char* const count : {"", "x", "-1", "1x", "17", "99999999999999999999"}) {
      run_in_child([count] {
        hand_over(count, "client");
        expect_refused("LISTEN_FDS is '");
      });
    }
    for (const char* const names : {static_cast<const char*>(nullptr), "", "client:client"}) {
      run_in_child([names] {
        make_socket_at(kFirstDescriptor, AF_INET, SOCK_STREAM, true);
        hand_over("1", names);
        expect_refused("FileDescriptorName=");
      });
    }
  }

  void notifies_at_a_path_and_at_an_abstract_name() {
    const contract::TemporaryDirectory directory;
    run_in_child([&directory] {
      expect_notified((directory.path() / "notify").string());
      expect_notified("@rkv-unit-test-" + std::to_string(getpid()));
    });
  }

  void notifying_nobody_is_a_failure_with_a_reason() {
    for (const std::string& name : {std::string("/not/there"), std::string(200, 'x')}) {
      run_in_child([&name] {
        setenv("NOTIFY_SOCKET", name.c_str(), 1);
        const Result<ServiceManager> manager = ServiceManager::take_environment();
        const Status status = manager.value().ready("x");
        expect(!status.ok(), "nobody is there");
        expect(status.reason().find("NOTIFY_SOCKET=" + name) != std::string::npos, "it is named");
      });
    }
  }

 private:
  static void expect_notified(const std::string& name) {
    const int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    socklen_t size = sizeof address;
    if (name[0] == '@') {
      address.sun_path[0] = '\0';
      size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    }
    expect(bind(receiver, reinterpret_cast<sockaddr*>(&address), size) == 0, "bind");
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
    const Result<ServiceManager> manager = ServiceManager::take_environment();
    expect(manager.value().ready("serving").ok(), "it is told");
    expect(manager.value().stopping("told to stop").ok(), "it is told");
    expect(receive(receiver) == "READY=1\nSTATUS=serving", "ready");
    expect(receive(receiver) == "STOPPING=1\nSTATUS=told to stop", "stopping");
    close(receiver);
  }

  static std::string receive(int descriptor) {
    std::string message(4096, '\0');
    const ssize_t size = recv(descriptor, message.data(), message.size(), MSG_DONTWAIT);
    message.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
    return message;
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ServiceManagerTest);

}  // namespace rkv::posix
