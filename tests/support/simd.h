#pragma once

#include <vector>

#include "scan/simd.h"

namespace nexakey::test {

/// All instructions that this processor has.
inline std::vector<scan::Simd> all_simd() {
  std::vector<scan::Simd> all;
  for (const auto simd : {scan::Simd::none, scan::Simd::avx2, scan::Simd::avx512_vbmi}) {
    if (simd <= scan::best_simd()) {
      all.push_back(simd);
    }
  }
  return all;
}

}  // namespace nexakey::test
