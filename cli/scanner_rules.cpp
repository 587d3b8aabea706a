#include "cli/scanner_rules.h"

namespace nexakey::cli {
namespace {

/// The configuration of gitleaks is TOML.
constexpr std::string_view kGitleaks = R"(# gitleaks: put this into .gitleaks.toml
[extend]
useDefault = true

[[rules]]
id = "nexakey-api-key"
description = "API key of nexakey"
regex = '''(fc_live_[0-9A-Za-z]{28})(?:[^0-9A-Za-z]|$)'''
secretGroup = 1
keywords = ["fc_live_"]
)";

/// That of trufflehog is YAML.
constexpr std::string_view kTrufflehog = R"(# trufflehog: trufflehog --config=FILE
#
# GET /v1/self of nexakey serve, with the key in Authorization: Bearer, has status 200 if the key is
# live and 401 if not. trufflehog itself only sends its finds by POST to a server of yours, which
# can ask there: name that as verify.
detectors:
  - name: nexakey-api-key
    keywords:
      - fc_live_
    regex:
      key: '(fc_live_[0-9A-Za-z]{28})(?:[^0-9A-Za-z]|$)'
)";

}  // namespace

std::string_view scanner_rule(std::string_view scanner) {
  if (scanner == "gitleaks") {
    return kGitleaks;
  }
  return scanner == "trufflehog" ? kTrufflehog : std::string_view();
}

}  // namespace nexakey::cli
