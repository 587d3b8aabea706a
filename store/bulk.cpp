#include "store/bulk.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "store/refusals.h"

namespace nexakey::store {
namespace {

using Clock = std::chrono::steady_clock;
using core::KeyId;

/// How long a transaction takes further keys.
constexpr std::chrono::milliseconds kMaxTime{100};
/// The pause after a transaction, in which others get the store. They poll its lock every 2 ms.
constexpr std::chrono::milliseconds kPause{4};

std::span<const KeyId> first_of(std::span<const KeyId> ids, std::size_t count = kMaxAtOnce) {
  return ids.first(std::min(ids.size(), count));
}

Result<void> check_existence(std::span<const KeyId> ids, const FindExisting& find_existing) {
  while (!ids.empty()) {
    const auto batch = first_of(ids);
    auto existing = find_existing(batch);
    if (!existing) {
      return tl::unexpected(std::move(existing.error()));
    }
    std::ranges::sort(*existing);
    const auto missing = std::ranges::find_if(
        batch, [&](KeyId id) { return !std::ranges::binary_search(*existing, id); });
    if (missing != batch.end()) {
      return tl::unexpected(not_found(*missing));
    }
    ids = ids.subspan(batch.size());
  }
  return {};
}

/// The error of a change of `all` keys, in parts, that failed after `done` of them. `verb`: revoke.
core::Error interrupted(core::Error error, const std::string& verb, std::size_t done,
                        std::size_t all) {
  error.message = verb + "d " + std::to_string(done) + " of " + std::to_string(all) +
                  " keys, then failed: " + error.message;
  error.hint = "run the same command again to " + verb + " the rest";
  return error;
}

}  // namespace

Result<void> revoke_in_bulk(std::span<const KeyId> ids, std::size_t at_once,
                            const FindExisting& find_existing, const RevokeSome& revoke_some,
                            const std::function<bool(std::span<const core::Key>)>& visit) {
  const bool is_bulk = ids.size() > kMaxAtOnce;
  if (is_bulk) {
    if (auto checked = check_existence(ids, find_existing); !checked) {
      return checked;
    }
  }
  for (std::size_t done = 0; done < ids.size();) {
    const auto end = Clock::now() + kMaxTime;
    const auto revoked = revoke_some(first_of(ids.subspan(done), at_once),
                                     [&] { return is_bulk && Clock::now() >= end; });
    if (!revoked) {
      return tl::unexpected(done == 0 ? revoked.error()
                                      : interrupted(revoked.error(), "revoke", done, ids.size()));
    }
    done += revoked->size();
    if (!visit(*revoked)) {
      break;
    }
    if (done < ids.size()) {
      std::this_thread::sleep_for(kPause);
    }
  }
  return {};
}

Result<void> purge_in_bulk(std::span<const KeyId> ids, const PurgeSome& purge_some,
                           const std::function<bool(std::span<const KeyId>)>& visit) {
  for (std::size_t done = 0; done < ids.size();) {
    const auto step = purge_some(first_of(ids.subspan(done)));
    if (!step) {
      return tl::unexpected(done == 0 ? step.error()
                                      : interrupted(step.error(), "purge", done, ids.size()));
    }
    done += step->done;
    if (!visit(step->purged)) {
      break;
    }
    if (done < ids.size()) {
      std::this_thread::sleep_for(kPause);
    }
  }
  return {};
}

}  // namespace nexakey::store
