#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "core/error.h"
#include "server/jwks.h"

namespace nexakey::server {

/// Gets the document at an https URL, or at one of this machine. Error: the reason.
using Fetch = std::function<core::Result<std::string>(const std::string& url)>;

/// Fetches with libcurl: at most 5 seconds and 256 KiB, and no redirects. `ca_file`: certificates
/// (PEM) to trust in place of the system's; empty: the system's.
Fetch fetch_with_curl(std::string ca_file);

/// The keys of issuers, which they publish (OpenID Connect Discovery 1.0, 4). For any number of
/// threads.
///
/// An issuer is asked at most once in `kMinInterval`, by one thread: for a key that is not known,
/// and for all keys after `kMaxFresh`. While it cannot be reached, its last keys are valid up to
/// `kMaxStale`. No other thread waits for its answer: to look for another key than these is an
/// error until it has answered.
class IssuerKeys {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::minutes kMinInterval{1};
  static constexpr std::chrono::minutes kMaxFresh{10};
  static constexpr std::chrono::hours kMaxStale{1};

  explicit IssuerKeys(Fetch fetch) : fetch_(std::move(fetch)) {}

  /// The key with this id; nothing if the issuer does not have it. `issuer` must be trusted: it is
  /// asked. Error: `failed`, with the reason, if the keys are not known.
  core::Result<std::optional<IssuerKey>> find(const std::string& issuer, const std::string& key_id,
                                              Clock::time_point now);

 private:
  /// The keys of one issuer.
  struct Issuer {
    Jwks keys;
    std::optional<Clock::time_point> fetched_at;  ///< when `keys` were
    std::optional<Clock::time_point> asked_at;    ///< when they were to be fetched
    std::string problem;                          ///< of the last attempt; empty if it succeeded
  };

  /// Asks an issuer, without the lock.
  void refresh(Issuer& issuer, const std::string& url, Clock::time_point now,
               std::unique_lock<std::mutex>& lock);

  Fetch fetch_;
  std::mutex mutex_;
  std::map<std::string, Issuer> issuers_;
};

}  // namespace nexakey::server
