#include "cli/suggest.h"

#include <algorithm>
#include <numeric>

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxWordLength = 64;
/// A shorter word is too similar to too many, or begins too many.
constexpr std::size_t kMinSimilar = 3;
constexpr std::size_t kMinBeginning = 2;

/// The length of a word without the dashes of an option.
std::size_t letters(const std::string& word) {
  return word.size() - std::min(word.size(), word.find_first_not_of('-'));
}

/// The optimal string alignment distance: the number of insertions, deletions, replacements and
/// swaps of neighbouring characters.
std::size_t distance(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    d[i][0] = i;
  }
  std::iota(d[0].begin(), d[0].end(), 0);
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replaced});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

/// The candidate that begins with the word, if there is one only.
std::optional<std::string> only_completion(const std::string& word,
                                           const std::vector<std::string>& candidates) {
  const auto begins = [&](const std::string& candidate) { return candidate.starts_with(word); };
  const auto found = std::ranges::find_if(candidates, begins);
  return found != candidates.end() && std::ranges::count_if(candidates, begins) == 1
             ? std::optional(*found)
             : std::nullopt;
}

}  // namespace

std::optional<std::string> closest(const std::string& word,
                                   const std::vector<std::string>& candidates) {
  const std::size_t length = letters(word);
  if (length < kMinBeginning || word.size() > kMaxWordLength) {
    return std::nullopt;
  }
  std::optional<std::string> best;
  std::size_t nearest = length < kMinSimilar ? 1 : length / 3 + 1;
  for (const std::string& candidate : candidates) {
    const std::size_t far = distance(word, candidate);
    if (far < nearest && far < letters(candidate)) {
      nearest = far;
      best = candidate;
    }
  }
  return best ? best : only_completion(word, candidates);
}

}  // namespace nexakey::cli
