#include "quiet_tick.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "objects.hpp"

namespace strands {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// Names of the attributes of the specification that are read or written.
struct Names {
  Name is_closed{"is_closed"}, last_beat{"_last_beat"}, last_ros{"_last_ros"}, last_steady{"_last_steady"};
  Name world_frozen{"_world_frozen"}, readings{"readings"}, detached{"detached"}, supervision{"supervision"};
  Name speed_scale{"speed_scale"}, contact_force{"contact_force"}, finger_force{"finger_force"};
  Name persistence{"_persistence"}, is_quiet{"is_quiet"}, has_been_inside{"_has_been_inside"};
  Name ros{"_ros"}, steady{"_steady"};
  Name is_start{"_is_start"}, is_playing{"is_playing"}, end{"end"}, chunk{"_chunk"}, is_exact{"_is_exact"};
  Name rest_of_joints{"_rest_of_joints"}, position{"position"}, previous{"_previous"}, dt{"_dt"}, closing{"closing"};
  Name target{"target"}, torque_enabled{"torque_enabled"}, source{"source"}, sequence{"sequence"};
  Name busy_until{"_busy_until"}, velocity{"_velocity"}, last_update{"last_update"}, quiet_since{"_quiet_since"};
  Name mode{"mode"}, columns{"columns"}, curve{"curve"}, rows{"rows"}, period{"period"}, start{"start"}, last{"last"};
  Name is_full{"is_full"}, is_smooth{"is_smooth"}, linear{"_linear"}, quadratic{"_quadratic"}, cubic{"_cubic"};
};

const Names& names() {
  static const Names* all = new Names();
  return *all;
}

std::vector<double> numbers_of(nb::handle sequence) {
  std::vector<double> found;
  for (nb::handle each : sequence) found.push_back(nb::cast<double>(each));
  return found;
}

Watched watched_of(nb::handle gate) {
  Watched found;
  found.latch = gate.attr("_latch"), found.lease = gate.attr("_lease"), found.player = gate.attr("_player");
  found.limiter = found.player.attr("setpoint"), found.guard = gate.attr("_guard"), found.rest = gate.attr("_rest");
  found.setpoint = gate.attr("_setpoint"), found.supervision = gate.attr("supervision");
  if (found.supervision.is_none()) {
    found.clock = found.joint_limit = found.tracking = found.contact = nb::none();
    return found;
  }
  found.clock = found.supervision.attr("_clock"), found.joint_limit = found.supervision.attr("_joint_limit");
  found.tracking = found.supervision.attr("_tracking"), found.contact = found.supervision.attr("_contact");
  return found;
}

Settings settings_of(nb::handle gate, const Watched& watched, double latest) {
  const nb::object limits = gate.attr("limits"), config = gate.attr("config");
  Settings found{};
  found.limits = {numbers_of(limits.attr("lower")), numbers_of(limits.attr("upper")), numbers_of(limits.attr("velocity")),
                  numbers_of(limits.attr("acceleration"))};
  found.reach = numbers_of(watched.guard.attr("_reach"));
  found.closing = numbers_of(watched.player.attr("_closing"));
  found.heartbeat_timeout = nb::cast<double>(watched.latch.attr("_timeout"));
  found.stall_timeout = nb::cast<double>(config.attr("stall_timeout"));
  found.is_lease_on_steady_clock = nb::cast<bool>(config.attr("lease_on_steady_clock"));
  found.period = nb::cast<double>(watched.player.attr("_period"));
  found.latest = latest * found.period;
  found.rest_velocity = nb::cast<double>(watched.rest.attr("_threshold"));
  if (!watched.supervision.is_none()) found.jump = nb::cast<double>(watched.clock.attr("_jump"));
  if (!watched.joint_limit.is_none())
    for (nb::handle range : nb::object(watched.joint_limit.attr("_ranges"))) {
      found.lowest.push_back(nb::cast<double>(range[0]));
      found.highest.push_back(nb::cast<double>(range[1]));
    }
  if (!watched.tracking.is_none()) found.tolerance = numbers_of(watched.tracking.attr("_allowed"));
  if (!watched.contact.is_none()) {
    found.force = nb::cast<double>(watched.contact.attr("_force"));
    found.finger_force = nb::cast<double>(watched.contact.attr("_finger_force"));
  }
  return found;
}

}  // namespace

