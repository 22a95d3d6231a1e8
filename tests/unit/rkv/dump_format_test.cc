#include "rkv/dump_format.h"

#include <cppunit/extensions/HelperMacros.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "contract/temporary_directory.h"
#include "rkv/dump_file.h"
#include "rkv/load_source.h"

namespace rkv::cli {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

const Pairs kPairs = {{std::string("\0k", 2), "v"},
                      {"a", "text\twith\n\"all\\\" of it"},
                      {"b", std::string("\xff\0", 2)},
                      {"gr\xc3\xbc\xc3\x9f", ""}};

std::string dump_of(const Pairs& pairs) {
  DumpHash hash;
  std::string text = dump_header({{"revision", 7}});
  for (const auto& [key, value] : pairs) {
    hash.add(key, value);
    text += dump_entry(key, value);
  }
  return text + dump_end(hash);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t place = text.find(from);
  CPPUNIT_ASSERT_MESSAGE(from + " is not in " + text, place != std::string::npos);
  return text.replace(place, from.size(), to);
}

}  // namespace

class DumpFormatTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(DumpFormatTest);
  CPPUNIT_TEST(writes_text_as_text_and_the_rest_as_base64);
  CPPUNIT_TEST(gives_back_what_was_written);
  CPPUNIT_TEST(a_dump_is_known_by_its_beginning);
  CPPUNIT_TEST(notices_what_is_cut_or_changed);
  CPPUNIT_TEST(a_file_goes_on_where_its_place_says);
  CPPUNIT_TEST(a_file_gets_its_name_at_the_end);
  CPPUNIT_TEST(takes_the_place_of_a_regular_file_only);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    owned_ = std::make_unique<contract::TemporaryDirectory>();
    directory_ = owned_->path().string();
  }
  void tearDown() override { owned_.reset(); }

  void writes_text_as_text_and_the_rest_as_base64() {
    CPPUNIT_ASSERT_EQUAL(std::string("{\"rkv_dump\":1,\"revision\":7}\n"),
                         dump_header({{"revision", 7}}));
    CPPUNIT_ASSERT(dump_header({}).starts_with(kDumpBeginning));
    CPPUNIT_ASSERT_EQUAL(std::string("{\"key\":\"a\",\"value\":\"x\\ty\\n\"}\n"),
                         dump_entry("a", "x\ty\n"));
    CPPUNIT_ASSERT_EQUAL(std::string("{\"key_base64\":\"AA==\",\"value_base64\":\"/w==\"}\n"),
                         dump_entry(std::string(1, '\0'), "\xff"));
    // What XXH3 gives for no bytes at all.
    CPPUNIT_ASSERT_EQUAL(
        std::string("{\"keys\":0,\"xxh3_128\":\"99aa06d3014798d86001c324468d497f\"}\n"),
        dump_end(DumpHash()));
  }

  void gives_back_what_was_written() {
    CPPUNIT_ASSERT(load(dump_of(kPairs)).empty() && loaded_ == kPairs);
    CPPUNIT_ASSERT(load(dump_of({})).empty() && loaded_.empty());
    // A file whose last newline somebody has taken off.
    std::string text = dump_of(kPairs);
    text.pop_back();
    CPPUNIT_ASSERT(load(text).empty() && loaded_ == kPairs);
  }

  void a_dump_is_known_by_its_beginning() {
    CPPUNIT_ASSERT_EQUAL(std::string(), load("{\"rkv\t1\n"));
    CPPUNIT_ASSERT((loaded_ == Pairs{{"{\"rkv", "1"}}));
    CPPUNIT_ASSERT_EQUAL(std::string(), load(""));
    CPPUNIT_ASSERT(!check("{\"rkv\t1\n").value() && !check("").value());
    CPPUNIT_ASSERT(check(dump_of(kPairs)).value());
    CPPUNIT_ASSERT_EQUAL(
        std::string("invalid: line 1: this is version 2 of the format, which this rkv does not "
                    "know"),
        load("{\"rkv_dump\":2}\n"));
  }

  void notices_what_is_cut_or_changed() {
    const std::string text = dump_of(kPairs);
    // Cut anywhere, but for its last newline.
    for (std::size_t size = kDumpBeginning.size(); size + 1 < text.size(); ++size) {
      CPPUNIT_ASSERT_MESSAGE(text.substr(0, size), !check(text.substr(0, size)).ok());
    }
    const std::string end = text.substr(text.rfind("{\"keys"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("invalid: the dump has no end, so it is cut off: 4 keys are there"),
        load(replaced(text, end, "")));
    CPPUNIT_ASSERT_EQUAL(std::string("invalid: line 6: the hash is another one: the dump has been "
                                     "changed or damaged"),
                         load(replaced(text, "\"key\":\"a\"", "\"key\":\"c\"")));
    CPPUNIT_ASSERT_EQUAL(
        std::string("invalid: line 5: the dump says that it has 4 keys, but there are 3"),
        load(replaced(text, dump_entry(kPairs[1].first, kPairs[1].second), "")));
    CPPUNIT_ASSERT_EQUAL(
        std::string("invalid: line 7: there is something behind the end of the dump"),
        load(text + "{}\n"));
    CPPUNIT_ASSERT_EQUAL(
        std::string("invalid: line 3: this is not a JSON object; is the dump cut off here?"),
        load(replaced(text, "{\"key\":\"a\"", "{\"key\":")));
    CPPUNIT_ASSERT_EQUAL(
        std::string("invalid: line 3: there is no key, or no value, or it is no base64"),
        load(replaced(text, "{\"key\":\"a\"", "{\"key\":\"a\",\"key_base64\":\"AA==\"")));
  }

  void a_file_goes_on_where_its_place_says() {
    const std::string path = directory_ + "/d";
    const std::string first = dump_header({}) + dump_entry("a", "1");
    {
      DumpHash hash;
      DumpFile file(path);
      CPPUNIT_ASSERT(!file.reopen(&hash).value());
      CPPUNIT_ASSERT(file.create().ok() && file.write(first).ok());
      CPPUNIT_ASSERT(file.note_place({"t\xff", "h:1", 0, "all keys", 7}).ok());
      CPPUNIT_ASSERT(file.write("{\"key\":\"half a li").ok());
    }
    DumpHash hash;
    DumpFile file(path);
    const Result<std::optional<DumpPlace>> place = file.reopen(&hash);
    CPPUNIT_ASSERT_MESSAGE(place.status().to_string(), place.ok() && place.value());
    CPPUNIT_ASSERT(place.value()->token == "t\xff" && place.value()->server == "h:1");
    CPPUNIT_ASSERT(place.value()->range == "all keys" && place.value()->revision == 7);
    hash.add("b", "2");
    CPPUNIT_ASSERT(file.write(dump_entry("b", "2") + dump_end(hash)).ok() && file.commit().ok());
    CPPUNIT_ASSERT_EQUAL(std::string(), load(content(path)));
    CPPUNIT_ASSERT((loaded_ == Pairs{{"a", "1"}, {"b", "2"}}));
    // What is left of a dump that has been changed is not gone on with.
    {
      DumpFile other(path);
      CPPUNIT_ASSERT(other.create().ok() && other.write(first).ok());
      CPPUNIT_ASSERT(other.note_place({"t", "h:1", 0, "all keys", 7}).ok());
    }
    std::filesystem::resize_file(path + ".part", first.size() - 3);
    DumpHash other_hash;
    CPPUNIT_ASSERT(!DumpFile(path).reopen(&other_hash).ok());
  }

  void a_file_gets_its_name_at_the_end() {
    const std::string path = directory_ + "/d";
    DumpFile file(path);
    CPPUNIT_ASSERT(file.create().ok() && file.write("x").ok());
    CPPUNIT_ASSERT(file.note_place({"t", "h:1", 0, "all keys", 7}).ok());
    CPPUNIT_ASSERT((names() == std::vector<std::string>{"d.part", "d.part.place"}));
    CPPUNIT_ASSERT(file.commit().ok());
    CPPUNIT_ASSERT((names() == std::vector<std::string>{"d"}));
    DumpFile discarded(directory_ + "/e");
    CPPUNIT_ASSERT(discarded.create().ok());
    discarded.discard();
    CPPUNIT_ASSERT((names() == std::vector<std::string>{"d"}));
  }

  void takes_the_place_of_a_regular_file_only() {
    const auto reason = [this](const std::string& name) {
      return DumpFile(directory_ + "/" + name).check_place().reason();
    };
    const auto refused = [this](const std::string& what) {
      return directory_ + "/" + what + ", and the dump would take its place: ";
    };
    const std::string to_output = "name another FILE, or leave it out and redirect standard output";
    write("x");
    CPPUNIT_ASSERT_EQUAL(std::string(), reason("input") + reason("absent"));
    const std::string pipe = directory_ + "/pipe";
    CPPUNIT_ASSERT(mkfifo(pipe.c_str(), 0600) == 0);
    CPPUNIT_ASSERT_EQUAL(refused("pipe is a FIFO") + to_output, reason("pipe"));
    std::filesystem::rename(pipe, directory_ + "/d.part");
    CPPUNIT_ASSERT_EQUAL(refused("d.part is a FIFO") + "remove it, or name another FILE",
                         reason("d"));
    std::filesystem::create_directory(directory_ + "/folder");
    CPPUNIT_ASSERT_EQUAL(refused("folder is a directory") + to_output, reason("folder"));
    std::filesystem::create_symlink("input", directory_ + "/link");
    CPPUNIT_ASSERT_EQUAL(refused("link is a symbolic link") + to_output, reason("link"));
    std::filesystem::remove(directory_ + "/input");
    CPPUNIT_ASSERT_EQUAL(refused("link is a symbolic link") + to_output, reason("link"));
    CPPUNIT_ASSERT_EQUAL(
        "/dev/null is a device or a socket, and the dump would take its place: " + to_output,
        DumpFile("/dev/null").check_place().reason());
  }

 private:
  void write(const std::string& text) {
    std::ofstream(directory_ + "/input", std::ios::binary) << text;
  }
  std::string content(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  std::vector<std::string> names() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  // The failure, or nothing; what was loaded is in loaded_.
  std::string load(const std::string& text) {
    write(text);
    loaded_.clear();
    std::string failure;
    load_lines(
        *InputFile::open(directory_ + "/input").value(),
        {[this](std::string key, std::string value) {
           loaded_.emplace_back(std::move(key), std::move(value));
         },
         [&failure](const std::string&, const Status& status) { failure += status.to_string(); },
         [] {}, [] { return true; }});
    return failure;
  }

  Result<bool> check(const std::string& text) {
    write(text);
    return check_dump(*InputFile::open(directory_ + "/input").value(),
                      [](std::uint64_t, std::uint64_t) {});
  }

  std::unique_ptr<contract::TemporaryDirectory> owned_;
  std::string directory_;
  Pairs loaded_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(DumpFormatTest);

}  // namespace rkv::cli
