#include "tests/store/conformance.h"

#include <algorithm>

namespace nexakey::store::test {

using core::Key;

Key add(KeyStore& store, std::uint64_t n) { return add(store, make_key(n)); }

Key add(KeyStore& store, const Key& key) {
  return value_of(store.create(key, CreateMode::always, now()));
}

std::vector<Key> list(KeyStore& store, const core::KeyFilter& filter) {
  std::vector<Key> keys;
  value_of(store.list(filter, {}, now(), [&](const Key& key) {
    keys.push_back(key);
    return true;
  }));
  return keys;
}

std::vector<std::string> names(const std::vector<Key>& keys) {
  std::vector<std::string> names;
  std::ranges::transform(keys, std::back_inserter(names), &Key::name);
  return names;
}

std::vector<std::string> list_names(KeyStore& store, const core::KeyFilter& filter) {
  return names(list(store, filter));
}

core::Decision decide(KeyStore& store, const core::Request& request, VerifyOptions options) {
  return value_of(store.verify({&request, 1}, options)).at(0).decision;
}

std::string reason(KeyStore& store, const core::Request& request, VerifyOptions options) {
  return std::string(name_of(decide(store, request, options).reason));
}

std::size_t admitted(KeyStore& store, const core::Request& request, std::size_t requests) {
  const std::vector<core::Request> burst(requests, request);
  const auto verifications = value_of(store.verify(burst, {}));
  return static_cast<std::size_t>(std::ranges::count_if(
      verifications, [](const Verification& v) { return v.decision.allowed(); }));
}

core::UsageReport report(KeyStore& store, core::UsageQuery query) {
  query.since = query.since.value_or(now() - std::chrono::hours(1));
  return value_of(store.usage(query, now()));
}

}  // namespace nexakey::store::test
