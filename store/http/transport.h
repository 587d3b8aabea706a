#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "core/secret.h"
#include "core/time.h"
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
  const char* type = kJson;  ///< of the body, and of the one that is wanted
};

/// Takes the body of an answer piece by piece, so that it may be of any length; false: it has had
/// enough.
using Sink = std::function<bool(std::string_view)>;

/// What came back: whole, within its bounds, but not looked at.
struct Reply {
  int status = 0;
  std::string content_type;
  std::string body;
  std::optional<std::chrono::milliseconds> retry_after;
  std::optional<core::Time> date;  ///< by the server's clock, in whole seconds
};

/// Whether the value of a Content-Type names this type, with whatever parameters.
inline bool is_of_type(std::string_view content_type, std::string_view type) {
  return content_type.substr(0, content_type.find(';')) == type;
}

/// Why nothing came back that could be looked at.
struct NoReply {
  std::string reason;     ///< "cannot be reached: connection refused", to put behind a URL
  std::string hint;       ///< may be empty
  bool was_sent = false;  ///< whether the server may have got the request
  bool may_pass = false;  ///< whether it may be better in a moment
};

/// Does HTTP/1.1 with one server: follows no redirect, trusts no certificate that it can't verify,
/// and never sends a request a second time by itself.
class Transport {
 public:
  /// `ca_file`: certificates (PEM) to trust in place of the system's; empty: those.
  static core::Result<Transport> open(Url url, const core::Secret& token, std::string ca_file);

  /// Sends a request and takes the reply; it is over after `time` in any case. With a sink, a body
  /// of the wanted type that comes with status 200 goes to that one, and `time` is how long nothing
  /// of it may come.
  tl::expected<Reply, NoReply> exchange(const Message& message, std::chrono::milliseconds time,
                                        const Sink* sink = nullptr);

  /// Has the certificates of connections kept that are made from now on.
  void keep_certificates() { keeps_certificates_ = true; }
  /// When the certificate ends that the server showed for the connection of the last exchange.
  std::optional<core::Time> certificate_end();

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
