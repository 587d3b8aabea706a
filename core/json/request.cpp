#include <array>

#include "core/endpoint.h"
#include "core/json/plain_json.h"
#include "core/json/shape.h"
#include "core/json_arrays.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr const char* kNotOneObject = "the text is not a JSON object";
constexpr int kMaxRefDepth = 16;
constexpr int kNumberOutOfRange = 406;  // nlohmann's out_of_range.406

std::string too_many(std::string_view elements) {
  return "an array has more than " + std::to_string(kMaxElements) + ' ' + std::string(elements);
}

/// A member of a request whose value is a string. It is not a shape::Member, because no document is
/// built from requests: `read` takes the string from the parser, and wipes it if it is a key.
struct RequestMember {
  std::string_view name;
  bool is_nullable = false;
  Result<void> (*read)(Request&, std::string& value) = nullptr;
  void (*write)(JsonWriter&, std::string_view name, const Request&) = nullptr;
};

Result<void> read_key(Request& request, std::string& value) {
  set_credential(request, value);
  wipe(value);
  return {};
}

/// A client has only the hash of a key; the server must make the same decision about a text that is
/// not a key.
void write_malformed_key(JsonWriter& json, std::string_view name, const Request& request) {
  if (request.credential == Credential::malformed) {
    json.name(name).plain("malformed");
  }
}

Result<void> read_key_hash(Request& request, std::string& value) {
  const auto hash = hash_from_hex(value);
  if (!hash) {
    return reject("a key_hash must have 64 hexadecimal digits");
  }
  request.credential = Credential::key;
  request.key_hash = *hash;
  return {};
}

void write_key_hash(JsonWriter& json, std::string_view name, const Request& request) {
  if (request.credential == Credential::key && !request.key_id) {
    json.name(name).plain(to_hex(request.key_hash));
  }
}

Result<void> read_key_id(Request& request, std::string& value) {
  request.credential = Credential::key;
  request.key_id = KeyId::parse(value);
  return request.key_id ? Result<void>() : reject(quote(value) + " is not a key id");
}

void write_key_id(JsonWriter& json, std::string_view name, const Request& request) {
  if (request.key_id) {
    json.name(name).plain(request.key_id->to_string());
  }
}

/// Reads a string into a member of a request, if `check` accepts it.
template <auto kMember, Result<void> (*kCheck)(std::string_view)>
Result<void> read_text(Request& request, std::string& value) {
  request.*kMember = value;
  return kCheck(value);
}

template <auto kMember>
void write_text(JsonWriter& json, std::string_view name, const Request& request) {
  json.name(name).string(request.*kMember);
}

template <auto kMember>
void write_optional_text(JsonWriter& json, std::string_view name, const Request& request) {
  shape::OptionalText::write(json.name(name), request.*kMember);
}

Result<void> read_ip(Request& request, std::string& value) {
  request.ip = IpAddress::parse(value);
  return request.ip ? Result<void>() : reject(quote(value) + " is not an IPv4 or IPv6 address");
}

void write_ip(JsonWriter& json, std::string_view name, const Request& request) {
  shape::Codec<std::optional<IpAddress>>::write(json.name(name), request.ip);
}

void write_ref(JsonWriter& json, std::string_view name, const Request& request) {
  json.name(name).raw(request.ref.empty() ? "null" : request.ref);
}

/// The members of a request, in the order in which they are written. `ref` is any JSON, which is
/// copied.
constexpr std::array<RequestMember, 9> kMembers{{
    {"key_hash", false, read_key_hash, write_key_hash},
    {"key_id", false, read_key_id, write_key_id},
    {"key", true, read_key, write_malformed_key},
    {"method", false, read_text<&Request::method, check_method>, write_text<&Request::method>},
    {"path", false, read_text<&Request::path, check_path>, write_text<&Request::path>},
    {"ip", true, read_ip, write_ip},
    {"workspace", true, read_text<&Request::workspace, check_workspace>,
     write_optional_text<&Request::workspace>},
    {"method_override", true, read_text<&Request::override_method, check_method>,
     write_optional_text<&Request::override_method>},
    {"ref", true, nullptr, write_ref},
}};
constexpr std::size_t kHashMember = 0;
constexpr std::size_t kIdMember = 1;
constexpr std::size_t kKeyMember = 2;
constexpr std::size_t kRefMember = 8;

