// numpy's element-wise functions for one number, with numpy's answers for NaN and for zeros of both signs.
#pragma once

#include <cmath>

namespace strands {

inline double maximum(double a, double b) { return a >= b || std::isnan(a) ? a : b; }
inline double minimum(double a, double b) { return a <= b || std::isnan(a) ? a : b; }
inline double clip(double value, double low, double high) { return minimum(maximum(value, low), high); }

}  // namespace strands
