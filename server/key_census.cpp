#include "server/key_census.h"

#include <algorithm>

namespace nexakey::server {
namespace {

/// Of an SQLite store, a page takes some 25 ms.
constexpr std::size_t kPage = 2000;
constexpr std::chrono::minutes kCensusPause{1};
/// The pause is at least so many times as long as the counting.
constexpr int kMinPauses = 20;

}  // namespace

void KeyCensus::go_on(store::KeyStore& store,
                      const std::function<void(const std::optional<core::KeySums>&)>& publish) {
  const auto begin = Clock::now();
  if (begin < next_begin_) {
    return;
  }
  const core::Time now = core::system_time();
  const auto next = store.list({.workspace = workspace_}, {.limit = kPage, .after = after_}, now,
                               [&](const core::Key& key) {
                                 sums_.add(key, now);
                                 return true;
                               });
  time_taken_ += Clock::now() - begin;
  after_ = next.value_or(std::nullopt);
  if (after_) {
    return;
  }
  publish(next ? std::optional(sums_) : std::nullopt);
  next_begin_ = Clock::now() + std::max<Clock::duration>(kCensusPause, kMinPauses * time_taken_);
  sums_ = {};
  time_taken_ = {};
}

}  // namespace nexakey::server
