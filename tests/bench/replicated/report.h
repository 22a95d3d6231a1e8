#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "closed_loop.h"
#include "floor.h"

namespace rkv::bench {

// What was measured with clusters of one size, as text: medians of the runs, then the goals.
class Report {
 public:
  explicit Report(std::size_t replicas);

  // Prints the line of a system; `runs` has at least one.
  void add(const std::string& system, const LoadPlan& plan, const std::vector<LoadResult>& runs);
  void add_floor(const Floor& floor) { floors_.push_back(floor); }
  // Those of which everything was measured: whether they are reached.
  void print_goals() const;

 private:
  // The medians of a row; nothing was measured: null.
  const LoadResult* find(const std::string& system, const char* workload,
                         std::size_t in_flight) const;
  void print_ratio_goal(const char* system, const char* workload, double goal) const;
  void print_floor_goal(const char* workload, const std::string& floor_text, double floor_us,
                        double goal) const;

  const std::size_t replicas_;
  std::map<std::tuple<std::string, std::string, std::size_t>, LoadResult> medians_;
  std::vector<Floor> floors_;
};

// What one run measured, as a line of JSON.
std::string to_json(std::size_t replicas, const std::string& system, const LoadPlan& plan,
                    const LoadResult& result);
std::string to_json(std::size_t replicas, const Floor& floor);

}  // namespace rkv::bench
