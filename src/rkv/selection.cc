#include "rkv/selection.h"

#include <fmt/format.h>

#include <utility>

#include "base/bytes.h"
#include "base/limits.h"

namespace rkv::cli {
namespace {

Status check_bound(const std::optional<std::string>& bound, std::string_view name) {
  if (!bound || bound->size() <= kKeySizeMax) return Status();
  return {StatusCode::kOverLimit,
          fmt::format("{} has {} bytes, the limit is {}", name, bound->size(), kKeySizeMax)};
}

}  // namespace

Result<std::optional<client::Range>> range_of(const Options& options) {
  if (options.prefix && (options.from || options.to)) {
    return Status::invalid("--prefix goes with neither --from nor --to");
  }
  for (const auto& [bound, name] :
       {std::pair(&options.prefix, "--prefix"), std::pair(&options.from, "--from"),
        std::pair(&options.to, "--to")}) {
    if (Status status = check_bound(*bound, name); !status.ok()) return status;
  }
  // Mostly a variable of a script that is not set. As an end it would be none at all.
  if (options.to && options.to->empty()) {
    return Status::invalid(
        "--to is empty, and no key is before that; without --to there is no end");
  }
  if (options.prefix) return std::optional(client::Range::of_prefix(*options.prefix));
  if (!options.from && !options.to) return std::optional<client::Range>();
  client::Range range{options.from.value_or(""), options.to.value_or("")};
  if (!range.end.empty() && range.first >= range.end) {
    return Status::invalid(fmt::format("--from {} is not before --to {}", printable(range.first),
                                       printable(range.end)));
  }
  return std::optional(std::move(range));
}

std::string describe_range(const Options& options) {
  if (options.prefix) return fmt::format("the prefix '{}'", printable(*options.prefix));
  std::string text;
  if (options.from) text = fmt::format("from '{}'", printable(*options.from));
  if (options.to) {
    text += fmt::format("{}to '{}'", text.empty() ? "" : " ", printable(*options.to));
  }
  return text.empty() ? "all keys" : text;
}

void add_range(Json& object, const Options& options) {
  if (options.prefix) add_bytes(object, "prefix", *options.prefix);
  if (options.from) add_bytes(object, "from", *options.from);
  if (options.to) add_bytes(object, "to", *options.to);
}

}  // namespace rkv::cli
