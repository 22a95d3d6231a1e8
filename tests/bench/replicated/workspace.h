#pragma once

#include <functional>
#include <string>

namespace rkv::bench {

// Runs `task` in a process of its own, with a new folder below `parent`, and returns its exit
// status. However that process ends, and on SIGINT and SIGTERM too, every process that it has left
// is waited for, and the folder is removed. To be called before there are threads.
int run_in_workspace(const std::string& parent,
                     const std::function<void(const std::string& folder)>& task);

}  // namespace rkv::bench
