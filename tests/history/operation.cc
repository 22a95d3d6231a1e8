#include "operation.h"

#include "base/bytes.h"

namespace rkv::history {
namespace {

constexpr std::size_t kShown = 40;  // characters of a key or value

std::string quoted(const std::string& bytes) { return '"' + printable(bytes, kShown) + '"'; }

std::string result_text(const Operation& operation) {
  switch (operation.outcome) {
    case Outcome::kNotFound:
      return "nothing";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kUnknown:
      return "unknown";
    case Outcome::kOk:
      break;
  }
  std::string text = operation.kind == Kind::kGet ? quoted(operation.value) : "ok";
  if (operation.version) text += ", version " + std::to_string(*operation.version);
  return text;
}

}  // namespace

std::string to_text(const Operation& operation) {
  std::string text = "process " + std::to_string(operation.process);
  switch (operation.kind) {
    case Kind::kPut:
      text += " put " + quoted(operation.key) + " = " + quoted(operation.argument);
      break;
    case Kind::kGet:
      text += " get " + quoted(operation.key);
      break;
    case Kind::kDel:
      text += " del " + quoted(operation.key);
      break;
  }
  text += " -> " + result_text(operation) + " [" + std::to_string(operation.invoked) + ", ";
  text += operation.returned == kNever ? "never" : std::to_string(operation.returned);
  return text + "]";
}

}  // namespace rkv::history
