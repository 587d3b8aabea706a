#include "store/http/transport.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>
#include <system_error>
#include <utility>

#include "core/text.h"

namespace nexakey::store::http {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kMaxHeadSize = std::size_t{64} << 10U;
constexpr milliseconds kConnectTime{10'000};

// Of OpenSSL's x509_vfy.h, which curl passes on.
constexpr long kNotYetValid = 9;
constexpr long kExpired = 10;
constexpr std::array<long, 5> kUnknownIssuer{2, 18, 19, 20, 21};

core::Secret header_with(const core::Secret& token) {
  if (token.empty()) {
    return {};
  }
  constexpr std::string_view kName = "Authorization: Bearer ";
  std::string header;
  header.reserve(kName.size() + token.reveal().size());  // no copy is left by growing
  header += kName;
  header += token.reveal();
  return core::Secret(std::move(header));
}

/// Whether a line of a head is a header with this name; `name` is in lower case.
bool is_header(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::ranges::equal(line.substr(0, name.size()), name, {},
                            [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
}

/// A time in seconds, "30s", or in milliseconds if it is not a whole number of seconds.
std::string to_text(milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + "s"
                                  : std::to_string(time.count()) + "ms";
}

}  // namespace

/// The state of one exchange, which curl's callbacks read and write.
struct Transport::Turn {
  Transport& transport;
  std::string_view unsent;
  const char* wanted = kJson;
  const Sink* sink = nullptr;
  std::size_t max_reply = 0;
  bool was_sent = false;  ///< at least in part
  bool has_ended = false;
  std::size_t head = 0;
  bool has_head = false;  ///< the head of the final response is complete
  bool is_too_long = false;
  bool has_begun = false;   ///< the sink has got some of the body
  bool has_enough = false;  ///< the sink needs no further piece
  Reply reply{};
  std::array<char, CURL_ERROR_SIZE> error{};

  /// Sends the body once. If a kept connection has died, curl would send the request again on a new
  /// one; after the end of the body this makes it fail instead.
  static std::size_t send(char* buffer, std::size_t size, std::size_t count, void* data) {
    Turn& turn = *static_cast<Turn*>(data);
    turn.was_sent = true;
    if (turn.unsent.empty()) {
      return std::exchange(turn.has_ended, true) ? CURL_READFUNC_ABORT : 0;
    }
    const std::size_t taken = std::min(size * count, turn.unsent.size());
    std::memcpy(buffer, turn.unsent.data(), taken);
    turn.unsent.remove_prefix(taken);
    return taken;
  }

  static std::size_t receive(char* data, std::size_t size, std::size_t count, void* to) {
    Turn& turn = *static_cast<Turn*>(to);
    const std::size_t length = size * count;
    if (turn.sink != nullptr && turn.is_wanted()) {
      turn.has_begun = true;
      turn.has_enough = !(*turn.sink)({data, length});
      return turn.has_enough ? 0 : length;
    }
    if (turn.reply.body.size() + length > turn.max_reply) {
      turn.is_too_long = true;
      return 0;
    }
    turn.reply.body.append(data, length);
    return length;
  }

  /// Whether the reply is what was requested, and not an error.
  bool is_wanted() {
    if (!has_begun) {
      transport.read_head(reply);
    }
    return has_begun || (reply.status == kOk && is_of_type(reply.content_type, wanted));
  }

  static std::size_t receive_head(char* data, std::size_t size, std::size_t count, void* to) {
    Turn& turn = *static_cast<Turn*>(to);
    turn.head += size * count;
    const std::string_view line(data, size * count);
    if (line.starts_with("HTTP/")) {
      turn.has_head = false;  // also after an interim response
    }
    turn.has_head = turn.has_head || line == "\r\n" || line == "\n";
    if (is_header(line, "date")) {
      turn.reply.date = turn.transport.read_date(line.substr(line.find(':') + 1));
    }
    turn.is_too_long = turn.is_too_long || turn.head > kMaxHeadSize;
    return turn.is_too_long ? 0 : size * count;
  }
};

core::Result<Transport> Transport::open(Url url, const core::Secret& token, std::string ca_file) {
  return Curl::load().map([&](const Curl* curl) {
    return Transport(*curl, std::move(url), token, std::move(ca_file));
  });
}

Transport::Transport(const Curl& curl, Url url, const core::Secret& token, std::string ca_file)
    : curl_(&curl),
      url_(std::move(url)),
      ca_file_(std::move(ca_file)),
      authorization_(header_with(token)),
      handle_(curl.easy_init(), curl.easy_cleanup) {}

bool Transport::set_token(const core::Secret& token) {
  core::Secret header = header_with(token);
  const bool is_other = header.reveal() != authorization_.reveal();
  authorization_ = std::move(header);
  return is_other;
}

template <typename T>
bool Transport::set(CURLoption option, T value) {
  return curl_->easy_setopt(handle_.get(), option, value) == CURLE_OK;
}

bool Transport::prepare(const Message& message, milliseconds time, Turn& turn) {
  curl_->easy_reset(handle_.get());
  // Without it curl waits at the end for a look-up of a name that has taken too long.
  static_cast<void>(set(CURLOPT_QUICK_EXIT, 1L));
  const bool has_body = message.method != "GET";
  const bool takes_proxy = url_.is_encrypted && !url_.is_local;
  return set(CURLOPT_URL, (url_.base + message.target).c_str()) &&
         set(CURLOPT_PROTOCOLS_STR, url_.is_encrypted ? "https" : "http") &&
         set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1)) &&
         set(CURLOPT_NOSIGNAL, 1L) && set(CURLOPT_ERRORBUFFER, turn.error.data()) &&
         set(CURLOPT_USERAGENT, "nexakey/" NEXAKEY_VERSION) &&
         set(CURLOPT_HEADEROPT, static_cast<long>(CURLHEADER_SEPARATE)) &&
         (takes_proxy || set(CURLOPT_PROXY, "")) &&
         (url_.socket_path.empty() || set(CURLOPT_UNIX_SOCKET_PATH, url_.socket_path.c_str())) &&
         (!url_.is_encrypted ||
          (set(CURLOPT_SSL_VERIFYPEER, 1L) && set(CURLOPT_SSL_VERIFYHOST, 2L) &&
           set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2)))) &&
         (ca_file_.empty() || !url_.is_encrypted ||
          (set(CURLOPT_CAINFO, ca_file_.c_str()) &&
           set(CURLOPT_CAPATH, static_cast<char*>(nullptr)))) &&
         (!keeps_certificates_ || set(CURLOPT_CERTINFO, 1L)) &&
         set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(std::min(time, kConnectTime).count())) &&
         limit(time, turn) && set(CURLOPT_WRITEFUNCTION, &Turn::receive) &&
         set(CURLOPT_WRITEDATA, &turn) && set(CURLOPT_HEADERFUNCTION, &Turn::receive_head) &&
         set(CURLOPT_HEADERDATA, &turn) &&
         (!has_body ||
          (set(CURLOPT_UPLOAD, 1L) && set(CURLOPT_CUSTOMREQUEST, message.method.c_str()) &&
           set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(message.body.size())) &&
           set(CURLOPT_READFUNCTION, &Turn::send) && set(CURLOPT_READDATA, &turn)));
}

