#include "limiter.hpp"

#include <cmath>

#include "arithmetic.hpp"

namespace strands {
namespace {

double stopping_speed(double acceleration, double distance, double dt) {
  const double lost = acceleration * dt;
  return std::sqrt(lost * lost + 2.0 * acceleration * distance) - lost;
}

}  // namespace

double velocity_of(const Motion& motion, std::size_t joint) {
  const double velocity = (motion.position[joint] - motion.previous[joint]) / motion.dt;
  return std::fabs(velocity) < 1e-12 ? 0.0 : velocity;
}

bool is_moving(const Motion& motion, std::size_t joints) {
  for (std::size_t j = 0; j < joints; ++j)
    if (velocity_of(motion, j) != 0.0) return true;
  return false;
}

void apply(const Limits& limits, const Motion& motion, const double* wanted, double dt) {
  for (std::size_t j = 0; j < limits.size(); ++j) {
    const double lower = limits.lower[j], upper = limits.upper[j], fastest = limits.velocity[j];
    const double here = motion.position[j], current = velocity_of(motion, j);
    const double up = stopping_speed(limits.acceleration[j], maximum(upper - here, 0.0), dt);
    const double down = stopping_speed(limits.acceleration[j], maximum(here - lower, 0.0), dt);
    const double bounded = clip(wanted == nullptr ? 0.0 : wanted[j], -minimum(down, fastest), minimum(up, fastest));
    const double step = limits.acceleration[j] * dt;
    const double there = here + clip(bounded, current - step, current + step) * dt;
    motion.next[j] = clip(there, minimum(lower, here), maximum(upper, here)) + 0.0;
  }
}

bool track(const Limits& limits, const Motion& motion, const double* goal, const double* goal_velocity, double dt,
           const double* closing, bool& is_closed, double* scratch) {
  is_closed = closing != nullptr;
  for (std::size_t j = 0; j < limits.size(); ++j) {
    const double inside = clip(goal[j], limits.lower[j], limits.upper[j]);
    const double feed = inside == goal[j] ? goal_velocity[j] : 0.0;
    const double relative = inside - motion.position[j] - feed * dt, gap = std::fabs(relative);
    double reach = stopping_speed(limits.acceleration[j], gap, dt);
    if (closing != nullptr) {
      if (!(gap <= closing[j] * dt)) is_closed = false;
      reach = minimum(reach, closing[j]);
    }
    scratch[j] = feed + clip(relative / dt, -reach, reach);
  }
  apply(limits, motion, scratch, dt);
  for (std::size_t j = 0; j < limits.size(); ++j)
    if (!(std::fabs(clip(goal[j], limits.lower[j], limits.upper[j]) - motion.next[j]) < 1e-9)) return false;
  return true;
}

bool can_place(const Limits& limits, const Motion& motion, const double* goal, const double* next_velocity, double dt,
               double next_dt) {
  for (std::size_t j = 0; j < limits.size(); ++j) {
    const double velocity = (goal[j] - motion.position[j]) / dt, acceleration = limits.acceleration[j];
    const double step = acceleration * dt * (1.0 + 1e-6) + 1e-12;
    const double next_step = acceleration * next_dt * (1.0 + 1e-6) + 1e-12;
    if (!(std::fabs(velocity) <= limits.velocity[j] * (1.0 + 1e-6) && std::fabs(velocity - velocity_of(motion, j)) <= step &&
          std::fabs(next_velocity[j] - velocity) <= next_step))
      return false;
  }
  return true;
}

}  // namespace strands
