#pragma once

#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "store/access.h"
#include "store/http/transport.h"

namespace nexakey::store::http {

/// Whether a request may be sent again when it is not known whether the server got it.
enum class Repeat {
  safe,   ///< twice is the same as once
  never,  ///< twice is not
};

/// A request of the API, and what follows if its outcome can't be told.
struct Call {
  Message message;
  Repeat repeat = Repeat::safe;
  bool may_miss = false;  ///< whether it can be that what it is about is not there
  std::string remedy{};   ///< what to do then; empty: it changes nothing
  /// How long the server may take, besides the time for any request.
  std::chrono::milliseconds work{0};
};

/// The remedy for a change that can simply be made again.
inline constexpr const char* kRunAgain = "run the same command again";

/// A call that changes nothing.
inline Call get(std::string target) {
  return {.message = {.method = "GET", .target = std::move(target)}};
}

/// What a server tells of itself beside its answers.
struct Introduction {
  std::optional<core::Time> clock;            ///< in whole seconds
  std::optional<core::Time> certificate_end;  ///< if it has one
};

/// Asks a server of the API: tries again what is safe to try again, tells replies from failures,
/// and has a line and a status for each of these. An answer that is not one of the API's is an
/// error of the store, and never looks like a missing key.
class Connection {
 public:
  /// Connects to nothing yet; without a token it is a `usage` error.
  static core::Result<Connection> open(Url url, const RemoteAccess& access);

  /// What `read` makes of the document of a reply that says it was done; null if there is none. An
  /// error of `read` says what makes no sense in it.
  template <typename Read>
  auto ask(const Call& call, const Read& read) -> std::invoke_result_t<Read, const core::Json&> {
    return ask(call).and_then([&](const core::Json& json) {
      return read(json).map_error(
          [&](const core::Error& error) { return nonsense(error.message, call); });
    });
  }

  /// Gives a long answer, lines of JSON, to `sink` as it comes. The time for a request is how long
  /// nothing of it may come.
  core::Result<void> fetch(const Call& call, const Sink& sink);

  /// Asks the server how it is; an answer of any kind will do.
  core::Result<Introduction> introduce();

  /// The error for an answer to `call` that makes no sense, and why it makes none.
  [[nodiscard]] core::Error nonsense(const std::string& what, const Call& call = {}) const;

 private:
  Connection(Transport transport, const RemoteAccess& access);
  core::Result<core::Json> ask(const Call& call);
  tl::expected<Reply, NoReply> exchange(const Call& call, const Sink* sink);
  [[nodiscard]] core::Result<core::Json> judge(const Call& call, const Reply& reply) const;
  [[nodiscard]] core::Error refusal(const Reply& reply) const;
  [[nodiscard]] core::Error failure(const Call& call, const Reply& reply) const;
  [[nodiscard]] core::Error failure(const Call& call, const NoReply& reply) const;
  std::chrono::milliseconds pause_before(int attempt);

  Transport transport_;
  std::string name_;   ///< of the store, and where it was named
  std::string token_;  ///< what the token is called
  std::chrono::milliseconds timeout_;
  std::minstd_rand jitter_{std::random_device{}()};
};

}  // namespace nexakey::store::http
