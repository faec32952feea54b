// What a chunk costs when it arrives: the coefficients of its curve and the check of its rates. The specification, and the oracle of the
// tests, is Python: control/spline.py and control/limits.py.
#include "rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "arithmetic.hpp"
#include "buffers.hpp"

namespace strands {
namespace {

double end_slope(double delta, double next) {
  const double slope = 1.5 * delta - 0.5 * next;
  const double limit = 3.0 * delta;
  return clip(slope, minimum(limit, 0.0), maximum(limit, 0.0)) + 0.0;
}

double slope_between(double before, double after) {
  const double product = before * after;
  return product > 0.0 ? 2.0 * product / (before + after) : 0.0;
}

}  // namespace

bool coefficients(nb::handle rows, nb::handle linear, nb::handle quadratic, nb::handle cubic) {
  const Buffer value(rows.ptr()), first(linear.ptr()), second(quadratic.ptr()), third(cubic.ptr());
  if (!value.is_open() || value.dimensions() != 2) return false;
  const Py_ssize_t count = value.length(0), width = value.length(1);
  if (count < 2 || !first.has_shape(count - 1, width) || !second.has_shape(count - 1, width) ||
      !third.has_shape(count - 1, width))
    return false;
  const double* row = value.data();
  const Py_ssize_t steps = count - 1;
  for (Py_ssize_t column = 0; column < width; ++column) {
    const auto delta = [&](Py_ssize_t k) { return row[(k + 1) * width + column] - row[k * width + column]; };
    const auto slope = [&](Py_ssize_t k) {
      if (k == 0) return end_slope(delta(0), delta(std::min<Py_ssize_t>(1, steps - 1)));
      if (k == steps) return end_slope(delta(steps - 1), delta(std::max<Py_ssize_t>(steps - 2, 0)));
      return slope_between(delta(k - 1), delta(k));
    };
    double here = slope(0);
    for (Py_ssize_t k = 0; k < steps; ++k) {
      const double next = slope(k + 1), step = delta(k);
      const Py_ssize_t place = k * width + column;
      first.data()[place] = here;
      second.data()[place] = 3.0 * step - 2.0 * here - next;
      third.data()[place] = here + next - 2.0 * step;
      here = next;
    }
  }
  return true;
}

nb::object is_finite(nb::handle rows) {
  const Buffer value(rows.ptr());
  if (!value.is_open() || value.dimensions() != 2) return nb::none();
  const Py_ssize_t count = value.length(0) * value.length(1);
  for (Py_ssize_t k = 0; k < count; ++k)
    if (!std::isfinite(value.data()[k])) return nb::bool_(false);
  return nb::bool_(true);
}

nb::object is_within(nb::handle rows, nb::handle lower, nb::handle upper) {
  const Buffer value(rows.ptr()), low(lower.ptr()), high(upper.ptr());
  if (!value.is_open() || value.dimensions() != 2) return nb::none();
  const Py_ssize_t count = value.length(0), width = value.length(1);
  if (!low.has_shape(width) || !high.has_shape(width)) return nb::none();
  const double* row = value.data();
  for (Py_ssize_t k = 0; k < count; ++k, row += width)
    for (Py_ssize_t column = 0; column < width; ++column)
      if (row[column] < low.data()[column] || row[column] > high.data()[column]) return nb::bool_(false);
  return nb::bool_(true);
}

nb::object is_slow(nb::handle rows, double period, nb::handle velocity, double tolerance) {
  const Buffer value(rows.ptr()), limit(velocity.ptr());
  if (!value.is_open() || value.dimensions() != 2) return nb::none();
  const Py_ssize_t count = value.length(0), width = value.length(1);
  if (count < 2 || width < 1 || !limit.has_shape(width)) return nb::none();
  double most = -1.0, fastest_of_most = 0.0, limit_of_most = 1.0;
  for (Py_ssize_t column = 0; column < width; ++column) {
    double fastest = 0.0;
    for (Py_ssize_t k = 0; k + 1 < count; ++k) {
      const double rate = std::fabs((value.data()[(k + 1) * width + column] - value.data()[k * width + column]) / period);
      if (!std::isfinite(rate)) return nb::none();
      fastest = std::max(fastest, rate);
    }
    const double share = fastest / limit.data()[column];
    if (!std::isfinite(share)) return nb::none();
    if (share > most) most = share, fastest_of_most = fastest, limit_of_most = limit.data()[column];
  }
  return nb::bool_(!(fastest_of_most > limit_of_most * tolerance));
}

nb::object is_smooth(nb::handle curve, double dt, const Rates& rates, double tolerance) {
  const Buffer value(nb::handle(curve.attr("rows")).ptr());
  const Buffer first(nb::handle(curve.attr("_linear")).ptr()), second(nb::handle(curve.attr("_quadratic")).ptr()),
      third(nb::handle(curve.attr("_cubic")).ptr());
  const double period = nb::cast<double>(curve.attr("period"));
  const Buffer fastest(rates.velocity.ptr()), strongest(rates.acceleration.ptr()), lower(rates.lower.ptr()),
      upper(rates.upper.ptr());
  if (!value.is_open() || value.dimensions() != 2) return nb::none();
  const Py_ssize_t count = value.length(0), width = value.length(1);
  const bool fits = count >= 2 && first.has_shape(count - 1, width) && second.has_shape(count - 1, width) &&
                    third.has_shape(count - 1, width) && fastest.has_shape(width) && strongest.has_shape(width) &&
                    lower.has_shape(width) && upper.has_shape(width);
  const double samples = std::ceil(static_cast<double>(count - 1) * period / dt - 1e-6);
  if (!fits || !(samples >= 1.0 && samples < 1e7)) return nb::none();
  const auto last = static_cast<Py_ssize_t>(samples);
  std::vector<double> path(width), before(width), speed(width, 0.0);
  std::copy(value.data(), value.data() + width, before.begin());
  for (Py_ssize_t sample = 0; sample <= last; ++sample) {
    const double time = static_cast<double>(sample) * dt;
    const double position = clip(time / period, 0.0, static_cast<double>(count - 1));
    const Py_ssize_t k = std::min(static_cast<Py_ssize_t>(position), count - 2);
    const double s = position - static_cast<double>(k);
    for (Py_ssize_t column = 0; column < width; ++column) {
      const Py_ssize_t place = k * width + column;
      const double at = ((third.data()[place] * s + second.data()[place]) * s + first.data()[place]) * s + value.data()[place];
      if (sample > 0) {
        const double rate = (at - before[column]) / dt;
        if (std::fabs(rate) > fastest.data()[column] * tolerance) return nb::bool_(false);
        if (sample > 1 && std::fabs((rate - speed[column]) / dt) > strongest.data()[column] * tolerance)
          return nb::bool_(false);
        speed[column] = rate;
      }
      before[column] = at;
    }
  }
  for (Py_ssize_t column = 0; column < width; ++column) {
    const double rate = speed[column];
    const double run_out = rate * std::fabs(rate) / (2.0 * strongest.data()[column]);
    const double end = before[column] + run_out + rate * dt;
    if (!(end >= lower.data()[column] && end <= upper.data()[column])) return nb::bool_(false);
  }
  return nb::bool_(true);
}

}  // namespace strands
