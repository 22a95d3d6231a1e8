#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace rkv::cli {

// Objects keep the order in which their fields were added.
using Json = nlohmann::ordered_json;

// RFC 4648, section 4, with padding.
std::string to_base64(std::string_view bytes);

// Adds the bytes as `name` if they are text, else in base64 as `name`_base64.
void add_bytes(Json& object, const std::string& name, std::string_view bytes);

// On lines of their own, ending with a newline.
std::string to_text(const Json& json);

}  // namespace rkv::cli
