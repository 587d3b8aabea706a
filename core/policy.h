#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/key.h"

namespace nexakey::core {

/// What the keys of a workspace must comply with. A rule that is not set allows everything.
struct Policy {
  std::string workspace;
  std::optional<std::chrono::seconds> max_lifetime{};  ///< from its creation to its expiry
  bool require_whitelist = false;  ///< one that does not allow every address of IPv4 or IPv6
  std::optional<Scopes> scopes{};  ///< a key may have no others
  std::optional<std::uint32_t> max_rate_limit{};  ///< requests a minute
  std::vector<std::string> required_labels{};     ///< names, sorted and each once
  /// The store cannot decode it. Such a policy refuses every change that a rule could concern.
  bool is_damaged = false;

  /// Whether no rule is set.
  [[nodiscard]] bool empty() const;
  friend bool operator==(const Policy&, const Policy&) = default;
};

/// The rules of a policy; `damaged` in place of all of one that cannot be decoded.
enum class PolicyRule {
  max_lifetime,
  require_whitelist,
  scopes,
  max_rate_limit,
  required_label,
  damaged,
};

std::string_view name_of(PolicyRule rule);

/// A rule that a key violates.
struct Violation {
  PolicyRule rule{};
  std::string label{};    ///< that is missing, for `required_label`
  std::string problem{};  ///< `the lifetime may be at most 90d`
  std::string option{};   ///< of a command that complies, such as `--expires 90d`; may be empty
  std::string remedy{};   ///< the command that makes the key comply
};

/// The rules that a key violates, in the order of PolicyRule. A client chooses the time of
/// a creation: a key that claims one after `now` violates the rule of the lifetime.
std::vector<Violation> violations_of(const Policy& policy, const Key& key, Time now);

// Whether the policy of the workspace of a key allows a change. Only the fields that the change
// sets count, so that a key that was created before the policy can still be changed otherwise.
// Error: `conflict`, with all violations.

/// `key`: a new key, all of whose fields count.
Result<void> check_creation(const Policy& policy, const Key& key, Time now);
/// `key`: the key after the change.
Result<void> check_change(const Policy& policy, const Key& key, const KeyChange& change, Time now);
/// `successor`: of a rotation, which sets only its expiry.
Result<void> check_successor(const Policy& policy, const Key& successor, Time now);

/// All members of a policy from outside; sorts the labels. Error: `usage`.
Result<Policy> checked(Policy policy);

/// The rules that are set, in words: `lifetime at most 90d`, `whitelist required`, …
std::vector<std::string> words_of(const Policy& policy);

}  // namespace nexakey::core
