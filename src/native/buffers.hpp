// Arrays of numpy as plain numbers, without numpy's headers: a module built beside numpy 1 then runs beside numpy 2.
#pragma once

#include <nanobind/nanobind.h>

#include <cstring>

namespace strands {

/// Borrows the numbers of a C-contiguous array of float64 for as long as it lives.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(PyObject* array) { open(array); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { close(); }

  /// Returns whether `array` is one; an array of another type or layout is left to Python.
  bool open(PyObject* array, int flags = PyBUF_FORMAT | PyBUF_ND | PyBUF_C_CONTIGUOUS) {
    close();
    if (!PyObject_CheckBuffer(array)) return false;
    if (PyObject_GetBuffer(array, &view_, flags) != 0) {
      PyErr_Clear();
      return false;
    }
    is_open_ = true;
    // The address must be one that a double may have: a packed field of a structure is not.
    const bool fits = view_.itemsize == sizeof(double) && view_.format != nullptr && std::strcmp(view_.format, "d") == 0 &&
                      reinterpret_cast<std::uintptr_t>(view_.buf) % alignof(double) == 0;
    if (!fits) close();
    return fits;
  }

  void close() {
    if (is_open_) PyBuffer_Release(&view_);
    is_open_ = false;
  }

  bool is_open() const { return is_open_; }
  double* data() const { return static_cast<double*>(view_.buf); }
  int dimensions() const { return view_.ndim; }
  Py_ssize_t length(int dimension) const { return view_.shape[dimension]; }
  bool has_shape(Py_ssize_t length) const { return is_open_ && view_.ndim == 1 && view_.shape[0] == length; }
  bool has_shape(Py_ssize_t rows, Py_ssize_t columns) const {
    return is_open_ && view_.ndim == 2 && view_.shape[0] == rows && view_.shape[1] == columns;
  }

 private:
  Py_buffer view_{};
  bool is_open_ = false;
};

}  // namespace strands
