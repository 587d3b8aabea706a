#include "cli/baseline.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>

#include "cli/exit_status.h"
#include "cli/input.h"
#include "core/sha256.h"
#include "core/text.h"
#include "system/descriptor.h"

namespace nexakey::cli {
Baseline read_baseline(const std::string& path) {
  constexpr std::size_t kMaxLine = 65536;
  const Input input(path);
  Spool spool(input);
  Baseline baseline;
  for (std::size_t number = 1; const auto line = spool.next_line(kMaxLine); ++number) {
    if (line->empty() || line->starts_with('#')) {
      continue;
    }
    const auto hash = core::hash_from_hex(line->substr(0, line->find(' ')));
    if (!hash) {
      throw Failure{{core::ErrorCode::usage,
                     path + ":" + std::to_string(number) + ": not the SHA-256 of a key",
                     "write the file with nexakey scan --write-baseline"}};
    }
    baseline.insert(*hash);
  }
  return baseline;
}

void write_baseline(const std::string& path, const std::vector<Finding>& findings, core::Time now) {
  std::string text = "# The SHA-256 of each key whose leak is accepted: nexakey scan --baseline\n";
  Baseline written;
  for (const Finding& finding : findings) {
    if (!finding.is_live(now) && written.insert(finding.found.leak.hash).second) {
      text += core::to_hex(finding.found.leak.hash) + " " + place_text(finding.found) + "\n";
    }
  }
  const system::Descriptor file(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.is_open() || !system::write_all(file.value(), text)) {
    throw Failure{
        {core::ErrorCode::failed,
         "cannot write " + core::printable(path) + ": " + std::system_category().message(errno),
         "name a file that can be written"}};
  }
}

void remove_accepted(std::vector<Finding>& findings, const Baseline& baseline, core::Time now) {
  std::erase_if(findings, [&](const Finding& finding) {
    return !finding.is_live(now) && baseline.contains(finding.found.leak.hash);
  });
}

}  // namespace nexakey::cli
