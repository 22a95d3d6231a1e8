#include "rkvd/role_failures.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

namespace rkv::daemon {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kMeanMin = 1e-3;  // seconds
constexpr double kMeanMax = 1e6;

std::optional<Duration> parse_mean(std::string_view text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
  if (error != std::errc() || stop != end) return std::nullopt;
  if (!(number >= kMeanMin && number <= kMeanMax)) return std::nullopt;
  return Duration{static_cast<std::int64_t>(number * kNsPerSecond)};
}

double in_seconds(Duration time) { return static_cast<double>(time.ns) / kNsPerSecond; }

}  // namespace

Result<RoleFailure> parse_role_failure(std::string_view text) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == text.npos ? text.npos : text.find(':', first + 1);
  if (second == text.npos || first == 0) {
    return Status::invalid(fmt::format(
        "\"{}\" is not ROLE:MTBF:MTTR, as in acceptor:10:1 (stopped every 10 s for 1 s, in the "
        "mean)",
        text));
  }
  const std::optional<Duration> between = parse_mean(text.substr(first + 1, second - first - 1));
  const std::optional<Duration> repair = parse_mean(text.substr(second + 1));
  if (!between || !repair) {
    return Status::invalid(
        fmt::format("\"{}\": both times must be numbers of seconds, from 0.001 to 1000000", text));
  }
  return RoleFailure{std::string(text.substr(0, first)), *between, *repair};
}

Result<std::unique_ptr<RoleFailures>> RoleFailures::begin(
    const std::vector<RoleFailure>& failures, const std::vector<std::string_view>& roles,
    std::uint64_t seed, ReplicaId replica, Environment environment) {
  std::set<std::string_view> left(roles.begin(), roles.end());
  for (const RoleFailure& failure : failures) {
    if (left.erase(failure.role) > 0) continue;
    const bool is_known = std::find(roles.begin(), roles.end(), failure.role) != roles.end();
    if (is_known) return Status::invalid("the role " + failure.role + " is to fail in two ways");
    return Status::invalid(
        fmt::format("there is no role {} to fail; this replica has {}", failure.role,
                    roles.empty() ? "none" : fmt::format("{}", fmt::join(roles, ", "))));
  }
  std::unique_ptr<RoleFailures> made(new RoleFailures(seed, replica, std::move(environment)));
  for (const RoleFailure& failure : failures) made->run(failure);
  return made;
}

RoleFailures::RoleFailures(std::uint64_t seed, ReplicaId replica, Environment environment)
    : environment_(std::move(environment)),
      // Far apart, so that the seeds of two runs do not give two replicas the same times.
      random_(seed ^ (std::uint64_t{replica.value} << 48)) {}

void RoleFailures::run(const RoleFailure& failure) {
  after(draw(failure.between), [this, failure] { stop(failure); });
}

void RoleFailures::stop(const RoleFailure& failure) {
  // It may still be on its way back from the last time.
  if (!environment_.stop(failure.role)) return run(failure);
  const Duration repair = draw(failure.repair);
  ++stops_;
  environment_.logger.info("role failure {}: the {} is stopped, for {:.3f} s", stops_, failure.role,
                           in_seconds(repair));
  after(repair, [this, failure] { start(failure); });
}

void RoleFailures::start(const RoleFailure& failure) {
  if (environment_.start(failure.role)) {
    environment_.logger.info("role failure: the {} starts again", failure.role);
  }
  run(failure);
}

void RoleFailures::after(Duration delay, std::function<void()> task) {
  environment_.add_timer(environment_.now() + delay,
                         [alive = std::weak_ptr<bool>(alive_), task = std::move(task)] {
                           if (!alive.expired()) task();
                         });
}

// Exponentially distributed.
Duration RoleFailures::draw(Duration mean) {
  constexpr int kUnusedBits = 11;  // a double has 53
  const double unit = std::ldexp(static_cast<double>(random_.next() >> kUnusedBits), -53);
  return Duration{static_cast<std::int64_t>(-std::log1p(-unit) * static_cast<double>(mean.ns))};
}

}  // namespace rkv::daemon
