#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace rkv::cli {

// Objects keep the order in which their fields were added.
using Json = nlohmann::ordered_json;

// Adds the bytes as `name` if they are text, else in base64 as `name`_base64.
void add_bytes(Json& object, const std::string& name, std::string_view bytes);

// The bytes that add_bytes() has put there; nothing if there are none, or both fields are there.
std::optional<std::string> find_bytes(const Json& object, const std::string& name);

// A field that is a number of 64 bits without sign; nothing if there is none.
std::optional<std::uint64_t> find_number(const Json& object, const std::string& name);

// On lines of their own, ending with a newline.
std::string to_text(const Json& json);
// On one line, without a newline.
std::string to_line(const Json& json);

}  // namespace rkv::cli
