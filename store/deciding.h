#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/sliding_window.h"
#include "store/key_store.h"
#include "store/tables.h"

/// Deciding and counting for an engine that has only tables: within one write transaction, a row at
/// a time. It is exact and slow; SQLite and PostgreSQL have faster ways.
namespace nexakey::store {

/// The admitted requests of one key, as core::SlidingWindow lays them out.
struct Window {
  std::uint64_t count = 0;
  std::vector<core::Tick> ring{};
};

/// Tables that also keep the windows.
class DecidingTables : public Tables {
 public:
  /// The window of a key; an empty one if there is none.
  virtual Window window(core::KeyId key) = 0;
  virtual void set_window(core::KeyId key, const Window& window) = 0;
  /// The admitted requests of the keys of a line of rotations since a time, which begins a day.
  virtual std::uint64_t admitted_since(core::KeyId line, core::Time since) = 0;
  /// Sets the peak of an hour to `peak.requests` if it is lower.
  virtual void raise_peak(core::KeyId key, const core::Peak& peak) = 0;
  /// The endpoints with counts of a key on a day, without core::kOtherEndpoints.
  virtual std::set<std::string> endpoints_of(core::KeyId key, core::Time day) = 0;
};

/// Implements KeyStore::verify. `tick`: the time of the windows' clock, which never goes back.
std::vector<Verification> decide(DecidingTables& tables, std::span<const core::Request> requests,
                                 const VerifyOptions& options, core::Tick tick);

/// Implements KeyStore::record_responses.
void count(DecidingTables& tables, std::span<const core::UpstreamResponse> responses);

}  // namespace nexakey::store
