#include "cli/audit_table.h"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "cli/audit_words.h"
#include "cli/exit_status.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kNameColumn = 6;
/// The columns that a narrow terminal leaves out, the least important one first, and how much of
/// the details has to be visible before it leaves out none.
constexpr std::array<std::string_view, 4> kDroppable{"SOURCE", "ACTOR", "NUMBER", "SUBJECT"};
constexpr std::size_t kVisibleDetails = 28;

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

void AuditTable::add(const core::AuditEntry& entry) {
  // Of a subject that the store does not have any more, the log has the name.
  if (std::string name = name_in(entry); !name.empty()) {
    names_[entry.subject] = std::move(name);
  }
  const std::string details = words_of(entry);
  details_width_ = std::max(details_width_, core::display_width(core::printable(details)));
  subjects_.push_back(entry.subject);
  table_.add({std::to_string(entry.number), view_.brief_time(entry.at), or_dash(entry.actor.name),
              entry.actor.source, entry.action, or_dash(entry.subject), "-", details});
}

std::string AuditTable::finish(store::KeyStore& store) {
  if (table_.empty()) {
    return "";
  }
  look_up_names(store);
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    if (const auto name = names_.find(subjects_[i]); name != names_.end()) {
      table_.row(i)[kNameColumn] = name->second;
    }
  }
  fit_terminal();
  return table_.render(view_.style());
}

/// The names that the store has now.
void AuditTable::look_up_names(store::KeyStore& store) {
  const std::set<std::string> subjects(subjects_.begin(), subjects_.end());
  std::vector<core::KeyId> ids;
  bool has_tokens = false;
  for (const std::string& subject : subjects) {
    if (const auto id = core::KeyId::parse(subject)) {
      ids.push_back(*id);
    }
    has_tokens = has_tokens || core::TokenId::parse(subject);
  }
  if (!ids.empty()) {
    for (const auto& key : value_of(store.find(ids))) {
      if (key && key->name != key->id.to_string()) {
        names_[key->id.to_string()] = key->name;
      }
    }
  }
  if (has_tokens) {
    const auto tokens = store.tokens();
    // The token of one workspace sees entries about tokens, but not the tokens.
    if (!tokens && tokens.error().code != core::ErrorCode::forbidden) {
      throw Failure{tokens.error()};
    }
    for (const core::Token& token : tokens.value_or(std::vector<core::Token>())) {
      names_[token.id.to_string()] = token.name;
    }
  }
}

void AuditTable::fit_terminal() {
  if (!view_.style().width) {
    return;
  }
  std::vector<std::string_view> hidden;
  for (const std::string_view title : kDroppable) {
    const std::size_t cut = details_width_ - std::min(details_width_, kVisibleDetails);
    if (table_.width() - cut <= *view_.style().width) {
      break;
    }
    table_.drop(title);
    hidden.push_back(title);
  }
  if (!hidden.empty()) {
    print_note("nexakey: hidden: " + core::join(hidden, ", ") +
               ": use a wider terminal or -o json");
  }
}

}  // namespace nexakey::cli
