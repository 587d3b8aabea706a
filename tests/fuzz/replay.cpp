#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/mutator.h"
#include "tests/fuzz/target.h"

namespace {

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::string> inputs;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(file.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
  }
  return inputs;
}

void run(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), input.size());
}

}  // namespace

/// Runs a target on its corpus and on random but reproducible mutations of it: for compilers
/// without libFuzzer, and for CI.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS\n", argv[0]);
    return EXIT_FAILURE;
  }
  const std::vector<std::string> corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s has no inputs\n", argv[1]);
    return EXIT_FAILURE;
  }
  for (const std::string& input : corpus) {
    run(input);
  }
  nexakey::test::Mutator mutator(corpus, corpus);
  const std::uint64_t changed = nexakey::test::fuzz_inputs(2000) / NEXAKEY_FUZZ_COST;
  for (std::uint64_t i = 0; i < changed; ++i) {
    run(mutator.next());
  }
  std::printf("%zu inputs of the corpus and %llu others\n", corpus.size(),
              static_cast<unsigned long long>(changed));
  return EXIT_SUCCESS;
}
