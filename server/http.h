#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/id.h"
#include "core/ip_range.h"
#include "server/body_file.h"

namespace nexakey::server {

/// The routes that a listener serves.
enum class Surface {
  all,
  metrics,  ///< /metrics, /healthz and /readyz; every other path is 404
};

/// The other end of a connection.
struct Peer {
  std::optional<core::IpAddress> address{};  ///< none: a Unix socket
  Surface surface = Surface::all;            ///< of the listener that accepted the connection

  /// Whether it is on this machine.
  [[nodiscard]] bool is_local() const { return !address || address->is_loopback(); }
  [[nodiscard]] std::string to_string() const { return address ? address->to_string() : "unix"; }
};

/// The head of a request (RFC 9110).
struct RequestHead {
  std::string method;
  std::string target;
  std::vector<std::pair<std::string, std::string>> headers;
  Peer peer;

  /// The parts of the target before and after the `?`.
  [[nodiscard]] std::string_view path() const;
  [[nodiscard]] std::string_view query() const;
  /// The values of a header; names are compared without regard to case.
  [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const;
  /// The value of a header that occurs exactly once.
  [[nodiscard]] std::optional<std::string_view> only_value(std::string_view name) const;
};

/// A response. Its body is one of `body`, `static_body` and `file`.
struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers{};
  std::string body{};
  std::string_view static_body{};          ///< in place of `body`: text in the program, not copied
  std::shared_ptr<const BodyFile> file{};  ///< in place of `body`, if there is one
  std::string detail{};                    ///< for the log: the reason, or what was wrong
  std::optional<core::KeyId> key_id{};     ///< for the log: the key that was decided about
  std::optional<core::IpAddress> client_ip{};  ///< for the log: the client of a gateway
  bool is_store_error = false;                 ///< for the metrics

  [[nodiscard]] std::uint64_t body_size() const;
};

/// Whether a connection persists after a response (RFC 9112, 9.3).
enum class Persistence {
  keep_alive,            ///< another request may follow: the default of HTTP/1.1
  confirmed_keep_alive,  ///< the same for an HTTP/1.0 client that asked; the response says so
  close,
};

/// Whether two names of headers or schemes are equal, without regard to case.
bool is_same_name(std::string_view a, std::string_view b);

/// A value without the optional whitespace around it (RFC 9110, 5.6.3).
std::string_view trim(std::string_view text);

/// Appends the head of a response to `out` (RFC 9112, 4). `date`: the value of the Date header.
void append_head(std::string& out, const HttpResponse& response, std::string_view date,
                 Persistence persistence);

}  // namespace nexakey::server
