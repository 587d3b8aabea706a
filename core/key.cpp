#include "core/key.h"

#include <algorithm>
#include <array>
#include <tuple>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::size_t kMaxNameLength = 64;
constexpr std::size_t kMaxDescriptionLength = 1000;
constexpr std::size_t kMaxLabelValueLength = 256;
constexpr std::size_t kMaxLabels = 64;
constexpr const char* kWordHint = "use 1 to 64 characters of A-Z, a-z, 0-9, dot, _ and -";

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= kMaxNameLength && text.front() != '-' &&
         text.front() != '.' && std::ranges::all_of(text, [](char c) {
           return is_alphanumeric(c) || c == '.' || c == '_' || c == '-';
         });
}

/// Checks a text about a key, which is stored unchanged and shown to other users.
Result<void> check_no_secret(std::string_view text) {
  return contains_credential(text) ? reject("the text contains a whole key or token")
                                   : Result<void>();
}

auto tie(const Key& k) {
  return std::tie(k.id, k.workspace, k.scopes, k.whitelist, k.rate_limit, k.limits, k.line,
                  k.expires_at, k.suspended_at, k.revoked_at, k.hash, k.last_four, k.name,
                  k.description, k.labels, k.created_at, k.revoke_reason, k.last_use,
                  k.rotated_from, k.superseded_by, k.unconfirmed, k.is_damaged, k.damage);
}

}  // namespace

std::string_view name_of(KeyStatus status) {
  switch (status) {
    case KeyStatus::active:
      return "active";
    case KeyStatus::suspended:
      return "suspended";
    case KeyStatus::expired:
      return "expired";
    case KeyStatus::damaged:
      return "damaged";
    case KeyStatus::revoked:
      break;
  }
  return "revoked";
}

std::optional<KeyStatus> parse_status(std::string_view name) {
  for (const KeyStatus status : {KeyStatus::active, KeyStatus::suspended, KeyStatus::expired,
                                 KeyStatus::revoked, KeyStatus::damaged}) {
    if (name == name_of(status)) {
      return status;
    }
  }
  return std::nullopt;
}

KeyStatus KeyRules::status(Time now) const {
  if (revoked_at) {
    return KeyStatus::revoked;
  }
  if (is_damaged) {
    return KeyStatus::damaged;
  }
  if (suspended_at) {
    return KeyStatus::suspended;
  }
  return expires_at && *expires_at <= now ? KeyStatus::expired : KeyStatus::active;
}

Windows KeyRules::windows() const {
  Windows windows;
  const Limit minute{.window = Window::minute, .requests = rate_limit};
  bool has_minute = false;
  for (const Limit& limit : limits.list()) {
    if (!has_minute && limit.window > Window::minute) {
      windows.push_back(minute);
      has_minute = true;
    }
    windows.push_back(limit);
  }
  if (!has_minute) {
    windows.push_back(minute);
  }
  return windows;
}

std::optional<Time> KeyRules::ended_at(Time now) const {
  const auto expired_at = expires_at && *expires_at <= now ? expires_at : std::nullopt;
  return revoked_at && expired_at ? std::min(revoked_at, expired_at)
                                  : (revoked_at ? revoked_at : expired_at);
}

bool is_rule(std::string_view member) {
  constexpr std::array<std::string_view, 10> kRules{
      "id",     "workspace", "scopes",     "whitelist",    "rate_limit",
      "limits", "line",      "expires_at", "suspended_at", "revoked_at"};
  return std::ranges::find(kRules, member) != kRules.end();
}

bool operator==(const Key& a, const Key& b) { return tie(a) == tie(b); }

Error damaged_key(const Key& key) {
  return {ErrorCode::conflict,
          key.id.to_string() + " is damaged and cannot be changed (" + join(key.damage, ", ") + ")",
          "revoke it with nexakey revoke, and create a new key"};
}

