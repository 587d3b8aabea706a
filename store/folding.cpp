#include "store/folding.h"

#include <thread>
#include <vector>

#include "store/import.h"

namespace nexakey::store {
namespace {

constexpr std::chrono::minutes kPauseAfterAll{10};
/// How long steps are taken at once, and the pause after each, in which others get the store.
constexpr std::chrono::milliseconds kTime{100};
constexpr std::chrono::milliseconds kPauseAfterPiece{4};

}  // namespace

Result<bool> Folding::step(Engine& engine, core::Time now) {
  const core::Time cutoff = core::start_of_hours(now, kept_);
  std::vector<core::KeyId> keys;
  if (const auto read =
          engine.read([&](Tables& tables) { keys = tables.keys_to_fold(next_, cutoff); });
      !read) {
    return tl::unexpected(read.error());
  }
  if (keys.empty()) {
    next_ = {};
    return false;
  }
  std::size_t folded = 0;
  bool waits = false;
  const auto written = engine.write(Purpose::change, [&](Tables& tables) {
    static_cast<void>(tables.audit_head());  // locks the store: no import is accepted now
    waits = has_unfinished_import(tables);
    folded = waits ? 0 : tables.fold_usage(keys, cutoff, kMaxAtOnce);
    return !waits;
  });
  if (!written) {
    return tl::unexpected(written.error());
  }
  if (waits) {
    return false;
  }
  const bool is_last = folded < kMaxAtOnce && keys.size() < kKeysToFold;
  next_ = is_last ? core::KeyId() : folded < kMaxAtOnce ? keys.back() : keys.front();
  return !is_last;
}

Result<void> Folding::go_on(Engine& engine, core::Time now) {
  const auto end = Clock::now() + kTime;
  if (Clock::now() < pause_until_) {
    return {};
  }
  while (Clock::now() < end) {
    const auto more = step(engine, now);
    if (!more || !*more) {
      pause_until_ = Clock::now() + kPauseAfterAll;
      return more ? Result<void>() : tl::unexpected(more.error());
    }
    std::this_thread::sleep_for(kPauseAfterPiece);
  }
  return {};
}

}  // namespace nexakey::store
