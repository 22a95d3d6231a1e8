#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "deadline.h"
#include "target.h"

namespace rkv::attacks {

class Scene;

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

// What an attack may cost the server.
struct Bounds {
  std::size_t memory_growth_max = 8 * kMebibyte;  // bytes; above that: "grew"
  // Share of one core while the attacker only holds what he has; above that: "spins". 0: not
  // bounded, for an attacker who keeps the server busy with calls that it has to answer.
  double cpu_max = 0.75;
  // How long one of the others may wait for an answer; above that: "stalled". 0: patience().
  Duration others_wait_max{0};
};

struct Attack {
  const char* name;
  const char* what;  // what the attacker does, for people; without a full stop
  std::function<void(Scene&)> run;
  Setup setup = {};
  Bounds bounds = {};
  bool stock_fails = false;     // what we say of stock libtirpc, and the system test checks
  bool new_connections = true;  // whether the others can have any during the attack
  bool needs_udp = false;
  bool rkvd_only = false;  // there is nothing like it to attack in stock
};

// Each by its own file.
std::vector<Attack> framing_attacks();
std::vector<Attack> slow_reader_attacks();
std::vector<Attack> connection_attacks();
std::vector<Attack> message_attacks();
std::vector<Attack> stream_attacks();
std::vector<Attack> cluster_attacks();
std::vector<Attack> udp_attacks();

// All of them, in the order of the table.
std::vector<Attack> all_attacks();

}  // namespace rkv::attacks
