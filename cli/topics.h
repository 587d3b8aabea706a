#pragma once

#include <array>
#include <string_view>

namespace nexakey::cli {

/// A page of `nexakey help` that is about no single command. nexakey(1) has the same in full;
/// tests/man compares the two.
struct Topic {
  std::string_view name;
  std::string_view text;
};

extern const std::array<Topic, 3> kTopics;

/// The topic with this name; null if there is none.
const Topic* find_topic(std::string_view name);

}  // namespace nexakey::cli
