// The arithmetic of a chunk's rows. Each answers None where Python shall do it.
#pragma once

#include <nanobind/nanobind.h>

namespace strands {

namespace nb = nanobind;

/// Limits of the named joints, arrays (D,).
struct Rates {
  nb::handle velocity, acceleration, lower, upper;
};

bool coefficients(nb::handle rows, nb::handle linear, nb::handle quadratic, nb::handle cubic);
nb::object is_finite(nb::handle rows);
nb::object is_within(nb::handle rows, nb::handle lower, nb::handle upper);
nb::object is_slow(nb::handle rows, double period, nb::handle velocity, double tolerance);
nb::object is_smooth(nb::handle curve, double dt, const Rates& rates, double tolerance);

}  // namespace strands
