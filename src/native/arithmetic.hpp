// numpy's element-wise functions for one number, with numpy's answers for NaN.
#pragma once

#include <cmath>

namespace strands {

inline double maximum(double a, double b) { return a >= b || std::isnan(a) ? a : b; }
inline double minimum(double a, double b) { return a <= b || std::isnan(a) ? a : b; }
inline double clip(double value, double low, double high) {
  const double raised = std::isnan(value) || value > low ? value : low;
  return std::isnan(raised) || raised < high ? raised : high;
}

}  // namespace strands
