#include "base/bytes.h"

#include <cppunit/extensions/HelperMacros.h>

#include <string>
#include <string_view>

namespace rkv {
namespace {

using namespace std::string_literals;

class BytesTest : public CppUnit::TestFixture {
  CPPUNIT_TEST_SUITE(BytesTest);
  CPPUNIT_TEST(hex_of_every_byte_round_trips);
  CPPUNIT_TEST(hex_refuses_other_text);
  CPPUNIT_TEST(base64_is_that_of_rfc_4648);
  CPPUNIT_TEST(base64_has_one_form_only);
  CPPUNIT_TEST(printable_escapes);
  CPPUNIT_TEST(printable_cuts);
  CPPUNIT_TEST(text_is_well_formed);
  CPPUNIT_TEST(text_is_not_ill_formed);
  CPPUNIT_TEST(text_has_no_control_characters);
  CPPUNIT_TEST(numbers_are_big_endian);
  CPPUNIT_TEST(opaque_is_padded);
  CPPUNIT_TEST(reader_reads_what_was_appended);
  CPPUNIT_TEST(reader_notices_every_truncation);
  CPPUNIT_TEST(reader_holds_to_the_size_limit);
  CPPUNIT_TEST(reader_stays_failed);
  CPPUNIT_TEST_SUITE_END();

  void hex_of_every_byte_round_trips() {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    const std::string text = to_hex(bytes);
    CPPUNIT_ASSERT_EQUAL(std::size_t{512}, text.size());
    CPPUNIT_ASSERT_EQUAL("00010203"s, text.substr(0, 8));
    CPPUNIT_ASSERT_EQUAL("fcfdfeff"s, text.substr(504));
    CPPUNIT_ASSERT(from_hex(text) == bytes);
    CPPUNIT_ASSERT(from_hex("aBCd") == "\xAB\xCD"s);
    CPPUNIT_ASSERT(from_hex("") == ""s);
  }

  void hex_refuses_other_text() {
    for (const char* text : {"0", "000", "0g", "g0", "0 ", "0x", "/0", ":0", "@0", "`0"}) {
      CPPUNIT_ASSERT_MESSAGE(text, !from_hex(text));
    }
  }

  void base64_is_that_of_rfc_4648() {
    CPPUNIT_ASSERT_EQUAL(std::string(), to_base64(""));
    CPPUNIT_ASSERT_EQUAL(std::string("Zg=="), to_base64("f"));
    CPPUNIT_ASSERT_EQUAL(std::string("Zm8="), to_base64("fo"));
    CPPUNIT_ASSERT_EQUAL(std::string("Zm9v"), to_base64("foo"));
    CPPUNIT_ASSERT_EQUAL(std::string("Zm9vYmFy"), to_base64("foobar"));
    CPPUNIT_ASSERT_EQUAL(std::string("AP/+Pw=="), to_base64({"\0\xff\xfe\x3f", 4}));
  }

  void base64_has_one_form_only() {
    for (const std::string& bytes :
         {std::string(), std::string("\xff"), std::string("ab"), std::string("abc\0", 4)}) {
      CPPUNIT_ASSERT(from_base64(to_base64(bytes)) == bytes);
    }
    for (const char* text :
         {"A", "AA", "AAA", "AB==", "AAB=", "A===", "AA=A", "AAAA=", "A A=", "====", "_w=="}) {
      CPPUNIT_ASSERT_MESSAGE(text, !from_base64(text));
    }
  }

  void printable_escapes() {
    CPPUNIT_ASSERT_EQUAL(""s, printable(""));
    CPPUNIT_ASSERT_EQUAL("a key ~"s, printable("a key ~"));
    CPPUNIT_ASSERT_EQUAL(R"(\x00\x0a\x1b\x7f\xff)"s, printable("\x00\n\x1B\x7F\xFF"s));
    CPPUNIT_ASSERT_EQUAL(R"(a\\b)"s, printable("a\\b"));
  }

  void printable_cuts() {
    CPPUNIT_ASSERT_EQUAL("abcd"s, printable("abcd", 4));
    CPPUNIT_ASSERT_EQUAL("abcd..."s, printable("abcde", 4));
    CPPUNIT_ASSERT_EQUAL(std::string(80, 'a') + "...", printable(std::string(81, 'a')));
  }

  void text_is_well_formed() {
    for (const std::string& text :
         {""s, "plain"s, "tab\tand newline\n"s, "\xC2\xA0"s, "\xDF\xBF"s, "\xE0\xA0\x80"s,
          "\xED\x9F\xBF"s, "\xEE\x80\x80"s, "\xEF\xBF\xBF"s, "\xF0\x90\x80\x80"s,
          "\xF4\x8F\xBF\xBF"s, "gr\xC3\xBC\xC3\x9F"s}) {
      CPPUNIT_ASSERT_MESSAGE(to_hex(text), is_text(text));
    }
  }

