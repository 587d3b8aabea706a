#pragma once

namespace nexakey::scan {

/// The vector instructions of a processor, of which each set has those before it.
enum class Simd { none, avx2, avx512_vbmi };

/// The instructions of this processor.
Simd best_simd();

}  // namespace nexakey::scan
