#include "rkv/history_file.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "contract/temporary_directory.h"

namespace rkv::cli {
namespace {

using Lines = std::vector<std::string>;

}  // namespace

class HistoryFileTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(HistoryFileTest);
  CPPUNIT_TEST(keeps_lines);
  CPPUNIT_TEST(leaves_lines_out);
  CPPUNIT_TEST(is_bounded);
  CPPUNIT_TEST(is_shared);
  CPPUNIT_TEST(tells_why_not);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    owned_ = std::make_unique<contract::TemporaryDirectory>();
    directory_ = owned_->path().string();
    path_ = directory_ + "/a/b/history";
  }
  void tearDown() override { owned_.reset(); }

  void keeps_lines() {
    HistoryFile file(path_);
    CPPUNIT_ASSERT(file.load().ok() && file.load().value().empty());
    CPPUNIT_ASSERT(!std::filesystem::exists(directory_ + "/a"));
    CPPUNIT_ASSERT(file.add("put a 1").ok() && file.add("get a").ok());
    CPPUNIT_ASSERT((HistoryFile(path_).load().value() == Lines{"put a 1", "get a"}));
    struct stat info {};
    CPPUNIT_ASSERT(stat(path_.c_str(), &info) == 0 && (info.st_mode & 0777U) == 0600U);
  }

  void leaves_lines_out() {
    HistoryFile file(path_);
    CPPUNIT_ASSERT(file.add("").ok() && file.add(" put secret 1").ok());
    CPPUNIT_ASSERT(file.add(std::string(HistoryFile::kLineSizeMax + 1, 'x')).ok());
    CPPUNIT_ASSERT(!std::filesystem::exists(path_));
    const std::string longest(HistoryFile::kLineSizeMax, 'x');
    CPPUNIT_ASSERT(file.add(longest).ok());
    CPPUNIT_ASSERT((file.load().value() == Lines{longest}));
  }

  void is_bounded() {
    HistoryFile file(path_);
    std::size_t most = 0;
    const std::size_t count = 5 * HistoryFile::kLinesMax / 2;
    for (std::size_t i = 1; i <= count; ++i) {
      CPPUNIT_ASSERT(file.add(std::to_string(i)).ok());
      if (i % 100 == 0) most = std::max(most, lines_in_file());
    }
    CPPUNIT_ASSERT(most > HistoryFile::kLinesMax && most < 2 * HistoryFile::kLinesMax);
    const Lines lines = HistoryFile(path_).load().value();
    CPPUNIT_ASSERT_EQUAL(HistoryFile::kLinesMax, lines.size());
    CPPUNIT_ASSERT_EQUAL(HistoryFile::kLinesMax, lines_in_file());
    CPPUNIT_ASSERT_EQUAL(std::to_string(count), lines.back());
    const auto entries = std::filesystem::directory_iterator(directory_ + "/a/b");
    CPPUNIT_ASSERT_EQUAL(std::ptrdiff_t{1}, std::distance(begin(entries), end(entries)));
  }

  void is_shared() {
    HistoryFile one(path_);
    HistoryFile other(path_);
    CPPUNIT_ASSERT(one.add("a").ok() && other.add("b").ok() && one.add("c").ok());
    CPPUNIT_ASSERT((other.load().value() == Lines{"a", "b", "c"}));
  }

  void tells_why_not() {
    std::ofstream(directory_ + "/file") << "x";
    HistoryFile file(directory_ + "/file/history");
    CPPUNIT_ASSERT_EQUAL(directory_ + "/file/history: Not a directory", file.add("x").reason());
    CPPUNIT_ASSERT_EQUAL(directory_ + ": Is a directory",
                         HistoryFile(directory_).load().status().reason());
  }

 private:
  std::size_t lines_in_file() const {
    std::ifstream file(path_);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
  }

  std::unique_ptr<contract::TemporaryDirectory> owned_;
  std::string directory_;
  std::string path_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(HistoryFileTest);

}  // namespace rkv::cli