/// Reads requests from the events of a parser, without building a document: of a key, only the hash
/// is kept, and `ref` is written again as it is read.
class RequestReader : public nlohmann::json_sax<Json> {
 public:
  /// `many`: accepts an array too, and hashes and ids in place of keys.
  explicit RequestReader(bool many) : many_(many) {}

  [[nodiscard]] const std::string& error() const { return error_; }
  RequestDocument take() { return {.requests = std::move(requests_), .is_array = is_array_}; }

  bool null() override {
    if (in_ref()) {
      return put([&] { ref_.null(); });
    }
    return (depth_ == 1 && kMembers[member_].is_nullable) || mistyped();
  }
  bool boolean(bool value) override {
    return in_ref() ? put([&] { ref_.boolean(value); }) : mistyped();
  }
  bool number_integer(number_integer_t value) override {
    return in_ref() ? put([&] { ref_.number(value); }) : mistyped();
  }
  bool number_unsigned(number_unsigned_t value) override {
    return in_ref() ? put([&] { ref_.number(value); }) : mistyped();
  }
  bool number_float(number_float_t /*value*/, const string_t& digits) override {
    return in_ref() ? put([&] { ref_.raw(digits); }) : mistyped();
  }
  bool binary(binary_t& /*value*/) override { return mistyped(); }

  bool string(string_t& value) override {
    if (in_ref()) {
      return put([&] { ref_.string(value); });
    }
    if (depth_ == 0) {
      return mistyped();
    }
    const auto read = kMembers[member_].read(requests_.back(), value);
    return read || fail_with(read.error().message);
  }

  bool start_object(std::size_t /*size*/) override {
    if (++depth_ == 1) {
      requests_.emplace_back();
      ref_ = JsonWriter(requests_.back().ref);
      seen_.fill(false);
      return requests_.size() <= kMaxElements || fail_with(too_many("requests"));
    }
    return in_ref() ? deepen() && put([&] { ref_.begin_object(); }) : mistyped();
  }
  bool end_object() override {
    if (--depth_ > 0) {
      return put([&] { ref_.end_object(); });
    }
    const std::array names{seen_[kKeyMember], seen_[kHashMember], seen_[kIdMember]};
    return std::ranges::count(names, true) <= 1 ||
           fail_with("a request has only one of key, key_hash and key_id");
  }
  bool start_array(std::size_t /*size*/) override {
    if (depth_ == 0) {
      return many_ && !std::exchange(is_array_, true) ? true : mistyped();
    }
    ++depth_;
    return in_ref() ? deepen() && put([&] { ref_.begin_array(); }) : mistyped();
  }
  bool end_array() override {
    if (depth_ == 0) {
      return true;
    }
    --depth_;
    return put([&] { ref_.end_array(); });
  }

  bool key(string_t& name) override {
    if (depth_ > 1) {
      return put([&] { ref_.any_name(name); });
    }
    for (std::size_t i = 0; i < kMembers.size(); ++i) {
      if (kMembers[i].name == name && (many_ || (i != kHashMember && i != kIdMember))) {
        member_ = i;
        return !std::exchange(seen_[i], true) ||
               fail_with("the member " + name + " is given twice");
      }
    }
    return fail_with("a request has no member " + quote(name));
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& error) override {
    // nlohmann/json's own message quotes the input, which may contain a key.
    return fail_with(error.id == kNumberOutOfRange ? "the request has a number that is out of range"
                                                   : kNotOneObject);
  }

 private:
  [[nodiscard]] bool in_ref() const { return depth_ >= 1 && member_ == kRefMember; }

  template <typename Write>
  bool put(Write write) {
    write();
    return true;
  }

  bool fail_with(std::string message) {
    if (error_.empty()) {
      error_ = std::move(message);
    }
    return false;
  }

