#include "scan/simd.h"

namespace nexakey::scan {

Simd best_simd() {
#if defined(__x86_64__)
  static const Simd best = [] {
    if (__builtin_cpu_supports("avx2") == 0) {
      return Simd::none;
    }
    const bool has_vbmi =
        __builtin_cpu_supports("avx512bw") != 0 && __builtin_cpu_supports("avx512vbmi") != 0;
    return has_vbmi ? Simd::avx512_vbmi : Simd::avx2;
  }();
  return best;
#else
  return Simd::none;
#endif
}

}  // namespace nexakey::scan