std::optional<core::Time> Transport::read_date(std::string_view text) const {
  const std::time_t seconds = curl_->getdate(std::string(text).c_str(), nullptr);
  return seconds < 0 ? std::nullopt : std::optional(core::Time(std::chrono::seconds(seconds)));
}

std::optional<Certificate> Transport::certificate() {
  curl_certinfo* chain = nullptr;
  curl_->easy_getinfo(handle_.get(), CURLINFO_CERTINFO, &chain);
  if (chain == nullptr || chain->num_of_certs == 0) {
    return std::nullopt;
  }
  // The first one is the server's.
  const auto find = [&](std::string_view name) -> std::string_view {
    for (const curl_slist* line = chain->certinfo[0]; line != nullptr; line = line->next) {
      if (const std::string_view text = line->data; text.starts_with(name)) {
        return text.substr(name.size());
      }
    }
    return {};
  };
  return Certificate{.subject = std::string(find("Subject:")),
                     .issuer = std::string(find("Issuer:")),
                     .expires_at = read_date(find("Expire date:"))};
}

bool Transport::limit(milliseconds time, const Turn& turn) {
  if (turn.sink == nullptr) {
    return set(CURLOPT_TIMEOUT_MS, static_cast<long>(time.count()));
  }
  // It fails after so many seconds with less than a byte per second.
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(time);
  return set(CURLOPT_LOW_SPEED_LIMIT, 1L) &&
         set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(seconds.count()));
}

void Transport::read_head(Reply& reply) {
  long status = 0;
  curl_off_t retry_after = 0;
  const char* content_type = nullptr;
  curl_->easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &status);
  curl_->easy_getinfo(handle_.get(), CURLINFO_RETRY_AFTER, &retry_after);
  curl_->easy_getinfo(handle_.get(), CURLINFO_CONTENT_TYPE, &content_type);
  reply.status = static_cast<int>(status);
  reply.content_type = content_type == nullptr ? "" : content_type;
  if (retry_after > 0) {
    reply.retry_after = std::chrono::seconds(retry_after);
  }
}

