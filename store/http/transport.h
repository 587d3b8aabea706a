#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "core/secret.h"
#include "core/time.h"
#include "store/certificate.h"
#include "store/http/curl.h"
#include "store/http/url.h"

namespace nexakey::store::http {

inline constexpr int kOk = 200;
inline constexpr const char* kJson = "application/json";
inline constexpr const char* kJsonLines = "application/jsonl";

/// A request of the API, as it goes out.
struct Message {
  std::string method;
  std::string target;        ///< the path and the query
  std::string body{};        ///< a GET has none
  const char* type = kJson;  ///< the media type of the body, and of the one to get
  std::size_t max_reply = std::size_t{16} << 20U;  ///< the maximum length of a reply without a sink
};

/// Takes the body of a reply in pieces, so that it may be of any length; false: no further piece is
/// needed.
using Sink = std::function<bool(std::string_view)>;

/// A complete reply within the limits of size; nothing in it is checked yet.
struct Reply {
  int status = 0;
  std::string content_type;
  std::string body;
  std::optional<std::chrono::milliseconds> retry_after;
  std::optional<core::Time> date;  ///< by the server's clock, in whole seconds
  bool is_repeated = false;        ///< the server may have got an earlier attempt, too
};

/// Whether the value of a Content-Type names this type, with any parameters.
inline bool is_of_type(std::string_view content_type, std::string_view type) {
  return content_type.substr(0, content_type.find(';')) == type;
}

/// Why no reply came.
struct NoReply {
  std::string reason;         ///< follows a URL: "cannot be reached: connection refused"
  std::string hint;           ///< may be empty
  bool was_sent = false;      ///< whether the server may have got the request
  bool is_temporary = false;  ///< whether another attempt may succeed
};

/// HTTP/1.1 with one server (RFC 9112). Follows no redirect, trusts no certificate that it cannot
/// verify, and never sends a request a second time by itself. For one thread at a time.
class Transport {
 public:
  /// `token`: empty for a server that needs none. `ca_file`: certificates (PEM) to trust in place
  /// of the system's; empty: the system's.
  static core::Result<Transport> open(Url url, const core::Secret& token, std::string ca_file);

  /// Sends a request and receives the reply, within `time`. With a sink, the body of a reply of the
  /// requested type with status 200 goes to the sink, and `time` is the time in which some of it
  /// has to come.
  tl::expected<Reply, NoReply> exchange(const Message& message, std::chrono::milliseconds time,
                                        const Sink* sink = nullptr);

  /// Sends another token from now on. False if it is the same.
  bool set_token(const core::Secret& token);

  /// Keeps the certificates of connections that are made from now on.
  void keep_certificates() { keeps_certificates_ = true; }
  /// The server's certificate, of the connection of the last exchange; nothing without TLS.
  std::optional<Certificate> certificate();

  [[nodiscard]] const Url& url() const { return url_; }

 private:
  struct Turn;

  Transport(const Curl& curl, Url url, const core::Secret& token, std::string ca_file);
  bool prepare(const Message& message, std::chrono::milliseconds time, Turn& turn);
  bool limit(std::chrono::milliseconds time, const Turn& turn);
  void read_head(Reply& reply);
  NoReply explain(CURLcode code, const Turn& turn, std::chrono::milliseconds time);
  NoReply explain_certificate(const Turn& turn);
  template <typename T>
  bool set(CURLoption option, T value);
  [[nodiscard]] std::optional<core::Time> read_date(std::string_view text) const;

  const Curl* curl_;
  Url url_;
  std::string ca_file_;
  core::Secret authorization_;  ///< the header with the token
  CurlHandle handle_;
  bool keeps_certificates_ = false;
};

}  // namespace nexakey::store::http
