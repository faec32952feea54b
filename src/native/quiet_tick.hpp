// One control tick in which nothing is wrong. The specification is Python: Gate.tick and what it calls.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <vector>

#include "buffers.hpp"
#include "limiter.hpp"

namespace strands {

namespace nb = nanobind;

/// What the gate watches; a watch that is not configured is None.
struct Watched {
  nb::object latch, lease, player, limiter, guard, rest, setpoint, supervision, clock, joint_limit, tracking, contact;
};

/// The numbers of a gate that never change.
struct Settings {
  Limits limits;
  std::vector<double> reach, closing;              // (D,)
  std::vector<double> lowest, highest, tolerance;  // (D,); empty where not watched
  double heartbeat_timeout, stall_timeout, period, latest, rest_velocity, jump, force, finger_force;
  bool is_lease_on_steady_clock;
};

/// The chunk that is being played, as the tick needs it.
class PlayedChunk {
 public:
  /// Takes another chunk; false where Python plays it.
  bool take(nb::handle chunk, std::size_t joints);
  bool is(nb::handle chunk) const { return chunk_.is(chunk); }
  bool is_playable() const { return is_playable_; }
  /// Writes the goal (D,) at `time`; joints that the chunk does not name stay where `rest` has them.
  bool goal(double time, const double* rest, std::size_t joints, double* out) const;

  double start = 0.0, last = 0.0, end = 0.0;
  bool is_full = false, is_smooth = false;

 private:
  nb::object chunk_;
  bool is_playable_ = false;
  Buffer rows_, linear_, quadratic_, cubic_;
  std::vector<std::size_t> columns_;
  double period_ = 1.0;
};

/// Makes the tick as Python would, or leaves everything as it was and answers false: then Python makes it.
class QuietTick {
 public:
  /// `arrays`: eight (D,) of float64 that nothing else refers to; `latest`: periods after which a tick is Python's.
  QuietTick(nb::handle gate, nb::list arrays, double latest);
  /// `now` is an Instant; the caller holds the gate's lock.
  bool tick(nb::handle gate, nb::handle now, double dt, nb::handle position, nb::handle velocity);

 private:
  struct Step;
  static constexpr std::size_t kArrays = 8, kInputs = 6;

  bool is_made(nb::handle gate, nb::handle now, double dt, nb::handle position, nb::handle velocity);
  bool is_permitted(nb::handle gate, double ros, double steady) const;
  bool is_well(double ros, double steady, nb::handle gate, const double* target, const double* position) const;
  bool move(Step& step);
  bool approach(Step& step);
  bool may_send(const double* target, const double* position) const;
  void commit(const Step& step, nb::handle gate, nb::handle ros, nb::handle steady, nb::handle velocity);
  void note_rest(nb::handle velocity, const double* values, nb::handle motion_time, nb::handle steady);
  const double* numbers(nb::handle array);
  double* free_array(nb::handle& array);

  Watched watched_;
  Settings settings_;
  PlayedChunk chunk_;
  // Set-points take turns in these; one is used again only when nothing else refers to it.
  std::array<nb::object, kArrays> arrays_;
  std::array<Buffer, kArrays> array_data_;
  std::size_t next_array_ = 0;
  std::array<nb::object, kInputs> inputs_;
  std::array<Buffer, kInputs> input_data_;
  std::size_t next_input_ = 0;
  std::vector<double> goal_, ahead_, scratch_;
};

}  // namespace strands
