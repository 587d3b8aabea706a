#include "core/json/limits.h"
#include "core/json/shape.h"

namespace nexakey::core {
namespace shape {
namespace {

using Header = std::pair<std::string_view, std::string>;

/// The headers of a decision, which contain its rate limit and the needed scope. Their quotes are
/// escaped already.
struct Headers {
  static TypeSchema schema() { return {.type = "object"}; }
  static void write(JsonWriter& json, const std::vector<Header>& headers) {
    json.begin_object();
    for (const auto& [name, value] : headers) {
      json.name(name).plain(value);
    }
    json.end_object();
  }
};

/// The scopes of the key; null if none is known.
struct KnownScopes {
  static TypeSchema schema() { return {.type = "array", .is_nullable = true}; }
  static void write(JsonWriter& json, const std::optional<Scopes>& scopes) {
    Optional<Scopes>::write(json, scopes);
  }
  static Result<Scopes> read(const Json& value, std::string_view name) {
    return AnyScopes::read(value, name);
  }
};

/// JSON of the request, which is returned unchanged.
struct Ref {
  static TypeSchema schema() { return {.type = ""}; }
  static void write(JsonWriter& json, std::string_view ref) {
    json.raw(ref.empty() ? "null" : ref);
  }
};

std::optional<Scopes> known_scopes(const Decision& decision) {
  return decision.key_id ? std::optional(decision.scopes) : std::nullopt;
}

using Remaining = Integer<std::uint64_t, 0, std::int64_t{kMaxQuota}>;
using Seconds = Integer<std::int64_t, 0, std::int64_t{kMaxCount}>;

constexpr auto kLimitState = std::make_tuple(
    member<LimitState>(
        "window", [](auto& state) -> auto& { return state.limit.window; }, Presence::required),
    member_as<RequestsCodec>(
        "requests", [](auto& state) -> auto& { return state.limit.requests; }, Presence::required),
    member_as<Remaining>("remaining", &LimitState::remaining, Presence::required),
    member<LimitState>("reset_at", &LimitState::reset_at, Presence::required),
    member_as<Seconds>("reset_in", &LimitState::reset_in, Presence::required));

/// The states of several limits. That of a key with the minute alone is in the headers: writing it
/// twice would take a sixth of the time of a decision.
const std::vector<LimitState>& several_limits(const Decision& decision) {
  static const std::vector<LimitState> none;
  return decision.limits.size() > 1 ? decision.limits : none;
}
std::vector<LimitState>& several_limits(Decision& decision) { return decision.limits; }

constexpr auto kDecision = std::make_tuple(
    computed<Codec<bool>>("allowed", [](const Decision& d) { return d.allowed(); }),
    computed<Integer<int, 200, 503>>("status",
                                     [](const Decision& d) { return status_of(d.reason); }),
    member_as<Named<Reason, parse_reason>>("reason", &Decision::reason, Presence::required),
    member<Decision>("key_id", &Decision::key_id),
    member_as<OptionalText>("workspace", &Decision::workspace),
    computed<KnownScopes>("scopes", known_scopes),
    member<Decision>("client_ip", &Decision::client_ip),
    member_as<List<LimitState, FlatObject<LimitState, kLimitState>>>(
        "limits", [](auto& decision) -> auto& { return several_limits(decision); },
        Presence::sparse),
    computed<Headers>("headers", [](const Decision& d) { return d.headers(Quotes::escaped); }),
    computed<Ref>("ref", [](const Decision& d) { return std::string_view(d.ref); }));

constexpr auto kCheck =
    std::make_tuple(member<Check>("check", &Check::name), member<Check>("passed", &Check::passed),
                    member<Check>("found", &Check::found));
using CheckList = List<Check, Object<Check, kCheck>>;

template <typename T>
Result<T> read_number(const Json& headers, const char* name) {
  return headers.contains(name)
             ? read_string(headers[name], name).and_then([&](const std::string& text) {
                 const auto number = parse_whole<T>(text);
                 return number ? Result<T>(*number) : wrong_type(name, "a whole number");
               })
             : Result<T>(T{});
}

Result<std::optional<RateLimit>> read_rate_limit(const Json& headers) {
  if (!headers.contains("X-RateLimit-Limit")) {
    return std::nullopt;
  }
  const auto limit = read_number<std::uint64_t>(headers, "X-RateLimit-Limit");
  const auto remaining = read_number<std::uint64_t>(headers, "X-RateLimit-Remaining");
  const auto reset_at = read_number<std::int64_t>(headers, "X-RateLimit-Reset");
  const auto retry_after = read_number<std::int64_t>(headers, "Retry-After");
  for (const bool is_read :
       {limit.has_value(), remaining.has_value(), reset_at.has_value(), retry_after.has_value()}) {
    if (!is_read) {
      return reject("the headers of a decision have a limit that is not a number");
    }
  }
  return RateLimit{
      .limit = *limit,
      .remaining = *remaining,
      .reset_at = *reset_at,
      .retry_after = headers.contains("Retry-After") ? std::optional(*retry_after) : std::nullopt};
}

/// The state of the minute, of a key that has no other limits. An older server does not send it.
Result<std::vector<LimitState>> read_minute(const Json& headers, const RateLimit& limit) {
  if (!headers.contains("RateLimit")) {
    return {};
  }
  return read_string(headers["RateLimit"], "RateLimit")
      .and_then([&](const std::string& state) -> Result<std::vector<LimitState>> {
        constexpr std::string_view kTime = ";t=";
        const std::size_t at = state.rfind(kTime);
        const auto reset_in =
            at == std::string::npos
                ? std::nullopt
                : parse_whole<std::int64_t>(std::string_view(state).substr(at + kTime.size()));
        if (!reset_in) {
          return wrong_type("RateLimit", "the state of a limit");
        }
        constexpr auto kLastSecond =
            std::chrono::floor<std::chrono::seconds>(kLastTime.time_since_epoch()).count();
        const std::chrono::seconds reset_at(
            std::clamp<std::int64_t>(limit.reset_at, 0, kLastSecond));
        return std::vector{LimitState{.limit = {.window = Window::minute, .requests = limit.limit},
                                      .remaining = limit.remaining,
                                      .reset_at = Time(reset_at),
                                      .reset_in = *reset_in}};
      });
}

std::optional<Scope> read_needed_scope(const Json& headers) {
  const auto challenge = headers.find("WWW-Authenticate");
  if (challenge == headers.end() || !challenge->is_string()) {
    return std::nullopt;
  }
  for (const Scope scope : kScopes) {
    if (challenge->get_ref<const std::string&>().ends_with("scope=\"" +
                                                           std::string(name_of(scope)) + "\"")) {
      return scope;
    }
  }
  return std::nullopt;
}

/// Checks that the members of a decision agree.
Result<void> check_agreement(const Json& json, const Decision& decision) {
  if (json.value("allowed", Json()) != Json(decision.allowed()) ||
      json.value("status", Json()) != Json(status_of(decision.reason))) {
    return reject("the status of a decision does not match its reason");
  }
  const bool has_key = decision.reason > Reason::unknown_key;
  // A key that is busy may not have been read.
  if (decision.reason != Reason::busy_key && decision.key_id.has_value() != has_key) {
    return reject("the key of a decision does not match its reason");
  }
  return {};
}

}  // namespace

std::vector<ShapeSchema> decision_schemas() {
  ShapeSchema decision = schema_of("Decision", kDecision);
  decision.members.push_back({.name = "checks", .type = CheckList::schema()});
  return {std::move(decision)};
}

}  // namespace shape

void write_decision(JsonWriter& json, const Decision& decision, const std::vector<Check>& checks) {
  json.begin_object();
  shape::write_members(json, decision, shape::kDecision);
  if (!checks.empty()) {
    shape::CheckList::write(json.name("checks"), checks);
  }
  json.end_object();
}

Result<Decision> read_decision(const Json& json) {
  auto decision =
      shape::read_object<Decision>(json, "a decision", shape::kDecision, Unknown::ignored);
  if (!decision) {
    return decision;
  }
  if (const auto scopes = json.find("scopes"); scopes != json.end() && !scopes->is_null()) {
    decision->scopes = shape::KnownScopes::read(*scopes, "scopes").value_or(Scopes());
  }
  if (const auto headers = json.find("headers"); headers != json.end() && !headers->is_null()) {
    if (!headers->is_object()) {
      return shape::wrong_type("headers", "an object");
    }
    auto limit = shape::read_rate_limit(*headers);
    if (!limit) {
      return tl::unexpected(std::move(limit.error()));
    }
    decision->rate_limit = *limit;
    if (decision->limits.empty() && *limit) {
      auto minute = shape::read_minute(*headers, **limit);
      if (!minute) {
        return tl::unexpected(std::move(minute.error()));
      }
      decision->limits = *std::move(minute);
    }
    if (decision->reason == Reason::insufficient_scope) {
      decision->needed_scope = shape::read_needed_scope(*headers);
    }
  }
  return shape::check_agreement(json, *decision).map([&] { return *std::move(decision); });
}

Result<std::vector<Check>> read_checks(const Json& json) {
  const auto checks = json.find("checks");
  return checks == json.end() || checks->is_null() ? std::vector<Check>()
                                                   : shape::CheckList::read(*checks, "checks");
}

}  // namespace nexakey::core
