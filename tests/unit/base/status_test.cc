#include "base/status.h"

#include <cppunit/extensions/HelperMacros.h>

#include <memory>
#include <set>
#include <string>

namespace rkv {
namespace {

class StatusTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(StatusTest);
  CPPUNIT_TEST(default_is_success);
  CPPUNIT_TEST(failure_has_code_and_reason);
  CPPUNIT_TEST(every_code_has_a_name_of_its_own);
  CPPUNIT_TEST(result_holds_a_value);
  CPPUNIT_TEST(result_holds_a_failure);
  CPPUNIT_TEST(result_gives_up_a_value_that_only_moves);
  CPPUNIT_TEST_SUITE_END();

  void default_is_success() {
    const Status status;
    CPPUNIT_ASSERT(status.ok());
    CPPUNIT_ASSERT(status.code() == StatusCode::kOk);
    CPPUNIT_ASSERT_EQUAL(std::string("ok"), status.to_string());
  }

  void failure_has_code_and_reason() {
    const Status status = Status::unavailable("no disk");
    CPPUNIT_ASSERT(!status.ok());
    CPPUNIT_ASSERT(status.code() == StatusCode::kUnavailable);
    CPPUNIT_ASSERT_EQUAL(std::string("no disk"), status.reason());
    CPPUNIT_ASSERT_EQUAL(std::string("not available: no disk"), status.to_string());
    CPPUNIT_ASSERT(Status::invalid("").code() == StatusCode::kInvalid);
    CPPUNIT_ASSERT(Status::unknown("").code() == StatusCode::kUnknown);
    CPPUNIT_ASSERT(Status::internal("").code() == StatusCode::kInternal);
  }

  void every_code_has_a_name_of_its_own() {
    std::set<std::string_view> names;
    for (int code = 0; code <= static_cast<int>(StatusCode::kBusy); ++code) {
      const std::string_view name = to_string(static_cast<StatusCode>(code));
      CPPUNIT_ASSERT(!name.empty());
      CPPUNIT_ASSERT(names.insert(name).second);
    }
  }

  void result_holds_a_value() {
    Result<std::string> result(std::string("value"));
    CPPUNIT_ASSERT(result.ok());
    CPPUNIT_ASSERT(result.status().ok());
    CPPUNIT_ASSERT_EQUAL(std::string("value"), result.value());
    result.value() += "s";
    CPPUNIT_ASSERT_EQUAL(std::string("values"), std::move(result).value());
  }

  void result_holds_a_failure() {
    const Result<int> result(Status::internal("broken"));
    CPPUNIT_ASSERT(!result.ok());
    CPPUNIT_ASSERT_EQUAL(std::string("error: broken"), result.status().to_string());
  }

  void result_gives_up_a_value_that_only_moves() {
    Result<std::unique_ptr<int>> result(std::make_unique<int>(7));
    const std::unique_ptr<int> taken = std::move(result).value();
    CPPUNIT_ASSERT_EQUAL(7, *taken);
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(StatusTest);

}  // namespace
}  // namespace rkv
