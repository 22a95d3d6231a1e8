// Runs scenario scripts and compares what happens with the transcripts beside them.
//
//   scenario [--rewrite] FILE.script...
//
// With --rewrite the transcripts are written anew: the difference is what is to be reviewed.

#include <fmt/format.h>

#include <cstring>
#include <exception>
#include <fstream>
#include <sstream>
#include <string>

#include "world.h"

namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

// The transcript of a script, or what is wrong with the script as its last line.
std::string run(const std::string& script) {
  rkv::scenario::World world;
  std::istringstream lines(content_of(script));
  std::string line;
  try {
    while (std::getline(lines, line)) world.run(line);
  } catch (const std::exception& error) {
    return world.transcript() + "! " + error.what() + "\n";
  }
  return world.transcript();
}

// The first line in which the two differ.
std::string difference(const std::string& expected, const std::string& actual) {
  std::istringstream expected_lines(expected);
  std::istringstream actual_lines(actual);
  std::string expected_line;
  std::string actual_line;
  for (int number = 1;; ++number) {
    const bool has_expected = static_cast<bool>(std::getline(expected_lines, expected_line));
    const bool has_actual = static_cast<bool>(std::getline(actual_lines, actual_line));
    if (!has_expected) expected_line = "(the end)";
    if (!has_actual) actual_line = "(the end)";
    if (expected_line != actual_line || !has_expected || !has_actual) {
      return fmt::format("line {}:\n  expected: {}\n  but was:  {}", number, expected_line,
                         actual_line);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const bool rewrite = argc > 1 && std::strcmp(argv[1], "--rewrite") == 0;
  int failed = 0;
  for (int i = rewrite ? 2 : 1; i < argc; ++i) {
    const std::string script = argv[i];
    const std::string path = script.substr(0, script.rfind('.')) + ".transcript";
    const std::string actual = run(script);
    if (rewrite) {
      std::ofstream(path) << actual;
    }
    const std::string expected = content_of(path);
    if (actual == expected && actual.find("\n! ") == std::string::npos) continue;
    fmt::print("{}: {}\n", path, difference(expected, actual));
    ++failed;
  }
  const int count = argc - (rewrite ? 2 : 1);
  fmt::print("{} passed, {} failed\n", count - failed, failed);
  return failed == 0 && count > 0 ? 0 : 1;
}
