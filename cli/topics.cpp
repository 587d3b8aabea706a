#include "cli/topics.h"

#include <algorithm>

namespace nexakey::cli {
namespace {

constexpr std::string_view kEnvironment =
    R"(A setting is taken from the first of these that has it: the command line, the
environment, the user's config file, the system's config file, the default.
nexakey doctor shows where each setting comes from. An empty variable counts as
not set.

Settings:
  NEXAKEY_CONTEXT          The context, as --context; its store and token
                           have precedence over the variables below
  NEXAKEY_STORE            The store, as --store
  NEXAKEY_WORKSPACE        The workspace, as --workspace
  NEXAKEY_OUTPUT           The output format, as --output
  NEXAKEY_TOKEN_FILE       The file with the token for a remote store, as
                           --token-file
  NEXAKEY_TOKEN            The token itself, where a file cannot be used
  NEXAKEY_OIDC_TOKEN_FILE  A file with an ID token, which is sent if no token is
                           given otherwise
  NEXAKEY_OIDC_AUDIENCE    The audience of the ID token that is requested from
                           GitHub Actions (default: the URL of the store)
  NEXAKEY_CA_FILE          The certificate authorities to trust, as --ca-file
  NEXAKEY_TIMEOUT          The time limit for a remote store, as --timeout
  NEXAKEY_KEEP_HOURS       How long counts are kept by the hour
  NEXAKEY_REVOCATION_LOG   The revocation log of the store
  NEXAKEY_COLUMNS          The columns of nexakey list

Secrets:
  NEXAKEY_KEY              The key that nexakey verify checks

Terminal:
  NO_COLOR                 If set, tables have no colours
  CLICOLOR                 If set to 0, the same
  CLICOLOR_FORCE           If set to anything but 0, tables always have colours
  TERM                     If it is "dumb", there are no colours, and charts are
                           drawn in ASCII
  LC_ALL, LC_CTYPE, LANG   Without UTF-8 in the first one that is set, charts
                           are drawn in ASCII
  COLUMNS                  The width of tables, if the output is not a terminal
                           or does not report its width

Places:
  XDG_DATA_HOME            The folder of the default store, nexakey/keys.db
                           (default: ~/.local/share)
  XDG_CONFIG_HOME          The folder of the user's config file,
                           nexakey/config.toml (default: ~/.config)
  NEXAKEY_SYSTEM_CONFIG    The system's config file
                           (default: /etc/nexakey/config.toml)
  https_proxy, no_proxy    The proxy for remote stores, and the hosts to reach
                           without it
  SUDO_USER                The user in the audit log if root runs nexakey

Manual: man nexakey, "ENVIRONMENT" and "FILES"
)";

constexpr std::string_view kExitStatus =
    R"(Scripts can rely on the exit statuses. They are only added to.

Statuses:
  0              Success; verify: the request is allowed
  1              Failure for another reason
  2              Invalid usage, such as an unknown option; nothing was done
  3              Not found: the key, the token, the store or the whitelist entry
  4              Several keys or tokens match, or the command conflicts with the
                 state of the store or with a file
  5              Confirmation is required (--yes), or it was declined
  6              The store cannot be used: it is unreachable, busy, damaged or
                 read-only, or its disk is full. Also if it is not known whether
                 a change was made; the message says so and what to do.
                 verify: also if the key cannot be decided about
  7              The remote store refused the token, or does not allow it to do
                 this
  8              scan: a live key leaked
  9              policy check: a key does not comply with the policy
  41, 43, 49     verify: the request is denied with 401, 403 or 429
  130, 141, 143  In a shell: ended by Ctrl-C, a closed output pipe or SIGTERM

Examples:
  nexakey verify --quiet --key-file ci.key && echo allowed
  nexakey show crm > /dev/null || echo "status $?"

Manual: man nexakey, "EXIT STATUS"
)";

constexpr std::string_view kOutput =
    R"(Data goes to standard output; prompts, notes and errors go to standard error,
and on a terminal the progress of what takes more than a second.

Formats of --output:
  table  A table for people, the default. In a terminal it fits the width, and
         times are relative. Elsewhere values are complete and times are in RFC
         3339 format, in UTC
  json   One JSON document
  jsonl  One line of JSON for each element of a list; other output is the same
         as with json
  env    NEXAKEY_KEY= and the new key, a line of a file with variables. Only
         create, and rotate of one key, have this format

With --quiet a command prints only what a script needs, whatever the format: the
key (create, rotate), ids (list, show, scan) or nothing (edit, revoke, verify).
With env that is the same line.

An error is one line, "nexakey: what happened: what to do". With json or jsonl
it is {"error": {"code": ..., "message": ..., "hint": ...}}, with one of the
codes failed, usage, not_found, ambiguous, conflict, confirmation_required,
store_unavailable, outcome_unknown and forbidden.

Within v1, JSON members are only added to.

Examples:
  nexakey list -o json | jq -r '.keys[].name'
  nexakey list --unused-for 90d --quiet
  KEY=$(nexakey create --scope read --quiet)

Manual: man nexakey, "OUTPUT"
)";

}  // namespace

const std::array<Topic, 3> kTopics{
    {{"environment", kEnvironment}, {"exit-status", kExitStatus}, {"output", kOutput}}};

const Topic* find_topic(std::string_view name) {
  const auto* const found = std::ranges::find(kTopics, name, &Topic::name);
  return found == kTopics.end() ? nullptr : found;
}

}  // namespace nexakey::cli
