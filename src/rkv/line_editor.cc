#include "rkv/line_editor.h"

#include <fmt/format.h>
#include <histedit.h>

#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "rkv/completion.h"
#include "rkv/history_file.h"
#include "rkv/output.h"

namespace rkv::cli {
namespace {

struct EditLineEnd {
  void operator()(EditLine* editor) const { el_end(editor); }
};
struct HistoryEnd {
  void operator()(History* history) const { history_end(history); }
};

// The terminal: where a person sees what is typed also when the results go to a file.
FILE* editor_output() { return output_is_terminal() ? stdout : stderr; }

void show_candidates(const std::vector<std::string>& candidates) {
  std::string line = "\n";
  for (const std::string& candidate : candidates) line += candidate + "  ";
  line += "\n";
  std::fputs(line.c_str(), editor_output());
}

// The tab key, as libedit calls it.
unsigned char complete_line(EditLine* editor, int) {
  const LineInfo* const line = el_line(editor);
  const auto before_cursor = static_cast<std::size_t>(line->cursor - line->buffer);
  const Completion completion = complete({line->buffer, before_cursor});
  if (!completion.inserted.empty()) {
    return el_insertstr(editor, completion.inserted.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
  }
  if (completion.candidates.empty()) return CC_ERROR;
  show_candidates(completion.candidates);
  return CC_REDISPLAY;
}

// ^C: to the beginning of the line, kill it, and enter what is left, nothing.
unsigned char drop_line(EditLine* editor, int) {
  el_push(editor, "\001\013\n");
  return CC_NORM;
}

// ^Z. What EL_SIGNAL installs puts the terminal in order before and after.
unsigned char suspend(EditLine*, int) {
  std::raise(SIGTSTP);
  return CC_REFRESH;
}

}  // namespace

class LineEditor::State {
 public:
  State(std::string prompt, const std::vector<std::string>& history)
      : prompt_(std::move(prompt)), history_(history_init()) {
    std::setlocale(LC_CTYPE, "");
    // libedit drops what the locale has no characters for.
    if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
    editor_.reset(el_init("rkv", stdin, editor_output(), stderr));
    if (!ok()) return;
    HistEvent event;
    ::history(history_.get(), &event, H_SETSIZE, static_cast<int>(HistoryFile::kLinesMax));
    ::history(history_.get(), &event, H_SETUNIQUE, 1);
    for (const std::string& line : history) add_to_history(line);
    set_up();
  }
  ~State() {
    editor_.reset();
    std::setlocale(LC_CTYPE, "C");
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  bool ok() const { return editor_ != nullptr && history_ != nullptr; }

  void set_prompt(std::string prompt) { prompt_ = std::move(prompt); }

  std::optional<std::string> next() {
    int count = 0;
    const char* const text = el_gets(editor_.get(), &count);
    if (text == nullptr || count <= 0) return std::nullopt;
    std::string line(text, static_cast<std::size_t>(count));
    if (line.ends_with('\n')) line.pop_back();
    return line;
  }

  void add_to_history(const std::string& line) {
    HistEvent event;
    ::history(history_.get(), &event, H_ENTER, line.c_str());
  }

 private:
  void set_up() {
    EditLine* const editor = editor_.get();
    el_set(editor, EL_CLIENTDATA, this);
    el_set(editor, EL_PROMPT, show_prompt);
    el_set(editor, EL_EDITOR, "emacs");
    // A signal that ends the process, or stops it, finds the terminal as it was.
    el_set(editor, EL_SIGNAL, 1);
    el_set(editor, EL_HIST, ::history, history_.get());
    // In wide characters: of others libedit makes copies that it never frees.
    el_wset(editor, EL_ADDFN, L"rkv-complete", L"Complete a command", complete_line);
    el_set(editor, EL_BIND, "^I", "rkv-complete", nullptr);
    el_set(editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
    // While a line is typed these are keys, not signals.
    el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
    el_wset(editor, EL_ADDFN, L"rkv-drop-line", L"Drop the line", drop_line);
    el_set(editor, EL_BIND, "^C", "rkv-drop-line", nullptr);
    el_wset(editor, EL_ADDFN, L"rkv-suspend", L"Suspend the shell", suspend);
    el_set(editor, EL_BIND, "^Z", "rkv-suspend", nullptr);
    el_source(editor, nullptr);
  }

  // libedit wants a pointer to char, and does not write through it.
  static char* show_prompt(EditLine* editor) {
    State* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return state->prompt_.data();
  }

  std::string prompt_;
  std::unique_ptr<History, HistoryEnd> history_;
  std::unique_ptr<EditLine, EditLineEnd> editor_;
};

LineEditor::LineEditor(std::string prompt, const std::vector<std::string>& history)
    : state_(std::make_unique<State>(std::move(prompt), history)) {}

LineEditor::~LineEditor() = default;

bool LineEditor::ok() const { return state_->ok(); }
void LineEditor::set_prompt(std::string prompt) { state_->set_prompt(std::move(prompt)); }
std::optional<std::string> LineEditor::next() { return state_->next(); }
void LineEditor::add_to_history(const std::string& line) { state_->add_to_history(line); }

}  // namespace rkv::cli
