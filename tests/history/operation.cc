#include "operation.h"

#include "base/bytes.h"

namespace rkv::history {
namespace {

constexpr std::size_t kShown = 40;  // characters of a key or value

std::string quoted(const std::string& bytes) { return '"' + printable(bytes, kShown) + '"'; }

std::string result_text(const ListResult& listed) {
  std::string text = std::to_string(listed.count.value_or(listed.keys.size())) + " keys";
  if (!listed.keys.empty()) {
    text += ", " + quoted(listed.keys.front().key) + " to " + quoted(listed.keys.back().key);
  }
  return listed.more ? text + ", and more" : text;
}

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
  if (operation.kind == Kind::kTransact) {
    return to_text(operation.transaction, operation.transacted);
  }
  if (operation.kind == Kind::kList) return result_text(operation.listed);
  std::string text = operation.kind == Kind::kGet ? quoted(operation.value) : "ok";
  if (operation.version) text += ", version " + std::to_string(*operation.version);
  return text;
}

const char* text_of(Consistency consistency) {
  switch (consistency) {
    case Consistency::kSequential:
      return " sequential";
    case Consistency::kEventual:
      return " eventual";
    case Consistency::kLinearizable:
      break;
  }
  return "";
}

}  // namespace

std::vector<std::string> keys_of(const Operation& operation) {
  if (operation.kind == Kind::kTransact) return keys_of(operation.transaction);
  if (operation.kind == Kind::kList) return {};
  return {operation.key};
}

bool is_read(const Operation& operation) {
  if (operation.kind == Kind::kTransact) return is_read(operation.transaction);
  return operation.kind == Kind::kGet || operation.kind == Kind::kList;
}

std::string to_text(const Operation& operation) {
  std::string text = "process " + std::to_string(operation.process);
  text += text_of(operation.consistency);
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
    case Kind::kTransact:
      text += ' ' + to_text(operation.transaction);
      break;
    case Kind::kList:
      text += operation.list.goes_on ? " list on " : " list ";
      text += to_text(operation.list.range);
      if (operation.list.reverse) text += " in reverse";
      break;
  }
  text += " -> " + result_text(operation);
  if (operation.position) text += ", slot " + std::to_string(*operation.position);
  text += " [" + std::to_string(operation.invoked) + ", ";
  text += operation.returned == kNever ? "never" : std::to_string(operation.returned);
  return text + "]";
}

}  // namespace rkv::history
