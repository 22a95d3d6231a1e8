#include "sim/key_state.h"

#include <string_view>

#include "sim/hash.h"

namespace rkv::sim {

KeyChange change_by(const kv::Command& command, const KeyState& before) {
  if (command.kind == kv::Command::Kind::kPut) {
    const std::uint64_t version = before.version + 1;
    return {command.key, {true, version, hash_of(std::string_view(command.value))}, version};
  }
  return {before.present ? command.key : std::string(), {}, before.version};
}

bool is_so(const kv::Entry* entry, const KeyState& state) {
  if (entry == nullptr) return !state.present;
  return state.present && entry->version == state.version &&
         hash_of(std::string_view(entry->value)) == state.value;
}

bool is_so(const std::vector<kv::Change>& changes, const KeyChange& expected, Position position) {
  if (expected.key.empty()) return changes.empty();
  if (changes.size() != 1 || changes[0].key != expected.key) return false;
  const kv::Entry* const entry = changes[0].entry ? &*changes[0].entry : nullptr;
  return is_so(entry, expected.after) && (entry == nullptr || entry->position == position);
}

}  // namespace rkv::sim