tl::expected<Reply, NoReply> Transport::exchange(const Message& message, milliseconds time,
                                                 const Sink* sink) {
  Turn turn{.transport = *this,
            .unsent = message.body,
            .wanted = message.type,
            .sink = sink,
            .max_reply = message.max_reply};
  // curl uses this list without copying it, so that every copy of the token is wiped.
  std::array<std::string, 3> texts{std::string("Accept: ") + message.type,
                                   std::string("Content-Type: ") + message.type, "Expect:"};
  std::array<curl_slist, 4> headers{};
  headers[0].data = const_cast<char*>(authorization_.reveal().data());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    headers[i].next = &headers[i + 1];
    headers[i + 1].data = texts[i].data();
  }
  curl_slist* const first = &headers[authorization_.empty() ? 1 : 0];
  if (!prepare(message, time, turn) || !set(CURLOPT_HTTPHEADER, first)) {
    return tl::unexpected(NoReply{.reason = "cannot be used: this libcurl is too old",
                                  .hint = "install version 7.85 or newer"});
  }
  CURLcode code = curl_->easy_perform(handle_.get());
  if (code == CURLE_OK && !turn.has_head) {
    code = CURLE_PARTIAL_FILE;  // curl takes a head that is cut for a complete one
  }
  set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
  if (code != CURLE_OK && !turn.has_enough) {
    return tl::unexpected(explain(code, turn, time));
  }
  read_head(turn.reply);
  return std::move(turn.reply);
}

NoReply Transport::explain_certificate(const Turn& turn) {
  long verdict = 0;
  curl_->easy_getinfo(handle_.get(), CURLINFO_SSL_VERIFYRESULT, &verdict);
  if (verdict == kExpired) {
    return {.reason = "has a certificate that has expired", .hint = "renew it on the server"};
  }
  if (verdict == kNotYetValid) {
    return {.reason = "has a certificate that is not valid yet",
            .hint = "compare the clocks of both machines"};
  }
  if (std::ranges::count(kUnknownIssuer, verdict) != 0) {
    return {.reason = "has a certificate of an untrusted authority",
            .hint = "name the certificate of the authority with --ca-file if you trust it"};
  }
  // curl checks the name itself.
  if (std::string_view(turn.error.data()).find("match") != std::string_view::npos) {
    return {.reason = "has a certificate for another name",
            .hint = "use a name that the certificate covers"};
  }
  return {.reason = std::string("has a certificate that cannot be verified: ") + turn.error.data(),
          .hint = {}};
}

NoReply Transport::explain(CURLcode code, const Turn& turn, milliseconds time) {
  NoReply failure{.reason = {}, .hint = {}, .was_sent = turn.was_sent};
  const auto fail = [&](std::string reason, std::string hint = {}, bool is_temporary = false) {
    failure.reason = std::move(reason);
    failure.hint = std::move(hint);
    failure.is_temporary = is_temporary && !turn.has_begun;  // the sink would get it twice
    return failure;
  };
  if (turn.is_too_long) {
    return fail("sent a response that is too long");
  }
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return fail("cannot be reached: its name cannot be resolved", "check its spelling", true);
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_PROXY:
      return fail("cannot be reached: the proxy failed", "check the variable https_proxy", true);
    case CURLE_COULDNT_CONNECT: {
      long error = 0;
      curl_->easy_getinfo(handle_.get(), CURLINFO_OS_ERRNO, &error);
      return fail("cannot be reached: " +
                      (error == 0 ? std::string("no connection")
                                  : std::system_category().message(static_cast<int>(error))),
                  "check that nexakey serve is running there", true);
    }
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t connected = 0;
      curl_->easy_getinfo(handle_.get(), CURLINFO_CONNECT_TIME_T, &connected);
      return connected == 0 ? fail("cannot be reached: no connection within " +
                                       to_text(std::min(time, kConnectTime)),
                                   "check that nexakey serve is running there")
                            : fail("did not respond in time", "raise --timeout");
    }
    case CURLE_PEER_FAILED_VERIFICATION:
      return explain_certificate(turn);
    case CURLE_SSL_CACERT_BADFILE:
      return fail("cannot be reached: " + core::quote(ca_file_) +
                  " is not a readable certificate file");
    case CURLE_SSL_CONNECT_ERROR:
      return fail("does not speak TLS 1.2 or newer", "check whether it is an http address");
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_ABORTED_BY_CALLBACK:
    case CURLE_PARTIAL_FILE:
      return fail("closed the connection", {}, true);
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return fail("is not a nexakey server: it does not speak HTTP");
    default:
      return fail(std::string("cannot be used: ") + curl_->easy_strerror(code));
  }
}

}  // namespace nexakey::store::http
