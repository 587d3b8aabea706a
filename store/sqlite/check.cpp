#include "store/sqlite/check.h"

#include "store/findings.h"

namespace nexakey::store::sqlite {
namespace {

/// Reports an error of `look` as a finding.
template <typename Look>
void look_at(const std::string& check, const StorePaths& paths, const FindingVisitor& visit,
             const Look& look) {
  const auto looked = guarded(paths, [&]() -> core::Result<void> {
    visit({.check = check, .status = Health::ok, .found = look()});
    return {};
  });
  if (!looked) {
    visit({.check = check,
           .status = Health::problem,
           .found = looked.error().message,
           .advice = looked.error().hint});
  }
}

/// Checks the windows and the journal, which an old store may not have yet.
void check_live_state(const StorePaths& paths, const FindingVisitor& visit) {
  if (!std::filesystem::exists(paths.lock)) {
    return;
  }
  std::optional<LockFile> lock;
  look_at("lock", paths, visit, [&] {
    lock.emplace(paths.lock);
    const LockGuard writer(*lock, Lock::writer);
    const LockGuard live(*lock, Lock::live);
    return "no process holds it for long";
  });
  if (!lock) {
    return;
  }
  if (std::filesystem::exists(paths.windows)) {
    look_at("windows", paths, visit, [&] {
      const LockGuard guard(*lock, Lock::live);
      return count_of(WindowFile::check(paths.windows), "window");
    });
  }
  if (std::filesystem::exists(paths.journal)) {
    look_at("journal", paths, visit, [&] {
      const LockGuard guard(*lock, Lock::live);
      return count_of(UsageJournal::check(paths.journal), "count") + " not flushed yet";
    });
  }
}

}  // namespace

core::Result<void> check_store(const std::string& path, core::Time now,
                               const FindingVisitor& visit) {
  const StorePaths named{std::filesystem::path(path)};
  return guarded(named, [&]() -> core::Result<void> {
    const auto paths = Database::locate(named, OpenMode::existing);
    if (!paths) {
      return tl::unexpected(paths.error());
    }
    check_files(*paths, visit);
    check_live_state(*paths, visit);
    auto database = connect_to_look(*paths);
    check_content(database, *paths, now, visit);
    return {};
  });
}

}  // namespace nexakey::store::sqlite
