#include "rkv/words.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <vector>

#include "base/bytes.h"

namespace rkv::cli {
namespace {

std::vector<std::string> texts_of(std::string_view line) {
  const Result<std::vector<Word>> words = split_words(line);
  CPPUNIT_ASSERT_MESSAGE(words.status().to_string(), words.ok());
  std::vector<std::string> texts;
  for (const Word& word : words.value()) texts.push_back(word.text);
  return texts;
}

std::string reason_of(std::string_view line) {
  const Result<std::vector<Word>> words = split_words(line);
  CPPUNIT_ASSERT(words.ok() || words.status().code() == StatusCode::kInvalid);
  return words.ok() ? "split" : words.status().reason();
}

using Texts = std::vector<std::string>;

}  // namespace

class WordsTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(WordsTest);
  CPPUNIT_TEST(splits_at_blanks_and_tabs);
  CPPUNIT_TEST(keeps_blanks_between_quotes);
  CPPUNIT_TEST(takes_escapes_outside_of_single_quotes);
  CPPUNIT_TEST(takes_back_what_is_printed);
  CPPUNIT_TEST(marks_literal_words);
  CPPUNIT_TEST(has_no_words_for_comments);
  CPPUNIT_TEST(says_what_is_wrong);
  CPPUNIT_TEST_SUITE_END();

 public:
  void splits_at_blanks_and_tabs() {
    CPPUNIT_ASSERT(texts_of("").empty());
    CPPUNIT_ASSERT(texts_of(" \t ").empty());
    CPPUNIT_ASSERT((texts_of("  put\ta  b ") == Texts{"put", "a", "b"}));
    // Other bytes are nothing special.
    CPPUNIT_ASSERT((texts_of({"a\0b\r \xff", 6}) == Texts{{"a\0b\r", 4}, "\xff"}));
  }

  void keeps_blanks_between_quotes() {
    CPPUNIT_ASSERT((texts_of("'a b' \"c\td\"") == Texts{"a b", "c\td"}));
    CPPUNIT_ASSERT((texts_of("a' 'b\" \"c") == Texts{"a b c"}));
    CPPUNIT_ASSERT((texts_of("'' \"\" x") == Texts{"", "", "x"}));
    CPPUNIT_ASSERT((texts_of("'\"' \"'\"") == Texts{"\"", "'"}));
  }

  void takes_escapes_outside_of_single_quotes() {
    CPPUNIT_ASSERT(
        (texts_of(R"(\x00\xfF "\x41b" '\x41')") == Texts{{"\0\xff", 2}, "Ab", R"(\x41)"}));
    CPPUNIT_ASSERT(
        (texts_of(R"(a\ b \\ \" \' "\"\\\'")") == Texts{"a b", "\\", "\"", "'", "\"\\'"}));
    CPPUNIT_ASSERT((texts_of(R"('\')") == Texts{"\\"}));
  }

  void takes_back_what_is_printed() {
    std::string bytes;
    for (int c = 0; c < 256; ++c) {
      if (c != '"') bytes += static_cast<char>(c);
    }
    CPPUNIT_ASSERT((texts_of("\"" + printable(bytes, 2000) + "\"") == Texts{bytes}));
  }

  void marks_literal_words() {
    const std::vector<Word> expected = {{"-", false}, {"-", true}, {"@f", true},
                                        {"-x", true}, {"-", true}, {"a'", false}};
    const Result<std::vector<Word>> words = split_words(R"(- '-' "@f" \x2dx ''- a\')");
    CPPUNIT_ASSERT(words.ok() && words.value() == expected);
  }

  void has_no_words_for_comments() {
    CPPUNIT_ASSERT(texts_of("# 'not closed").empty());
    CPPUNIT_ASSERT(texts_of("  #x").empty());
    CPPUNIT_ASSERT((texts_of("get #x") == Texts{"get", "#x"}));
    CPPUNIT_ASSERT((texts_of("'#x'") == Texts{"#x"}));
  }

  void says_what_is_wrong() {
    CPPUNIT_ASSERT_EQUAL(std::string("a quote is not closed: '"), reason_of("put 'a b"));
    CPPUNIT_ASSERT_EQUAL(std::string("a quote is not closed: \""), reason_of(R"(put "a\")"));
    const std::string no_digits = "behind \\x there must be two hexadecimal digits";
    for (const char* line : {R"(\x)", R"(\x1)", R"(\xg0)", R"("\x1")", R"(a\x 1)"}) {
      CPPUNIT_ASSERT_EQUAL(no_digits, reason_of(line));
    }
    CPPUNIT_ASSERT_EQUAL(std::string(R"(\n is not an escape: \xNN, \\, \", \' or \ and a blank)"),
                         reason_of(R"(a\n)"));
    CPPUNIT_ASSERT_EQUAL(std::string(R"(\ is not an escape: \xNN, \\, \", \' or \ and a blank)"),
                         reason_of("a\\"));
  }
};
CPPUNIT_TEST_SUITE_REGISTRATION(WordsTest);

}  // namespace rkv::cli
