#include "rkv/output.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

#include "rkv/exit_status.h"
#include "rkv/json.h"

namespace rkv::cli {

class OutputTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(OutputTest);
  CPPUNIT_TEST(adds_text_as_text_and_other_bytes_in_base64);
  CPPUNIT_TEST(aligns_tables);
  CPPUNIT_TEST(draws_tables);
  CPPUNIT_TEST(draws_cells_that_span_columns);
  CPPUNIT_TEST(maps_every_status);
  CPPUNIT_TEST(finds_the_worse_status);
  CPPUNIT_TEST(shows_any_bytes_on_one_line);
  CPPUNIT_TEST_SUITE_END();

 public:
  void adds_text_as_text_and_other_bytes_in_base64() {
    Json object;
    add_bytes(object, "key", "gr\xc3\xbc\xc3\x9f\n");
    add_bytes(object, "value", "\xff");
    CPPUNIT_ASSERT_EQUAL(
        std::string("{\n  \"key\": \"gr\xc3\xbc\xc3\x9f\\n\",\n  \"value_base64\": \"/w==\"\n}\n"),
        to_text(object));
  }

  void aligns_tables() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("id   name  z\n"
                    "100  x     y\n"
                    "2    a long reason\n"),
        format_table({{"id", "name", "z"}, {"100", "x", "y"}, {"2", "a long reason"}}));
  }

  void draws_tables() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("+-----+-------+--------+\n"
                    "| id  | name  | leader |\n"
                    "+-----+-------+--------+\n"
                    "|   1 | gr\xc3\xbc\xc3\x9f  |      - |\n"
                    "| 200 | other |      1 |\n"
                    "+-----+-------+--------+\n"),
        draw_table(
            {{"id", "name", "leader"}, {"1", "gr\xc3\xbc\xc3\x9f", "-"}, {"200", "other", "1"}}));
    CPPUNIT_ASSERT_EQUAL(std::string("+----+\n| id |\n+----+\n+----+\n"), draw_table({{"id"}}));
  }

  void draws_cells_that_span_columns() {
    CPPUNIT_ASSERT_EQUAL(
        std::string("+----+---+-------------+\n"
                    "| id | a | b           |\n"
                    "+----+---+-------------+\n"
                    "|  1 | x | y           |\n"
                    "|  2 | a longer reason |\n"
                    "|  3 | short           |\n"
                    "+----+---+-------------+\n"),
        draw_table({{"id", "a", "b"}, {"1", "x", "y"}, {"2", "a longer reason"}, {"3", "short"}}));
  }

  void maps_every_status() {
    CPPUNIT_ASSERT_EQUAL(0, static_cast<int>(exit_status_of(StatusCode::kOk)));
    CPPUNIT_ASSERT_EQUAL(1, static_cast<int>(exit_status_of(StatusCode::kNotFound)));
    CPPUNIT_ASSERT_EQUAL(2, static_cast<int>(exit_status_of(StatusCode::kInvalid)));
    CPPUNIT_ASSERT_EQUAL(3, static_cast<int>(exit_status_of(StatusCode::kUnavailable)));
    CPPUNIT_ASSERT_EQUAL(3, static_cast<int>(exit_status_of(StatusCode::kBusy)));
    CPPUNIT_ASSERT_EQUAL(4, static_cast<int>(exit_status_of(StatusCode::kUnknown)));
    CPPUNIT_ASSERT_EQUAL(5, static_cast<int>(exit_status_of(StatusCode::kDenied)));
    CPPUNIT_ASSERT_EQUAL(6, static_cast<int>(exit_status_of(StatusCode::kOverLimit)));
    CPPUNIT_ASSERT_EQUAL(7, static_cast<int>(exit_status_of(StatusCode::kInternal)));
    CPPUNIT_ASSERT_EQUAL(8, static_cast<int>(exit_status_of(StatusCode::kPartlyApplied)));
  }

  void finds_the_worse_status() {
    CPPUNIT_ASSERT_EQUAL(kExitUnknown, worse_of(kExitUnknown, kExitError));
    CPPUNIT_ASSERT_EQUAL(kExitUnavailable, worse_of(kExitOk, kExitUnavailable));
    CPPUNIT_ASSERT_EQUAL(kExitPartlyApplied, worse_of(kExitUnknown, kExitPartlyApplied));
    CPPUNIT_ASSERT_EQUAL(kExitOk, worse_of(kExitOk, kExitOk));
  }

  // What is between double quotes in the shell means the same bytes again.
  void shows_any_bytes_on_one_line() {
    CPPUNIT_ASSERT_EQUAL(std::string("gr\xc3\xbc\xc3\x9f a"), on_one_line("gr\xc3\xbc\xc3\x9f a"));
    CPPUNIT_ASSERT_EQUAL(std::string("a\\x09b\\x0a\\\\"), on_one_line("a\tb\n\\"));
    CPPUNIT_ASSERT_EQUAL(std::string("\\x00\\xff"), on_one_line({"\0\xff", 2}));
    const std::string long_one(5000, '\xff');
    CPPUNIT_ASSERT_EQUAL(4 * long_one.size(), on_one_line(long_one).size());
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(OutputTest);

}  // namespace rkv::cli
