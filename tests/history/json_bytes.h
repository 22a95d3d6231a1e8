#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace rkv::history {

// Objects keep the order in which their fields were added.
using Json = nlohmann::ordered_json;

// RFC 4648, section 4, with padding. The other way: nothing if the text is no such thing.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

// Adds the bytes as `name` if they are text, else in base64 as `name`_base64. Of its own, and not
// src/rkv's: the checker reads what that wrote, and the simulator has no command line.
void add_bytes(Json& object, const std::string& name, std::string_view bytes);

}  // namespace rkv::history