  bool mistyped() {
    return fail_with(depth_ == 0 ? "a request must be a JSON object"
                                 : "the member " + std::string(kMembers[member_].name) +
                                       " must be a string");
  }

  bool deepen() {
    return depth_ <= kMaxRefDepth || fail_with("the member ref is nested too deeply");
  }

  bool many_;
  bool is_array_ = false;
  std::vector<Request> requests_;
  std::string no_ref_;
  JsonWriter ref_{no_ref_};
  std::size_t member_ = 0;  // within a request, the one whose value comes next
  std::array<bool, kMembers.size()> seen_{};
  int depth_ = 0;
  std::string error_;
};

Result<RequestDocument> parse_document(std::string_view text, bool many) {
  if (RequestReader reader(many); read_plain_json(text, reader)) {
    return reader.take();
  }
  // nlohmann/json takes a NUL for the end of the input and ignores what follows it.
  if (text.find('\0') != std::string_view::npos) {
    return reject(kNotOneObject);
  }
  RequestReader reader(many);
  if (!Json::sax_parse(text, &reader)) {
    return reject(reader.error());
  }
  return reader.take();
}

constexpr auto kUpstreamResponse = std::make_tuple(
    shape::member<UpstreamResponse>("key_id", &UpstreamResponse::key, shape::Presence::required),
    shape::member<UpstreamResponse>("method", &UpstreamResponse::method),
    shape::member<UpstreamResponse>("path", &UpstreamResponse::path),
    shape::member_as<shape::Integer<int, 100, 599>>("status", &UpstreamResponse::status,
                                                    shape::Presence::required),
    shape::member_as<shape::OptionalText>("workspace", &UpstreamResponse::workspace));

}  // namespace

std::vector<shape::ShapeSchema> shape::request_schemas() {
  std::vector<MemberSchema> members;
  for (const RequestMember& member : kMembers) {
    members.push_back({.name = member.name,
                       .type = {.type = member.read == nullptr ? "" : "string",
                                .is_nullable = member.is_nullable}});
  }
  return {{.name = "Request", .members = std::move(members)},
          schema_of("UpstreamResponse", kUpstreamResponse)};
}

void write_request(JsonWriter& json, const Request& request) {
  json.begin_object();
  for (const RequestMember& member : kMembers) {
    member.write(json, member.name, request);
  }
  json.end_object();
}

Result<Request> parse_request(std::string_view text) {
  if (text.size() > kMaxRequestSize) {
    return reject("a request is longer than " + std::to_string(kMaxRequestSize) + " bytes");
  }
  return parse_document(text, false).map([](RequestDocument document) {
    return std::move(document.requests.front());
  });
}

Result<RequestDocument> parse_requests(std::string_view text) { return parse_document(text, true); }

void write_upstream_response(JsonWriter& json, const UpstreamResponse& response) {
  shape::write_object(json, response, kUpstreamResponse);
}

Result<UpstreamResponse> read_upstream_response(const Json& json) {
  return shape::read_object<UpstreamResponse>(json, "an upstream response", kUpstreamResponse,
                                              Unknown::refused)
      .and_then([](const UpstreamResponse& response) {
        return check_upstream_response(response).map([&] { return response; });
      });
}

Result<std::vector<UpstreamResponse>> parse_upstream_responses(std::string_view text) {
  auto json = parse_json(text);
  if (!json) {
    return tl::unexpected(std::move(json.error()));
  }
  if (!json->is_array()) {
    return read_upstream_response(*json).map(
        [](UpstreamResponse response) { return std::vector{std::move(response)}; });
  }
  if (json->size() > kMaxElements) {
    return reject(too_many("upstream responses"));
  }
  std::vector<UpstreamResponse> responses;
  for (const Json& element : *json) {
    auto response = read_upstream_response(element);
    if (!response) {
      return tl::unexpected(std::move(response.error()));
    }
    responses.push_back(*std::move(response));
  }
  return responses;
}

}  // namespace nexakey::core
