#include "rkv/load_place.h"

#include <cppunit/extensions/HelperMacros.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "contract/temporary_directory.h"

namespace rkv::cli {
namespace {

FileStamp stamp_of(const InputFile& file) {
  const Result<FileStamp> stamp = file.stamp();
  CPPUNIT_ASSERT_MESSAGE(stamp.status().to_string(), stamp.ok());
  return stamp.value();
}

}  // namespace

class LoadPlaceTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(LoadPlaceTest);
  CPPUNIT_TEST(goes_on_where_it_was_noted);
  CPPUNIT_TEST(does_not_go_on_with_another_file);
  CPPUNIT_TEST(does_not_go_on_with_a_file_that_has_changed);
  CPPUNIT_TEST(does_not_go_on_in_another_cluster);
  CPPUNIT_TEST(does_not_go_on_from_what_it_cannot_read);
  CPPUNIT_TEST_SUITE_END();

 public:
  void setUp() override {
    owned_ = std::make_unique<contract::TemporaryDirectory>();
    directory_ = owned_->path().string();
    path_ = directory_ + "/lines";
    write("lines", "a\t1\n");
  }
  void tearDown() override { owned_.reset(); }

  void goes_on_where_it_was_noted() {
    LoadPlace fresh = place();
    CPPUNIT_ASSERT(fresh.read().ok() && fresh.keys() == 0);
    CPPUNIT_ASSERT(fresh.note(7).ok() && fresh.note(9).ok());
    LoadPlace later = place();
    CPPUNIT_ASSERT(later.read().ok());
    CPPUNIT_ASSERT_EQUAL(std::uint64_t{9}, later.keys());
    later.remove();
    CPPUNIT_ASSERT(!std::filesystem::exists(path_ + ".loaded"));
  }

  void does_not_go_on_with_another_file() {
    const std::unique_ptr<InputFile> file = InputFile::open(path_).value();
    LoadPlace place_of_it(path_, stamp_of(*file), "c1");
    // Of the same size and time, in its place: what is noted is about the one that is open.
    write("other", "b\t1\n");
    const auto modified = std::filesystem::last_write_time(path_);
    std::filesystem::last_write_time(directory_ + "/other", modified);
    std::filesystem::rename(directory_ + "/other", path_);
    CPPUNIT_ASSERT(place_of_it.note(7).ok());
    CPPUNIT_ASSERT_EQUAL(
        path_ + ".loaded is not about this file as it is now: remove it to begin anew", reason());
    CPPUNIT_ASSERT(LoadPlace(path_, stamp_of(*file), "c1").read().ok());
  }

  void does_not_go_on_with_a_file_that_has_changed() {
    const std::unique_ptr<InputFile> file = InputFile::open(path_).value();
    LoadPlace place_of_it(path_, stamp_of(*file), "c1");
    std::ofstream(path_, std::ios::app) << "b\t2\n";
    CPPUNIT_ASSERT(place_of_it.note(7).ok());
    CPPUNIT_ASSERT(!reason().empty());
  }

  void does_not_go_on_in_another_cluster() {
    CPPUNIT_ASSERT(place().note(7).ok());
    CPPUNIT_ASSERT_EQUAL(path_ +
                             ".loaded is about a load into cluster c1, not into this one, c2: "
                             "remove it to begin anew",
                         place("c2").read().reason());
    CPPUNIT_ASSERT(place().read().ok());
  }

  void does_not_go_on_from_what_it_cannot_read() {
    for (const char* text : {"", "7", "{\"rkv_load_place\":1,\"keys\":7}", "{\"rkv_load_place\":2}",
                             "{\"rkv_load_place\":2,\"keys\":7}",
                             "{\"rkv_load_place\":2,\"keys\":-1,\"cluster\":\"c1\"}"}) {
      write("lines.loaded", text);
      CPPUNIT_ASSERT_EQUAL(path_ + ".loaded does not say where to go on: remove it to begin anew",
                           reason());
    }
  }

 private:
  void write(const std::string& name, const std::string& content) {
    std::ofstream(directory_ + "/" + name, std::ios::binary) << content;
  }

  LoadPlace place(const std::string& cluster = "c1") {
    return {path_, stamp_of(*InputFile::open(path_).value()), cluster};
  }

  // Why a load does not go on; empty if it does.
  std::string reason() { return place().read().reason(); }

  std::unique_ptr<contract::TemporaryDirectory> owned_;
  std::string directory_;
  std::string path_;
};
CPPUNIT_TEST_SUITE_REGISTRATION(LoadPlaceTest);

}  // namespace rkv::cli
