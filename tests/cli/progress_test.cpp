#include "cli/progress.h"

#include <cstdint>
#include <string>

#include <doctest/doctest.h>

namespace nexakey::cli {
namespace {

TEST_CASE("A bar is full at the end, and for work of no size") {
  CHECK(progress_bar("reading", 0, 200) == "reading [" + std::string(25, ' ') + "] 0 %");
  CHECK(progress_bar("reading", 100, 200) ==
        "reading [" + std::string(12, '#') + std::string(13, ' ') + "] 50 %");
  CHECK(progress_bar("reading", 199, 200).ends_with("] 99 %"));
  for (const std::uint64_t done : {200U, 300U}) {
    CHECK(progress_bar("reading", done, 200) == "reading [" + std::string(25, '#') + "] 100 %");
  }
  CHECK(progress_bar("reading", 0, 0).ends_with("] 100 %"));
}

TEST_CASE("A size has the largest unit below it") {
  CHECK(readable_size(0) == "0 B");
  CHECK(readable_size(1023) == "1023 B");
  CHECK(readable_size(1024) == "1.0 KiB");
  CHECK(readable_size(1536) == "1.5 KiB");
  CHECK(readable_size(std::uint64_t{1024} * 1024 - 1) == "1023.9 KiB");
  CHECK(readable_size(std::uint64_t{1} << 20U) == "1.0 MiB");
  CHECK(readable_size(std::uint64_t{5} << 29U) == "2.5 GiB");
  CHECK(readable_size(std::uint64_t{2000} << 40U) == "2000.0 TiB");
}

}  // namespace
}  // namespace nexakey::cli