Result<Key> apply(Key key, const KeyChange& change, Time now) {
  if (key.revoked_at) {
    return fail(ErrorCode::conflict, key.id.to_string() + " is revoked and cannot be changed",
                "create a new key with nexakey create");
  }
  if (!key.damage.empty()) {
    return tl::unexpected(damaged_key(key));
  }
  key.name = change.name.value_or(key.name);
  key.description = change.description.value_or(key.description);
  key.scopes = change.scopes.value_or(key.scopes);
  key.expires_at = change.expires_at.value_or(key.expires_at);
  key.rate_limit = change.rate_limit.value_or(key.rate_limit);
  if (auto applied = key.limits.apply(change.limits); !applied) {
    return tl::unexpected(std::move(applied.error()));
  }
  for (const auto& [name, value] : change.labels) {
    if (value.empty()) {
      key.labels.erase(name);
    } else {
      key.labels[name] = value;
    }
  }
  if (const auto labels = check_labels(key.labels); !labels) {
    return tl::unexpected(labels.error());
  }
  if (change.suspended == true) {
    key.suspended_at = key.suspended_at.value_or(now);
  } else if (change.suspended == false) {
    key.suspended_at.reset();
  }
  auto whitelist = key.whitelist.without(change.disallow).and_then([&](const Whitelist& rest) {
    return rest.with(change.allow);
  });
  if (!whitelist) {
    Error error = whitelist.error();
    if (error.code == ErrorCode::not_found) {
      error.message += " of " + key.id.to_string();
    }
    return tl::unexpected(std::move(error));
  }
  if (whitelist->empty() && !key.whitelist.empty() && !change.may_open) {
    return fail(
        ErrorCode::confirmation_required,
        "removing the last whitelist entry of " + key.id.to_string() + " opens it to every address",
        "pass --yes to confirm");
  }
  key.whitelist = *std::move(whitelist);
  return key;
}

Result<void> check_name(std::string_view name) {
  if (name.empty()) {
    return reject("a name cannot be empty");
  }
  if (name.size() > 4 * kMaxNameLength || count_characters(name) > kMaxNameLength) {
    return reject("the name " + quote(name) + " is longer than 64 characters");
  }
  if (!is_printable(name)) {
    return reject("the name " + quote(name) + " has characters that cannot be printed");
  }
  if (name.starts_with(KeyId::kPrefix) || name.starts_with(kApiKeyPrefix) || name.front() == '-') {
    return reject("a name cannot begin with -, key_ or fc_live_");
  }
  return check_no_secret(name);
}

Result<void> check_workspace(std::string_view name) {
  if (!is_word(name)) {
    return reject(quote(name) + " is not a workspace name", kWordHint);
  }
  return check_no_secret(name);
}

Result<void> check_description(std::string_view text) {
  if (text.size() > 4 * kMaxDescriptionLength || count_characters(text) > kMaxDescriptionLength) {
    return reject("the text " + quote(text) + " is longer than 1000 characters");
  }
  if (!is_printable(text)) {
    return reject("the text " + quote(text) + " has characters that cannot be printed");
  }
  return check_no_secret(text);
}

Result<void> check_labels(const Labels& labels) {
  if (labels.size() > kMaxLabels) {
    return reject("a key takes at most 64 labels");
  }
  for (const auto& [name, value] : labels) {
    if (!is_word(name)) {
      return reject(quote(name) + " is not a label name", kWordHint);
    }
    if (value.size() > kMaxLabelValueLength || !is_printable(value)) {
      return reject("the label " + quote(name) + " has a value that is longer than 256 bytes or " +
                    "cannot be printed");
    }
    if (auto checked = check_no_secret(name + "=" + value); !checked) {
      return checked;
    }
  }
  return {};
}

Result<void> check_rate_limit(std::int64_t limit) {
  return check_limit({.window = Window::minute,
                      .requests = static_cast<std::uint64_t>(std::max<std::int64_t>(limit, 0))});
}

Result<void> check_last_four(std::string_view text) {
  return text.size() == 4 && std::ranges::all_of(text, is_alphanumeric)
             ? Result<void>()
             : reject("a hint must have the last four characters of a secret");
}

Result<void> check_key(const Key& key) {
  // The name of an unnamed key is its id.
  const Result<void> name = key.name == key.id.to_string() ? Result<void>() : check_name(key.name);
  return name.and_then([&] { return check_workspace(key.workspace); })
      .and_then([&] { return check_description(key.description); })
      .and_then([&] { return check_description(key.revoke_reason); })
      .and_then([&] { return check_labels(key.labels); })
      .and_then([&] { return check_rate_limit(key.rate_limit); })
      .and_then([&]() -> Result<void> {
        if (key.scopes.empty() && !key.is_damaged) {
          return reject("a key needs at least one scope", "the scopes are read and write");
        }
        return check_last_four(key.last_four);
      });
}

Result<Labels> parse_labels(const std::vector<std::string>& texts) {
  Labels labels;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos) {
      return reject("the label " + quote(text) + " has no =", "use --label team=crm");
    }
    labels[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (const auto checked = check_labels(labels); !checked) {
    return tl::unexpected(checked.error());
  }
  return labels;
}

}  // namespace nexakey::core