bool PlayedChunk::take(nb::handle chunk, std::size_t joints) {
  const Names& name = names();
  chunk_ = nb::borrow(chunk);
  is_playable_ = false;
  linear_.close(), quadratic_.close(), cubic_.close();
  if (nb::cast<int>(name.mode.of(chunk)) != 0) return false;  // ControlMode.POSITION
  const nb::object curve = name.curve.of(chunk);
  if (!rows_.open(name.rows.of(curve).ptr()) || rows_.dimensions() != 2 || rows_.length(0) < 1) return false;
  const Py_ssize_t count = rows_.length(0), width = rows_.length(1);
  if (count > 1) {
    const bool fits = linear_.open(name.linear.of(curve).ptr()) && quadratic_.open(name.quadratic.of(curve).ptr()) &&
                      cubic_.open(name.cubic.of(curve).ptr()) && linear_.has_shape(count - 1, width) &&
                      quadratic_.has_shape(count - 1, width) && cubic_.has_shape(count - 1, width);
    if (!fits) return false;
  }
  columns_.clear();
  for (nb::handle column : nb::list(name.columns.of(chunk))) {
    const auto number = nb::cast<Py_ssize_t>(column);
    if (number < 0 || static_cast<std::size_t>(number) >= joints) return false;
    columns_.push_back(static_cast<std::size_t>(number));
  }
  is_full = name.is_full.is_true(chunk), is_smooth = name.is_smooth.is_true(chunk);
  if (columns_.size() != static_cast<std::size_t>(width) || (is_full && columns_.size() != joints)) return false;
  start = name.start.number_of(chunk), last = name.last.number_of(chunk), end = name.end.number_of(chunk);
  period_ = name.period.number_of(curve);
  is_playable_ = std::isfinite(start) && std::isfinite(last) && std::isfinite(end) && period_ > 0.0;
  return is_playable_;
}

bool PlayedChunk::goal(double time, const double* rest, std::size_t joints, double* out) const {
  const double since = time - start;
  const double position = (0.0 > since ? 0.0 : since) / period_, reached = position + 1e-6;
  if (!std::isfinite(reached)) return false;
  const Py_ssize_t width = rows_.length(1), last_row = rows_.length(0) - 1;
  const bool is_over = reached >= static_cast<double>(last_row);
  const Py_ssize_t k = is_over ? last_row : static_cast<Py_ssize_t>(reached);
  const double fraction = is_over ? 0.0 : position - static_cast<double>(k);
  const double* row = rows_.data() + k * width;
  const bool is_on_row = -1e-6 < fraction && fraction < 1e-6;
  if (!is_full) std::copy(rest, rest + joints, out);
  for (Py_ssize_t column = 0; column < width; ++column) {
    double value = row[column];
    if (!is_on_row) {
      const Py_ssize_t place = k * width + column;
      value = cubic_.data()[place] * fraction;
      value += quadratic_.data()[place];
      value *= fraction;
      value += linear_.data()[place];
      value *= fraction;
      value += row[column];
    }
    out[is_full ? static_cast<std::size_t>(column) : columns_[column]] = value;
  }
  return true;
}

/// What one tick would change.
struct QuietTick::Step {
  double ros, dt;
  const double* position;
  const double* previous;
  const double* rest;
  nb::object position_array, previous_array, chunk_object;
  double last_dt;
  bool is_playing, is_exact, is_closing;
  // Result.
  nb::handle next_array;
  double* next = nullptr;
  bool is_standing = false;      // the set-point stays; with `settles` its previous place becomes its present one
  bool settles = false, drops = false, ends_closing = false, is_exact_after = false;
};

