#include "rkv/value_argument.h"

#include "base/limits.h"
#include "rkv/files.h"

namespace rkv::cli {

Result<std::string> value_of(const Options& options) {
  const std::string& argument = options.arguments.back();
  if (options.literal_value) return argument;
  if (argument == "-") return read_all(*InputFile::standard_input(), kValueSizeMax);
  if (argument.starts_with('@')) return read_file(argument.substr(1), kValueSizeMax);
  return argument;
}

}  // namespace rkv::cli
