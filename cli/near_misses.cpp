#include "cli/near_misses.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <vector>

#include "cli/suggest.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Key;
using core::KeyFilter;
using Words = std::set<std::string>;

constexpr std::size_t kMaxCompared = 10000;
constexpr std::size_t kMaxWorkspaces = 3;

/// Words of the keys that a filter selects; `add` adds those of a key. A word that cannot be
/// printed belongs to a damaged key.
std::vector<std::string> words_of(const Context& context, store::KeyStore& store,
                                  const KeyFilter& filter,
                                  const std::function<void(Words& words, const Key& key)>& add) {
  Words words;
  static_cast<void>(store.list(filter, {.limit = kMaxCompared}, context.now(), [&](const Key& key) {
    add(words, key);
    return true;
  }));
  std::erase_if(words, [](const std::string& word) { return !core::is_printable(word); });
  return {words.begin(), words.end()};
}

std::string hint_for_workspaces(const std::vector<std::string>& workspaces) {
  if (workspaces.size() == 1) {
    return "it is in workspace " + workspaces.front() + ": use -w " + workspaces.front();
  }
  const std::size_t named = std::min(workspaces.size(), kMaxWorkspaces);
  const std::vector<std::string> first(workspaces.begin(),
                                       workspaces.begin() + static_cast<std::ptrdiff_t>(named));
  const std::size_t others = workspaces.size() - named;
  return "it is in the workspaces " + core::join(first, ", ") +
         (others > 0 ? " and " + std::to_string(others) + " more" : "") + ": name one with -w";
}

/// The hint for a workspace that the store does not have.
std::string hint_for_workspace(store::KeyStore& store, const std::string& workspace) {
  const auto workspaces = store.workspaces();
  if (!workspaces || std::ranges::find(*workspaces, workspace) != workspaces->end()) {
    return "";
  }
  const auto meant = closest(workspace, *workspaces);
  return meant ? "try -w " + *meant : "";
}

/// A label as it is typed: `team=crm`, or `team` for any value.
std::string label_text(const std::string& name, const std::string& value) {
  return value.empty() ? name : name + "=" + value;
}

/// What to say about the first label of a filter that no key of the workspace has.
std::string near_label(const Context& context, store::KeyStore& store, const KeyFilter& filter) {
  for (const auto& [name, value] : filter.labels) {
    const bool has_value = !value.empty();
    const auto labels = words_of(
        context, store, {.workspace = filter.workspace}, [&](Words& words, const Key& key) {
          for (const auto& [known, known_value] : key.labels) {
            words.insert(has_value ? label_text(known, known_value) : known);
          }
        });
    const std::string wanted = label_text(name, value);
    if (std::ranges::find(labels, wanted) == labels.end()) {
      const auto meant = closest(wanted, labels);
      return meant ? "no key has the label " + wanted + ": try " + *meant : "";
    }
  }
  return "";
}

}  // namespace

std::string hint_for_name(const Context& context, store::KeyStore& store,
                          const std::string& workspace, const std::string& name) {
  const auto elsewhere =
      words_of(context, store, {.name = name, .newest_of_line = true},
               [](Words& words, const Key& key) { words.insert(key.workspace); });
  if (!elsewhere.empty()) {
    return hint_for_workspaces(elsewhere);
  }
  if (auto hint = hint_for_workspace(store, workspace); !hint.empty()) {
    return hint;
  }
  const auto names = words_of(context, store, {.workspace = workspace, .newest_of_line = true},
                              [](Words& words, const Key& key) {
                                if (key.name != key.id.to_string()) {
                                  words.insert(key.name);
                                }
                              });
  const auto meant = closest(name, names);
  return meant ? "try " + *meant : "";
}

void note_near_miss(const Context& context, store::KeyStore& store, const KeyFilter& filter) {
  if (context.settings.quiet) {
    return;
  }
  const auto& named = context.settings.workspace;
  const std::string near_workspace =
      named && filter.workspace ? hint_for_workspace(store, *named) : "";
  const std::string note = near_workspace.empty()
                               ? near_label(context, store, filter)
                               : "no workspace " + *named + ": " + near_workspace;
  if (!note.empty()) {
    print_note("nexakey: " + note);
  }
}

}  // namespace nexakey::cli