QuietTick::QuietTick(nb::handle gate, nb::list arrays, double latest)
    : watched_(watched_of(gate)), settings_(settings_of(gate, watched_, latest)) {
  const std::size_t joints = settings_.limits.size();
  if (arrays.size() != kArrays) throw nb::value_error("QuietTick needs 8 arrays of its own");
  for (std::size_t number = 0; number < kArrays; ++number) {
    arrays_[number] = nb::borrow(arrays[number]);
    const int flags = PyBUF_FORMAT | PyBUF_ND | PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE;
    if (!array_data_[number].open(arrays_[number].ptr(), flags) ||
        !array_data_[number].has_shape(static_cast<Py_ssize_t>(joints)))
      throw nb::value_error("QuietTick needs arrays (D,) of float64");
  }
  goal_.resize(joints), ahead_.resize(joints), scratch_.resize(joints);
}

bool QuietTick::tick(nb::handle gate, nb::handle now, double dt, nb::handle position, nb::handle velocity) {
  try {
    return is_made(gate, now, dt, position, velocity);
  } catch (const nb::python_error&) {
    return false;  // What is strange is Python's, which says so in its own words.
  } catch (const nb::cast_error&) {
    return false;
  }
}

bool QuietTick::is_made(nb::handle gate, nb::handle now, double dt, nb::handle position, nb::handle velocity) {
  const Names& name = names();
  if (!PyTuple_Check(now.ptr()) || PyTuple_GET_SIZE(now.ptr()) != 2) return false;
  const nb::handle ros_object = PyTuple_GET_ITEM(now.ptr(), 0), steady_object = PyTuple_GET_ITEM(now.ptr(), 1);
  if (!PyFloat_CheckExact(ros_object.ptr()) || !PyFloat_CheckExact(steady_object.ptr())) return false;
  const double ros = PyFloat_AS_DOUBLE(ros_object.ptr()), steady = PyFloat_AS_DOUBLE(steady_object.ptr());
  if (!(std::isfinite(ros) && std::isfinite(steady) && dt > 0.0 && dt <= settings_.latest)) return false;
  if (!is_permitted(gate, ros, steady)) return false;

  Step step;
  step.ros = ros, step.dt = dt;
  step.position_array = name.position.of(watched_.limiter), step.previous_array = name.previous.of(watched_.limiter);
  const nb::object rest_array = name.rest_of_joints.of(watched_.player);
  const double* measured = numbers(position);
  const double* speeds = numbers(velocity);
  step.position = numbers(step.position_array);
  step.previous = numbers(step.previous_array);
  step.rest = numbers(rest_array);
  if (!measured || !speeds || !step.position || !step.previous || !step.rest) return false;
  step.last_dt = name.dt.number_of(watched_.limiter);
  if (!is_well(ros, steady, gate, step.position, measured)) return false;
  if (!move(step) || !may_send(step.next == nullptr ? step.position : step.next, measured)) return false;

  const nb::handle motion_time = settings_.is_lease_on_steady_clock ? steady_object : ros_object;
  note_rest(velocity, speeds, motion_time, steady_object);
  commit(step, gate, ros_object, steady_object, motion_time);
  return true;
}

bool QuietTick::is_permitted(nb::handle gate, double ros, double steady) const {
  const Names& name = names();
  if (name.is_closed.is_true(watched_.latch)) return false;
  if (steady - name.last_beat.number_of(watched_.latch) > settings_.heartbeat_timeout) return false;
  if (ros < name.last_ros.number_of(gate) - 1e-9) return false;
  if (name.is_playing.is_true(watched_.player) && !name.world_frozen.is_true(gate) &&
      steady - name.last_steady.number_of(gate) > settings_.stall_timeout)
    return false;
  if (name.is_start.is_true(watched_.guard)) return false;
  const nb::object readings = name.readings.of(gate);
  if (!name.detached.is_empty(readings)) return false;
  if (!watched_.contact.is_none()) {
    const bool is_light = name.contact_force.number_of(readings) <= settings_.force &&
                          name.finger_force.number_of(readings) <= settings_.finger_force;
    if (!is_light || !name.is_quiet.is_true(name.persistence.of(watched_.contact))) return false;
  }
  return true;
}

