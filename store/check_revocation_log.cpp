#include "store/check_revocation_log.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/findings.h"
#include "store/owner.h"
#include "store/revocation_log.h"

namespace nexakey::store {
namespace {

constexpr ::mode_t kOthersMode = 0077;
constexpr const char* kApply = "run nexakey restore --check";

void check_access(const std::filesystem::path& path, Findings& findings) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && (status.st_mode & kOthersMode) != 0) {
    findings.add(Health::warning, path.string() + " is open to other users",
                 "chmod 600 " + path.string());
  }
  // Unlike access(2), this asks for the rights that a process of root acts with.
  if (::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) != 0) {
    findings.add(Health::problem,
                 "cannot write to " + path.string() + ": " + std::system_category().message(errno),
                 advice_for_denied(path));
  }
}

/// Compares the log with the store.
void compare(Tables& tables, const RevocationLog& log, const std::string& path,
             Findings& findings) {
  const AuditPoint point = tables.audit_point(log.through().number);
  if (point.store != *log.store()) {
    findings.add(Health::problem, path + " is the log of another store",
                 "set revocation_log to another file for this store");
    return;
  }
  if (!point.has(log.through())) {
    findings.add(Health::problem, "the store is older than " + path + ", and is not served",
                 kApply);
    return;
  }
  std::size_t missing = 0;
  tables.scan_audit({.after = log.through().number}, Order::oldest_first,
                    [&](const core::AuditEntry& entry) {
                      missing += endings_of(entry).size();
                      return true;
                    });
  if (missing > 0) {
    findings.add(Health::warning,
                 path + " lacks the last of what was ended (" + std::to_string(missing) + ")",
                 kApply);
  }
}

}  // namespace

void check_revocation_log(Tables& tables, const std::filesystem::path& path,
                          const FindingVisitor& visit) {
  if (path.empty()) {
    return;
  }
  Findings findings("revocations", visit);
  try {
    const ActingAs owner(owner_for_root(path));
    const auto log = RevocationLog::open(path);
    if (!log) {
      findings.add(Health::warning, "no revocation log at " + path.string() + " yet",
                   "nothing, if it is new: the next revocation makes it; else find out where the"
                   " file is");
      return;
    }
    check_access(path, findings);
    std::size_t endings = 0;
    for (auto at = log->block_before(log->end()); at; at = log->block_before(at->begin)) {
      endings += at->block.endings.size();
    }
    compare(tables, *log, path.string(), findings);
    findings.finish(path.string() + ", " + std::to_string(endings) + " revoked or shortened");
  } catch (const StoreProblem& problem) {
    findings.add(Health::problem, problem.what(), problem.hint);
  } catch (const std::system_error& error) {
    findings.add(Health::problem, "cannot read " + path.string() + ": " + error.code().message(),
                 advice_for_denied(path));
  }
}

}  // namespace nexakey::store
