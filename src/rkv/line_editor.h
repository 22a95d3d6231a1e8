#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace rkv::cli {

// Lines typed at a terminal, with a prompt, editing, history and completion of the shell's verbs.
// One at a time in a process. For as long as it lives LC_CTYPE is the user's.
class LineEditor {
 public:
  // `history`: lines to go back to, oldest first.
  LineEditor(std::string prompt, const std::vector<std::string>& history);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  // False if there is no terminal to edit on.
  bool ok() const;

  // From the next line on.
  void set_prompt(std::string prompt);

  // The next line without its newline; nothing at the end of the input.
  std::optional<std::string> next();

  // Adds a line to what can be gone back to.
  void add_to_history(const std::string& line);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace rkv::cli
