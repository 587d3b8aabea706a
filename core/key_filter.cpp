#include "core/key_filter.h"

#include <algorithm>

#include <fnmatch.h>

namespace nexakey::core {
namespace {

bool has_labels(const Key& key, const Labels& wanted) {
  return std::ranges::all_of(wanted, [&](const auto& label) {
    const auto found = key.labels.find(label.first);
    return found != key.labels.end() && (label.second.empty() || found->second == label.second);
  });
}

/// Keys that cannot be decoded are listed among the active ones, where somebody sees them.
bool has_status(const Key& key, KeyStatus wanted, Time now) {
  const KeyStatus status = key.status(now);
  return status == wanted || (status == KeyStatus::damaged && wanted == KeyStatus::active);
}

}  // namespace

bool KeyFilter::matches(const Key& key, Time now) const {
  return (!workspace || key.workspace == *workspace) && (!ids || ids->contains(key.id)) &&
         (!hash || key.hash == *hash) && (!name || key.name == *name) &&
         (!pattern || fnmatch(pattern->c_str(), key.name.c_str(), 0) == 0) &&
         (!status || has_status(key, *status, now)) && (!scopes || key.scopes.has_all(*scopes)) &&
         has_labels(key, labels) &&
         (!expires_before ||
          (key.expires_at && *key.expires_at > now && *key.expires_at <= *expires_before)) &&
         (!unused_since || (key.created_at < *unused_since &&
                            (!key.last_used_at || *key.last_used_at < *unused_since))) &&
         (!created_before || key.created_at < *created_before) &&
         (!newest_of_line || !key.superseded_by);
}

Result<Labels> parse_wanted_labels(const std::vector<std::string>& texts) {
  Labels labels;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    labels[text.substr(0, equals)] = equals == std::string::npos ? "" : text.substr(equals + 1);
  }
  return check_labels(labels).map([&] { return std::move(labels); });
}

Result<void> check_pattern(std::string_view pattern) {
  constexpr std::size_t kMaxPatternLength = 256;
  constexpr std::ptrdiff_t kMaxStars = 8;
  if (pattern.size() > kMaxPatternLength || std::ranges::count(pattern, '*') > kMaxStars) {
    return reject("the pattern is longer than 256 bytes or has more than 8 *");
  }
  return {};
}

}  // namespace nexakey::core
