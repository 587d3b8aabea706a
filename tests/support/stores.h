#pragma once

#include <algorithm>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "store/key_store.h"
#include "store/open.h"
#include "system/random.h"
#include "tests/support/keys.h"

/// Short forms of a store's functions for tests. Unexpected errors throw.
namespace nexakey::test {

inline constexpr store::VerifyOptions kDryRun{.counting = store::Counting::dry_run};

/// Adds a key.
inline core::Key add(store::KeyStore& store, const core::Key& key) {
  return value_of(store.as(kTester).create(key, store::CreateMode::always, now()));
}

/// Adds the n-th key of the tests.
inline core::Key add(store::KeyStore& store, std::uint64_t n) { return add(store, make_key(n)); }

/// All keys that match, in the order of the list.
inline std::vector<core::Key> list(store::KeyStore& store, const core::KeyFilter& filter = {}) {
  std::vector<core::Key> keys;
  value_of(store.list(filter, {}, now(), [&](const core::Key& key) {
    keys.push_back(key);
    return true;
  }));
  return keys;
}

inline std::vector<std::string> list_names(store::KeyStore& store,
                                           const core::KeyFilter& filter = {}) {
  std::vector<std::string> names;
  std::ranges::transform(list(store, filter), std::back_inserter(names), &core::Key::name);
  return names;
}

inline core::Decision decide(store::KeyStore& store, const core::Request& request,
                             store::VerifyOptions options = {}) {
  return value_of(store.verify({&request, 1}, options)).at(0).decision;
}

/// The name of the reason of the decision.
inline std::string reason(store::KeyStore& store, const core::Request& request,
                          store::VerifyOptions options = {}) {
  return std::string(name_of(decide(store, request, options).reason));
}

/// How many of `count` equal requests in one call are admitted.
inline std::size_t admitted(store::KeyStore& store, const core::Request& request,
                            std::size_t requests) {
  const std::vector<core::Request> burst(requests, request);
  const auto verifications = value_of(store.verify(burst, {}));
  return static_cast<std::size_t>(std::ranges::count_if(
      verifications,
      [](const store::Verification& verification) { return verification.decision.allowed(); }));
}

/// A report over the time of this test, even if midnight is within it.
inline core::UsageReport report(store::KeyStore& store, core::UsageQuery query = {}) {
  query.since = query.since.value_or(now() - std::chrono::hours(1));
  return value_of(store.usage(query, now()));
}

/// The store, or one workspace of it, as the text of an export.
inline std::string export_text(store::KeyStore& store,
                               const std::optional<std::string>& workspace = {}) {
  std::string text;
  core::ExportWriter writer(text, workspace);
  value_of(store.export_records(workspace, [&](const core::Record& record) {
    writer.add(record);
    return true;
  }));
  writer.finish();
  return text;
}

/// Stages the text in parts of about `size` bytes, and returns their number.
inline std::uint32_t stage(store::KeyStore& store, core::ImportId id, std::string_view text,
                           std::size_t part_size) {
  std::uint32_t parts = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n', std::min(part_size, text.size()) - 1);
    const std::string_view part = text.substr(0, std::min(end, text.size() - 1) + 1);
    value_of(store.as(kTester).stage_import(id, parts++, part, now()));
    text.remove_prefix(part.size());
  }
  return parts;
}

inline core::Result<core::ImportSummary> try_import(store::KeyStore& store, std::string_view text,
                                                    const core::ImportOptions& options = {},
                                                    std::size_t part_size = 1000) {
  const auto id = core::ImportId::generate(system::random_bytes);
  return store.as(kTester).commit_import(id, stage(store, id, text, part_size), options, now());
}

inline core::ImportSummary import_text(store::KeyStore& store, std::string_view text,
                                       const core::ImportOptions& options = {}) {
  return value_of(try_import(store, text, options));
}

/// Adds keys with one import, of a workspace, which needs far fewer requests than adding each.
inline void add_all(store::KeyStore& store, const std::vector<core::Key>& keys) {
  std::string text;
  core::ExportWriter writer(text, keys.front().workspace);
  for (const core::Key& key : keys) {
    writer.add(key);
  }
  writer.finish();
  const auto summary = value_of(try_import(store, text, {}, core::kMaxImportPartSize / 2));
  if (summary.keys.added != keys.size()) {
    throw std::runtime_error("not all keys were added");
  }
}

/// The result of a check of the log: "whole", or the problem.
inline std::string check_log(store::KeyStore& store, std::optional<core::AuditHead> known = {}) {
  core::AuditChecker checker(known);
  value_of(
      store.audit({}, SIZE_MAX, [&](const core::AuditEntry& entry) { return checker.add(entry); }));
  const auto head = checker.finish();
  return head ? "whole" : head.error().message;
}

}  // namespace nexakey::test