bool QuietTick::is_well(double ros, double steady, nb::handle gate, const double* target, const double* position) const {
  const Names& name = names();
  const std::size_t joints = settings_.limits.size();
  if (!name.supervision.of(gate).is(watched_.supervision)) return false;
  if (name.speed_scale.number_of(watched_.limiter) != 1.0) return false;
  if (watched_.supervision.is_none()) return true;
  if (name.speed_scale.number_of(watched_.supervision) != 1.0) return false;
  // Comparisons with the NaN of a restart are false, as in Python.
  const double ros_way = ros - name.ros.number_of(watched_.clock);
  const double steady_way = steady - name.steady.number_of(watched_.clock);
  if (ros_way < -settings_.jump || ros_way - steady_way > settings_.jump) return false;
  if (!watched_.joint_limit.is_none()) {
    if (!name.has_been_inside.is_true(watched_.joint_limit)) return false;
    for (std::size_t j = 0; j < joints; ++j)
      if (!(settings_.lowest[j] <= position[j] && position[j] <= settings_.highest[j])) return false;
  }
  if (!watched_.tracking.is_none()) {
    if (!name.is_quiet.is_true(name.persistence.of(watched_.tracking))) return false;
    for (std::size_t j = 0; j < joints; ++j) {
      const double error = target[j] - position[j];
      if (!(-settings_.tolerance[j] <= error && error <= settings_.tolerance[j])) return false;
    }
  }
  return true;
}

bool QuietTick::move(Step& step) {
  const Names& name = names();
  const std::size_t joints = settings_.limits.size();
  step.chunk_object = name.chunk.of(watched_.player);
  step.is_playing = name.is_playing.is_true(watched_.player);
  step.is_exact = step.is_exact_after = name.is_exact.is_true(watched_.player);
  const Motion motion{step.position, step.previous, step.last_dt, nullptr};
  if (step.chunk_object.is_none()) {
    step.is_standing = step.previous_array.is(step.position_array);
    if (step.is_standing) return true;
    step.is_standing = step.settles = !is_moving(motion, joints);
    if (step.is_standing) return true;
    step.next = free_array(step.next_array);
    if (step.next == nullptr) return false;
    apply(settings_.limits, {step.position, step.previous, step.last_dt, step.next}, nullptr, step.dt);
    return true;
  }
  if (!chunk_.is(step.chunk_object)) chunk_.take(step.chunk_object, joints);
  if (!chunk_.is_playable()) return false;
  step.next = free_array(step.next_array);
  if (step.next == nullptr) return false;
  if (step.is_exact && step.ros < chunk_.last + 1e-9) return chunk_.goal(step.ros, step.rest, joints, step.next);
  return approach(step);
}

bool QuietTick::approach(Step& step) {
  const std::size_t joints = settings_.limits.size();
  const nb::object closing = names().closing.of(watched_.limiter);
  const double* gap_speed = closing.is_none() ? nullptr : settings_.closing.data();
  const Motion motion{step.position, step.previous, step.last_dt, step.next};
  step.is_exact_after = false;
  if (!chunk_.goal(step.ros, step.rest, joints, goal_.data())) return false;
  if (step.ros >= chunk_.end - 1e-9) {
    std::fill(ahead_.begin(), ahead_.end(), 0.0);
    const bool has_arrived = track(settings_.limits, motion, goal_.data(), ahead_.data(), step.dt, gap_speed,
                                   step.ends_closing, scratch_.data());
    step.drops = has_arrived && !is_moving({step.next, step.position, step.dt, nullptr}, joints);
    return true;
  }
  const double ahead = settings_.period < step.dt ? settings_.period : step.dt;
  if (!chunk_.goal(step.ros + ahead, step.rest, joints, ahead_.data())) return false;
  for (std::size_t j = 0; j < joints; ++j) ahead_[j] = (ahead_[j] - goal_[j]) / ahead;
  if (chunk_.is_smooth && can_place(settings_.limits, motion, goal_.data(), ahead_.data(), step.dt, ahead)) {
    std::copy(goal_.begin(), goal_.end(), step.next);
    step.ends_closing = step.is_exact_after = true;
  } else {
    track(settings_.limits, motion, goal_.data(), ahead_.data(), step.dt, gap_speed, step.ends_closing, scratch_.data());
  }
  return true;
}

