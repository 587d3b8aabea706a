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

/// A request of the API, and what to do if its outcome is not known.
struct Call {
  Message message;
  Repeat repeat = Repeat::safe;
  bool may_miss = false;  ///< `not_found` is a possible outcome, and not a fault of the server
  std::string remedy{};   ///< the hint if the outcome is not known; empty: it changes nothing
  /// How long the server may take in addition to the timeout of every request.
  std::chrono::milliseconds work{0};
};

/// The remedy for a change that can simply be made again.
inline constexpr const char* kRunAgain = "run the same command again";

/// A call that changes nothing.
inline Call get(std::string target) {
  return {.message = {.method = "GET", .target = std::move(target)}};
}

/// What a server reveals about itself with any reply.
struct Introduction {
  std::optional<core::Time> clock;         ///< in whole seconds
  std::optional<Certificate> certificate;  ///< if it has one
};

/// Sends requests of the API to a server: repeats those that are safe to repeat, and turns a reply
/// into a document or an error. A reply that is not one of the API's is `store_unavailable`, and
/// never looks like a missing key. For one thread at a time.
class ApiClient {
 public:
  /// Sends nothing yet. `usage` if there is no token.
  static core::Result<ApiClient> open(Url url, const RemoteAccess& access);

  /// Sends a request, and returns what `read` returns for the document of a reply with status 200
  /// or, with status 204, for null. An error of `read` says what is invalid in the document.
  template <typename Read>
  auto ask(const Call& call, const Read& read) -> std::invoke_result_t<Read, const core::Json&> {
    return ask(call).and_then([&](const core::Json& json) {
      return read(json).map_error(
          [&](const core::Error& error) { return nonsense(error.message, call); });
    });
  }

  /// Sends a request whose reply can be long, and passes its body to `sink` as it comes. The
  /// timeout is the time in which some of it has to come.
  core::Result<void> fetch(const Call& call, const Sink& sink);

  /// Asks the server for its health. Any reply of HTTP will do.
  core::Result<Introduction> introduce();

  /// The error for a reply to `call` that is invalid; `what` says why.
  [[nodiscard]] core::Error nonsense(const std::string& what, const Call& call = {}) const;

 private:
  ApiClient(Transport transport, const RemoteAccess& access);
  core::Result<core::Json> ask(const Call& call);
  tl::expected<Reply, NoReply> exchange(const Call& call, const Sink* sink);
  tl::expected<Reply, NoReply> send(const Call& call, const Sink* sink,
                                    std::chrono::steady_clock::time_point end);
  [[nodiscard]] core::Result<core::Json> judge(const Call& call, const Reply& reply) const;
  [[nodiscard]] core::Error refusal(const Reply& reply) const;
  [[nodiscard]] core::Error failure(const Call& call, const Reply& reply) const;
  [[nodiscard]] core::Error failure(const Call& call, const NoReply& reply) const;
  std::chrono::milliseconds pause_before(int attempt);

  Transport transport_;
  std::string name_;   ///< of the store, and where it was named
  std::string token_;  ///< the name of the token in messages
  std::function<core::Result<core::Secret>()> read_id_token_;  ///< empty unless it is an ID token
  std::string renewal_problem_;                                ///< why that could not be read again
  std::chrono::milliseconds timeout_;
  std::minstd_rand jitter_{std::random_device{}()};
};

}  // namespace nexakey::store::http
