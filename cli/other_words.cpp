#include "cli/other_words.h"

#include <algorithm>
#include <array>

#include "cli/suggest.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

struct Meaning {
  std::string_view words;  ///< as other tools have them, separated by spaces
  std::string_view ours;   ///< a command, possibly with what follows it
};

/// A word can have several meanings; the first one whose command exists applies. So `rm` is
/// `remove` for a whitelist, and `revoke` for keys and tokens.
constexpr std::array kMeanings{
    Meaning{"rm delete del destroy drop unset", "remove"},
    Meaning{"rm delete del destroy drop remove unset disable block ban kill invalidate", "revoke"},
    Meaning{"get describe inspect view info cat lookup", "show"},
    Meaning{"ls ps dir keys all search find get show describe view", "list"},
    Meaning{"new add generate gen make mint issue insert put", "create"},
    Meaning{"new create insert put set allow", "add"},
    Meaning{"update set modify change rename patch alter", "edit"},
    Meaning{"suspend pause deactivate", "edit KEY --suspend"},
    Meaning{"resume unsuspend reactivate activate enable", "edit KEY --resume"},
    Meaning{"renew roll regenerate reissue replace", "rotate"},
    Meaning{"gc prune clean cleanup vacuum", "purge"},
    Meaning{"ip ips allow allowlist acl", "whitelist"},
    Meaning{"check auth authorize authenticate test validate decide", "verify"},
    Meaning{"stats stat metrics top analytics report", "usage"},
    Meaning{"log logs history events changes", "audit"},
    Meaning{"start run daemon server listen http", "serve"},
    Meaning{"user users role roles", "token"},
    Meaning{"dump save migrate", "export"},
    Meaning{"load adopt", "import"},
    Meaning{"snapshot copy", "backup"},
    Meaning{"recover rollback", "restore"},
    Meaning{"whoami who id where", "status"},
    Meaning{"diagnose health healthcheck ping debug config settings", "doctor"},
    Meaning{"leaks leak detect grep", "scan"},
    Meaning{"man manual docs commands", "help"},
    Meaning{"env environment", "help environment"},
};

bool has_word(std::string_view words, std::string_view word) {
  const auto parts = core::split(words, ' ');
  return std::ranges::find(parts, word) != parts.end();
}

}  // namespace

std::optional<std::string> command_for(std::string_view word,
                                       const std::vector<std::string>& names) {
  for (const Meaning& meaning : kMeanings) {
    const std::string_view command = meaning.ours.substr(0, meaning.ours.find(' '));
    if (has_word(meaning.words, word) && std::ranges::find(names, command) != names.end()) {
      return std::string(meaning.ours);
    }
  }
  return closest(std::string(word), names);
}

}  // namespace nexakey::cli
