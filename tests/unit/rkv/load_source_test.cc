#include "rkv/load_source.h"

#include <cppunit/extensions/HelperMacros.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "contract/temporary_directory.h"

namespace rkv::cli {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

}  // namespace

class LoadSourceTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LoadSourceTest);
  CPPUNIT_TEST(reads_lines);
  CPPUNIT_TEST(refuses_lines_that_cannot_be_stored);
  CPPUNIT_TEST(takes_lines_up_to_the_limits);
  CPPUNIT_TEST(settles_before_it_waits);
  CPPUNIT_TEST(stops_when_nothing_more_is_wanted);
  CPPUNIT_TEST(walks_a_directory_in_order);
  CPPUNIT_TEST(tells_of_files_it_cannot_load);
  CPPUNIT_TEST(tells_how_far_it_is);
  CPPUNIT_TEST(cuts_input_into_lines);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    owned_ = std::make_unique<contract::TemporaryDirectory>();
    directory_ = owned_->path().string();
  }
  void tearDown() override { owned_.reset(); }

  void reads_lines() {
    load(std::string("a\t1\nb\t\nc\tx\ty\0\xff\r\nlast\tz", 22));
    const Pairs expected = {
        {"a", "1"}, {"b", ""}, {"c", std::string("x\ty\0\xff\r", 6)}, {"last", "z"}};
    CPPUNIT_ASSERT(pairs_ == expected);
    CPPUNIT_ASSERT(failures_.empty());
  }

  void refuses_lines_that_cannot_be_stored() {
    load("a\t1\n\nno tab\n\tno key\nb\t2\nv\t" + std::string(kValueSizeMax + 1, 'v') + "\nk" +
         std::string(2 * kValueSizeMax, 'k') + "\nc\t3");
    const Pairs expected = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
    CPPUNIT_ASSERT(pairs_ == expected);
    const Pairs failures = {
        {"line 2", "invalid: no tab between a key and a value"},
        {"line 3", "invalid: no tab between a key and a value"},
        {"line 4", "invalid: the key is empty, it needs at least 1 byte"},
        {"line 6", "over a limit: the value has 1048577 bytes, the limit is 1048576"},
        {"line 7", "invalid: no tab between a key and a value"},
    };
    CPPUNIT_ASSERT(failures_ == failures);
  }

  void takes_lines_up_to_the_limits() {
    const std::string key(kKeySizeMax, 'k');
    const std::string value(kValueSizeMax, 'v');
    load(key + "\t" + value + "\n" + key + "\t" + value + "v\n");
    CPPUNIT_ASSERT((pairs_ == Pairs{{key, value}}));
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, failures_.size());
  }

  void settles_before_it_waits() {
    const std::string path = directory_ + "/fifo";
    CPPUNIT_ASSERT(mkfifo(path.c_str(), 0600) == 0);
    const int writer = open(path.c_str(), O_RDWR);
    CPPUNIT_ASSERT(writer >= 0 && write(writer, "a\t1\n", 4) == 4);
    const auto file = InputFile::open(path);
    CPPUNIT_ASSERT(file.ok());
    // When there is nothing more to read, what was read must be settled; only then comes the rest.
    LoadSink sink = make_sink();
    sink.settle = [&] {
      CPPUNIT_ASSERT((pairs_ == Pairs{{"a", "1"}}));
      CPPUNIT_ASSERT(write(writer, "b\t2\n", 4) == 4);
      wanted_ = false;
    };
    load_lines(*file.value(), sink);
    close(writer);
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pairs_.size());
  }

  void stops_when_nothing_more_is_wanted() {
    LoadSink sink = make_sink();
    sink.put = [this](std::string key, std::string value) {
      pairs_.emplace_back(std::move(key), std::move(value));
      wanted_ = pairs_.size() < 2;
    };
    write_file("lines", "a\t1\nb\t2\nc\t3\nd\t4");
    load_lines(*InputFile::open(directory_ + "/lines").value(), sink);
    CPPUNIT_ASSERT((pairs_ == Pairs{{"a", "1"}, {"b", "2"}}));
  }

  void walks_a_directory_in_order() {
    std::filesystem::create_directories(directory_ + "/b/deep");
    write_file("b/deep/file", std::string("\0\n", 2));
    write_file("b.txt", "");
    write_file("a", "1");
    std::filesystem::create_symlink("a", directory_ + "/link");
    std::filesystem::create_symlink("b", directory_ + "/link-to-directory");
    std::filesystem::create_symlink("nowhere", directory_ + "/dangling");
    CPPUNIT_ASSERT(mkfifo((directory_ + "/fifo").c_str(), 0600) == 0);
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{3}, load_directory(directory_, make_sink()));
    const Pairs expected = {
        {"a", "1"}, {"b.txt", ""}, {"b/deep/file", std::string("\0\n", 2)}, {"link", "1"}};
    CPPUNIT_ASSERT(pairs_ == expected);
    CPPUNIT_ASSERT(failures_.empty());
  }

  void tells_of_files_it_cannot_load() {
    write_file("big", std::string(kValueSizeMax + 1, 'v'));
    write_file("just", std::string(kValueSizeMax, 'v'));
    load_directory(directory_ + "/absent", make_sink());
    load_directory(directory_, make_sink());
    CPPUNIT_ASSERT_EQUAL(std::size_t{1}, pairs_.size());
    CPPUNIT_ASSERT_EQUAL(std::string("just"), pairs_[0].first);
    const Pairs failures = {{directory_ + "/absent", "error: No such file or directory"},
                            {"", "over a limit: " + directory_ +
                                     "/big has more than 1048576 bytes, which is the limit"}};
    CPPUNIT_ASSERT(failures_ == failures);
  }

  void tells_how_far_it_is() {
    using Reached = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
    Reached reached;
    LoadSink sink = make_sink();
    sink.reached = [&reached](std::uint64_t done, std::uint64_t total) {
      reached.emplace_back(done, total);
    };
    write_file("lines", "a\t1\n\nbc\t2");
    load_lines(*InputFile::open(directory_ + "/lines").value(), sink);
    CPPUNIT_ASSERT((reached == Reached{{4, 9}, {5, 9}}));
    reached.clear();
    write_file("other", "1");
    load_directory(directory_, sink);
    CPPUNIT_ASSERT((reached == Reached{{1, 2}, {2, 2}}));
  }

  void cuts_input_into_lines() {
    constexpr std::size_t kMax = 100'000;
    const std::string longest(kMax, 'x');
    write_file("lines", "a\n\n" + longest + "\n" + longest + "y\n" + longest + longest + longest +
                            "\nb" + std::string(1, '\0') + "\nend");
    const auto file = InputFile::open(directory_ + "/lines");
    LineReader reader(*file.value(), kMax);
    const auto next = [&reader]() -> std::string {
      const Result<std::optional<std::string>> line = reader.next();
      return line.ok() ? line.value().value_or("(end)") : line.status().to_string();
    };
    const std::string too_long =
        "over a limit: a line has more than 100000 bytes, which is the limit";
    for (const std::string& expected :
         {std::string("a"), std::string(), longest, too_long, too_long, std::string("b\0", 2),
          std::string("end"), std::string("(end)"), std::string("(end)")}) {
      CPPUNIT_ASSERT_EQUAL(expected, next());
    }
  }

 private:
  LoadSink make_sink() {
    return {[this](std::string key, std::string value) {
              pairs_.emplace_back(std::move(key), std::move(value));
            },
            [this](const std::string& name, const Status& status) {
              failures_.emplace_back(name, status.to_string());
            },
            [] {}, [this] { return wanted_; }};
  }

  void write_file(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << content;
  }

  void load(const std::string& content) {
    write_file("lines", content);
    load_lines(*InputFile::open(directory_ + "/lines").value(), make_sink());
  }

  std::unique_ptr<contract::TemporaryDirectory> owned_;
  std::string directory_;
  Pairs pairs_;
  Pairs failures_;
  bool wanted_ = true;
};
CPPUNIT_TEST_SUITE_REGISTRATION(LoadSourceTest);

}  // namespace rkv::cli
