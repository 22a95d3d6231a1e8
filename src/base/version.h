#pragma once

namespace rkv {

// The version of this program, as `rkv version`, `rkvd --version` and STATUS print it.
constexpr const char* kSoftwareVersion = "0.1.0";

}  // namespace rkv