bool QuietTick::may_send(const double* target, const double* position) const {
  for (std::size_t j = 0; j < settings_.limits.size(); ++j) {
    const double way = target[j] - position[j];
    if (!(-settings_.reach[j] <= way && way <= settings_.reach[j])) return false;
  }
  return true;
}

void QuietTick::note_rest(nb::handle velocity, const double* values, nb::handle motion_time, nb::handle steady) {
  const Names& name = names();
  name.velocity.set(watched_.rest, velocity);
  name.last_update.set(watched_.rest, steady);
  for (std::size_t j = 0; j < settings_.limits.size(); ++j)
    if (!(-settings_.rest_velocity < values[j] && values[j] < settings_.rest_velocity)) {
      name.quiet_since.set(watched_.rest, nb::none());
      return;
    }
  const nb::object since = name.quiet_since.of(watched_.rest);
  if (since.is_none() || PyFloat_AsDouble(motion_time.ptr()) < PyFloat_AsDouble(since.ptr()))
    name.quiet_since.set(watched_.rest, motion_time);
}

void QuietTick::commit(const Step& step, nb::handle gate, nb::handle ros, nb::handle steady, nb::handle motion_time) {
  const Names& name = names();
  name.last_ros.set(gate, ros), name.last_steady.set(gate, steady);
  if (!watched_.supervision.is_none()) name.ros.set(watched_.clock, ros), name.steady.set(watched_.clock, steady);
  nb::handle target = step.position_array;
  if (!step.is_standing) {
    target = step.next_array;
    name.previous.set(watched_.limiter, step.position_array);
    name.position.set(watched_.limiter, target);
    name.dt.set(watched_.limiter, step.dt);
  } else if (step.settles) {
    name.previous.set(watched_.limiter, step.position_array);
  }
  if (step.ends_closing) name.closing.set(watched_.limiter, nb::none());
  bool is_playing = step.is_playing;
  if (step.drops) {
    is_playing = false;
    name.chunk.set(watched_.player, nb::none());
    name.end.set(watched_.player, -kInfinity);
    name.is_playing.set(watched_.player, false);
    name.is_exact.set(watched_.player, false);
  } else if (step.is_exact_after != step.is_exact) {
    name.is_exact.set(watched_.player, step.is_exact_after);
  }
  name.torque_enabled.set(watched_.setpoint, true);
  name.target.set(watched_.setpoint, target);
  if (!is_playing) {
    name.source.set(watched_.setpoint, nb::str(""));
    name.sequence.set(watched_.setpoint, nb::int_(0));
  } else if (step.ros > chunk_.end && PyFloat_AsDouble(motion_time.ptr()) > name.busy_until.number_of(watched_.lease)) {
    name.busy_until.set(watched_.lease, motion_time);
  }
}

const double* QuietTick::numbers(nb::handle array) {
  for (std::size_t number = 0; number < kArrays; ++number)
    if (arrays_[number].is(array)) return array_data_[number].data();
  for (std::size_t number = 0; number < kInputs; ++number)
    if (inputs_[number].is(array)) return input_data_[number].data();
  Buffer& buffer = input_data_[next_input_];
  nb::object& owner = inputs_[next_input_];
  next_input_ = (next_input_ + 1) % kInputs;
  owner.reset();
  if (!buffer.open(array.ptr())) return nullptr;
  if (!buffer.has_shape(static_cast<Py_ssize_t>(settings_.limits.size()))) {
    buffer.close();
    return nullptr;
  }
  owner = nb::borrow(array);
  return buffer.data();
}

double* QuietTick::free_array(nb::handle& array) {
  for (std::size_t tried = 0; tried < kArrays; ++tried) {
    const std::size_t number = next_array_;
    next_array_ = (next_array_ + 1) % kArrays;
    // One reference is ours, one is the buffer's.
    if (Py_REFCNT(arrays_[number].ptr()) == 2) {
      array = arrays_[number];
      return array_data_[number].data();
    }
  }
  return nullptr;
}

}  // namespace strands