  void text_is_not_ill_formed() {
    for (const std::string& bytes :
         {"\x80"s, "\xBF"s,                          // a continuation without a lead
          "\xC0\x80"s, "\xC1\xBF"s,                  // overlong, 2 bytes
          "\xE0\x9F\xBF"s, "\xF0\x8F\xBF\xBF"s,      // overlong, 3 and 4 bytes
          "\xED\xA0\x80"s, "\xED\xBF\xBF"s,          // surrogates
          "\xF4\x90\x80\x80"s, "\xF5\x80\x80\x80"s,  // above U+10FFFF
          "\xFE"s, "\xFF"s,                          // never
          "\xC2"s, "\xE1\x80"s, "\xF1\x80\x80"s,     // cut short at the end
          "\xC2x"s, "\xE1\x80x"s, "\xF1\x80\x80x"s,  // cut short before another character
          "good \xFF"s}) {
      CPPUNIT_ASSERT_MESSAGE(to_hex(bytes), !is_text(bytes));
    }
  }

  void text_has_no_control_characters() {
    for (int c = 0; c < 0x20; ++c) {
      const bool allowed = c == '\t' || c == '\n';
      CPPUNIT_ASSERT_EQUAL(allowed, is_text(std::string(1, static_cast<char>(c))));
    }
    CPPUNIT_ASSERT(!is_text("\x7F"));
    CPPUNIT_ASSERT(!is_text("\xC2\x80"));
    CPPUNIT_ASSERT(!is_text("\xC2\x9F"));
  }

  void numbers_are_big_endian() {
    std::string out;
    append_uint32(out, 0x01020304U);
    append_uint64(out, 0x8000000000000001U);
    CPPUNIT_ASSERT_EQUAL("010203048000000000000001"s, to_hex(out));
  }

  void opaque_is_padded() {
    for (std::size_t size = 0; size <= 8; ++size) {
      std::string out;
      append_opaque(out, std::string(size, 'x'));
      CPPUNIT_ASSERT_EQUAL(4 + (size + 3) / 4 * 4, out.size());
      CPPUNIT_ASSERT_EQUAL(std::string(out.size() - 4 - size, '\0'), out.substr(4 + size));
    }
  }

  static std::string sample() {
    std::string bytes;
    append_uint32(bytes, 0xFFFFFFFEU);
    append_uint64(bytes, 0x0102030405060708U);
    append_opaque(bytes, "hello");
    append_opaque(bytes, "");
    append_opaque(bytes, "four");
    return bytes;
  }

  static void read_sample(XdrReader& reader) {
    const std::uint32_t first = reader.read_uint32();
    const std::uint64_t second = reader.read_uint64();
    const std::string_view third = reader.read_opaque(5);
    const std::string_view fourth = reader.read_opaque(0);
    const std::string_view fifth = reader.read_opaque(100);
    if (!reader.ok()) return;
    CPPUNIT_ASSERT(first == 0xFFFFFFFEU);
    CPPUNIT_ASSERT(second == 0x0102030405060708U);
    CPPUNIT_ASSERT(third == "hello" && fourth.empty() && fifth == "four");
  }

  void reader_reads_what_was_appended() {
    const std::string bytes = sample();
    XdrReader reader(bytes);
    CPPUNIT_ASSERT(!reader.done());
    read_sample(reader);
    CPPUNIT_ASSERT(reader.ok() && reader.done());
    const std::string more = bytes + "x";
    XdrReader other(more);
    read_sample(other);
    CPPUNIT_ASSERT(other.ok() && !other.done());
  }

  void reader_notices_every_truncation() {
    const std::string bytes = sample();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      XdrReader reader(std::string_view(bytes).substr(0, size));
      read_sample(reader);
      CPPUNIT_ASSERT(!reader.ok() && !reader.done());
    }
  }

  void reader_holds_to_the_size_limit() {
    std::string bytes;
    append_opaque(bytes, "12345");
    XdrReader exact(bytes);
    CPPUNIT_ASSERT(exact.read_opaque(5) == "12345" && exact.done());
    XdrReader over(bytes);
    CPPUNIT_ASSERT(over.read_opaque(4).empty() && !over.ok());
    const std::string announced = "\xFF\xFF\xFF\xFF"s + "abcd";
    XdrReader huge(announced);
    CPPUNIT_ASSERT(huge.read_opaque(SIZE_MAX).empty() && !huge.ok());
  }

  void reader_stays_failed() {
    const std::string bytes(8, '\x01');
    XdrReader reader(bytes);
    CPPUNIT_ASSERT(reader.read_opaque(2).empty());
    CPPUNIT_ASSERT(reader.read_uint32() == 0);
    CPPUNIT_ASSERT(reader.read_uint64() == 0);
    CPPUNIT_ASSERT(reader.read_opaque(100).empty());
    CPPUNIT_ASSERT(!reader.ok() && !reader.done());
  }
};

CPPUNIT_TEST_SUITE_REGISTRATION(BytesTest);

}  // namespace
}  // namespace rkv
