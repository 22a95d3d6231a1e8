#include "rkvd/identity.h"

#include <cppunit/extensions/HelperMacros.h>

#include <optional>
#include <string>

#include "base/bytes.h"

namespace rkv::daemon {
namespace {

using service::Replication;

constexpr const char* kClusterId = "0123456789abcdef0123456789abcdef";

// Of replica 2 of a cluster.
Options member_options(const std::string& replication) {
  Options options;
  options.id = 2;
  options.replicas_file = "replicas.conf";
  options.data_dir = "data";
  options.replication = replication;
  options.cluster_id = kClusterId;
  return options;
}

Identity identity_of(const Options& options) {
  const Result<Identity> made = new_identity(options);
  CPPUNIT_ASSERT_MESSAGE(made.ok() ? "" : made.status().reason(), made.ok());
  return made.value();
}

void assert_refused(const std::string& reason, const Status& status) {
  CPPUNIT_ASSERT_MESSAGE("it is taken, which should fail by: " + reason, !status.ok());
  CPPUNIT_ASSERT_EQUAL(reason, status.reason());
}

class IdentityTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(IdentityTest);
  CPPUNIT_TEST(an_identity_of_each_protocol_is_read_back);
  CPPUNIT_TEST(an_identity_of_a_later_protocol_is_not_read);
  CPPUNIT_TEST(a_directory_of_one_protocol_refuses_every_other);
  CPPUNIT_TEST(an_unknown_protocol_is_refused);
  CPPUNIT_TEST(a_coordinator_is_for_2pc);
  CPPUNIT_TEST(the_coordinator_of_a_single_replica_is_that_replica);
  CPPUNIT_TEST_SUITE_END();

 public:
  void an_identity_of_each_protocol_is_read_back() {
    for (const char* name : {"paxos", "2pc", "forward"}) {
      const Identity made = identity_of(member_options(name));
      CPPUNIT_ASSERT_EQUAL(std::string(name), std::string(name_of(made.replication)));
      const Result<Identity> read = Identity::decode(made.encode());
      CPPUNIT_ASSERT(read.ok());
      CPPUNIT_ASSERT(read.value().replication == made.replication);
      CPPUNIT_ASSERT(read.value().cluster == made.cluster);
      CPPUNIT_ASSERT(read.value().replica == made.replica);
    }
    CPPUNIT_ASSERT(replication_named("2pc") == Replication::kTwoPc);
  }

  void an_identity_of_a_later_protocol_is_not_read() {
    for (const int number : {0, 4, 99}) {
      Identity identity = identity_of(member_options("2pc"));
      identity.replication = static_cast<Replication>(number);
      CPPUNIT_ASSERT(!Identity::decode(identity.encode()).ok());
    }
  }

  void a_directory_of_one_protocol_refuses_every_other() {
    for (const std::string made_with : {"paxos", "2pc", "forward"}) {
      const Identity identity = identity_of(member_options(made_with));
      for (const std::string wanted : {"paxos", "2pc", "forward"}) {
        const Status status = check_identity(identity, member_options(wanted));
        if (wanted == made_with) {
          CPPUNIT_ASSERT(status.ok());
          continue;
        }
        std::string reason = "data directory data was made with replication ";
        reason.append(made_with).append(", not ").append(wanted).append(" (--replication)");
        assert_refused(reason, status);
      }
      CPPUNIT_ASSERT(check_identity(identity, member_options("")).ok());
    }
  }

  void an_unknown_protocol_is_refused() {
    assert_refused(
        "--replication 3pc: there is no such protocol; this version has: paxos, 2pc, forward",
        new_identity(member_options("3pc")).status());
  }

  void a_coordinator_is_for_2pc() {
    for (const std::string other : {"paxos", "forward"}) {
      Options options = member_options(other);
      const Identity identity = identity_of(options);
      options.coordinator = 1;
      const std::string reason =
          "--coordinator 1 is for replication 2pc; this replica has replication " + other;
      assert_refused(reason, new_identity(options).status());
      options.replication.clear();
      assert_refused(reason, check_identity(identity, options));
    }
    Options options = member_options("2pc");
    options.coordinator = 1;
    CPPUNIT_ASSERT(check_identity(identity_of(options), options).ok());
  }

  void the_coordinator_of_a_single_replica_is_that_replica() {
    Options options;
    options.data_dir = "data";
    options.replication = "2pc";
    options.coordinator = 1;
    const Identity identity = identity_of(options);
    CPPUNIT_ASSERT(check_identity(identity, options).ok());
    options.coordinator = 2;
    const std::string reason = "--coordinator 2: the only replica here is replica 1";
    assert_refused(reason, new_identity(options).status());
    assert_refused(reason, check_identity(identity, options));
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(IdentityTest);

}  // namespace
}  // namespace rkv::daemon
