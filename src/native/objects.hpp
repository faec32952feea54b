// Attributes of Python objects by interned names, and how they are read as numbers.
#pragma once

#include <nanobind/nanobind.h>

namespace strands {

namespace nb = nanobind;

/// An attribute's name, made once.
class Name {
 public:
  explicit Name(const char* text) : text_(PyUnicode_InternFromString(text)) {
    if (text_ == nullptr) throw nb::python_error();
  }

  nb::object of(nb::handle owner) const {
    PyObject* found = PyObject_GetAttr(owner.ptr(), text_);
    if (found == nullptr) throw nb::python_error();
    return nb::steal(found);
  }
  double number_of(nb::handle owner) const {
    const nb::object value = of(owner);
    const double number = PyFloat_AsDouble(value.ptr());
    if (number == -1.0 && PyErr_Occurred()) throw nb::python_error();
    return number;
  }
  bool is_true(nb::handle owner) const { return of(owner).ptr() == Py_True; }
  bool is_empty(nb::handle owner) const {
    const nb::object value = of(owner);
    return PyUnicode_Check(value.ptr()) && PyUnicode_GET_LENGTH(value.ptr()) == 0;
  }
  void set(nb::handle owner, nb::handle value) const {
    if (PyObject_SetAttr(owner.ptr(), text_, value.ptr()) != 0) throw nb::python_error();
  }
  void set(nb::handle owner, double value) const { set(owner, nb::steal(PyFloat_FromDouble(value))); }
  void set(nb::handle owner, bool value) const { set(owner, nb::handle(value ? Py_True : Py_False)); }

 private:
  PyObject* text_;  // for the life of the process
};

}  // namespace strands
