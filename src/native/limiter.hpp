// The arithmetic of control/limiter.py on plain arrays. Nothing here is kept: what is computed is taken over only when the whole tick
// was quiet.
#pragma once

#include <vector>

namespace strands {

/// Limits of a robot's joints (D,).
struct Limits {
  std::vector<double> lower, upper, velocity, acceleration;
  std::size_t size() const { return lower.size(); }
};

/// Where a set-point is and was, and where one tick takes it.
struct Motion {
  const double* position;
  const double* previous;
  double dt;          ///< Length of the last tick [s].
  double* next;       ///< Receives the position after this tick.
};

/// Velocity of the set-point of one joint over the last tick.
double velocity_of(const Motion& motion, std::size_t joint);
bool is_moving(const Motion& motion, std::size_t joints);
/// `wanted` (D,) may be null for rest.
void apply(const Limits& limits, const Motion& motion, const double* wanted, double dt);
/// `closing` (D,) is null where no gap is closed; `is_closed` tells that this step ends that.
bool track(const Limits& limits, const Motion& motion, const double* goal, const double* goal_velocity, double dt,
           const double* closing, bool& is_closed, double* scratch);
bool can_place(const Limits& limits, const Motion& motion, const double* goal, const double* next_velocity, double dt,
               double next_dt);

}  // namespace strands
