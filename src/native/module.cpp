// strands_robots.control._native: the inner loop of a robot process, compiled. control/inner_loop.py says what it is and when it is used.
#include <nanobind/nanobind.h>

#include "quiet_tick.hpp"
#include "rows.hpp"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_native, module) {
  module.doc() = "The inner loop of a robot process, compiled; control/inner_loop.py is the only file that imports it.";
  nb::set_leak_warnings(false);  // A node ends without taking its gates apart.
  nb::class_<strands::QuietTick>(module, "QuietTick")
      .def(nb::init<nb::handle, nb::list, double>(), "gate"_a, "arrays"_a, "latest"_a)
      .def("tick", &strands::QuietTick::tick, "gate"_a, "now"_a, "dt"_a, "position"_a, "velocity"_a);
  module.def("coefficients", &strands::coefficients, "rows"_a, "linear"_a, "quadratic"_a, "cubic"_a);
  module.def("is_finite", &strands::is_finite, "rows"_a);
  module.def("is_within", &strands::is_within, "rows"_a, "lower"_a, "upper"_a);
  module.def("is_slow", &strands::is_slow, "rows"_a, "period"_a, "velocity"_a, "tolerance"_a);
  module.def(
      "is_smooth",
      [](nb::handle curve, double dt, nb::handle velocity, nb::handle acceleration, nb::handle lower, nb::handle upper,
         double tolerance) {
        return strands::is_smooth(curve, dt, {velocity, acceleration, lower, upper}, tolerance);
      },
      "curve"_a, "dt"_a, "velocity"_a, "acceleration"_a, "lower"_a, "upper"_a, "tolerance"_a);
}
