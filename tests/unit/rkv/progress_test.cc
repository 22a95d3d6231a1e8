#include "rkv/progress.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>

namespace rkv::cli {

class ProgressTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(ProgressTest);
  CPPUNIT_TEST(draws_a_bar_where_there_is_room);
  CPPUNIT_TEST(has_no_percentage_without_a_total);
  CPPUNIT_TEST(never_says_more_than_all);
  CPPUNIT_TEST(fits_the_terminal);
  CPPUNIT_TEST_SUITE_END();

 public:
  void draws_a_bar_where_there_is_room() {
    CPPUNIT_ASSERT_EQUAL(
        "[" + std::string(20, '#') + std::string(20, '.') + "]  50%  1000 keys, 500 keys/s",
        progress_line({5, 10, 1000, seconds(2)}, 200));
    CPPUNIT_ASSERT_EQUAL(std::string("[#####.....]  50%  1000 keys, 500 keys/s"),
                         progress_line({5, 10, 1000, seconds(2)}, 41));
    CPPUNIT_ASSERT_EQUAL(std::string(" 50%  1000 keys, 500 keys/s"),
                         progress_line({5, 10, 1000, seconds(2)}, 40));
  }

  void has_no_percentage_without_a_total() {
    CPPUNIT_ASSERT_EQUAL(std::string("7 keys, 7 keys/s"), progress_line({9, 0, 7, seconds(1)}, 80));
    CPPUNIT_ASSERT_EQUAL(std::string("0 keys, 0 keys/s"), progress_line({}, 80));
  }

  void never_says_more_than_all() {
    const std::string line = progress_line({11, 10, 1, seconds(1)}, 80);
    CPPUNIT_ASSERT_EQUAL("[" + std::string(40, '#') + "] 100%  1 keys, 1 keys/s", line);
    // 100% is all, and not nearly all.
    const std::string nearly = progress_line({999, 1000, 1, seconds(1)}, 40);
    CPPUNIT_ASSERT_MESSAGE(nearly, nearly.find(" 99%") != std::string::npos);
  }

  void fits_the_terminal() {
    for (std::size_t columns = 0; columns < 100; ++columns) {
      const std::string line = progress_line({1, 3, 123456789, seconds(1)}, columns);
      CPPUNIT_ASSERT(line.size() < columns || line.empty());
    }
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(ProgressTest);

}  // namespace rkv::cli
