#include "system/library.h"

#include <cmath>

#include <doctest/doctest.h>

namespace nexakey::system {
namespace {

TEST_CASE("A function of a library can be called after the object is gone") {
  double (*root)(double) = nullptr;
  {
    Library library("libm.so.6");
    library.find(root, "sqrt");
    CHECK(library.is_whole());
  }
  REQUIRE((root != nullptr));
  CHECK(root(49) == 7);
}

TEST_CASE("A library without one of its functions is not whole, whatever else is found") {
  Library library("libm.so.6");
  double (*missing)(double) = &std::sqrt;
  library.find(missing, "no_such_function");
  CHECK((missing == nullptr));
  double (*root)(double) = nullptr;
  library.find(root, "sqrt");
  CHECK((root != nullptr));
  CHECK_FALSE(library.is_whole());
}

TEST_CASE("A missing library has no functions") {
  Library library("libno-such-library.so.1");
  CHECK_FALSE(library.is_whole());
  double (*root)(double) = nullptr;
  library.find(root, "sqrt");
  CHECK((root == nullptr));
  CHECK_FALSE(library.is_whole());
}

}  // namespace
}  // namespace nexakey::system
