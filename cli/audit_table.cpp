#include "cli/audit_table.h"

#include <set>
#include <utility>

#include "cli/audit_words.h"
#include "cli/exit_status.h"
#include "cli/print_table.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kNameColumn = 6;

std::string or_dash(const std::string& text) { return text.empty() ? "-" : text; }

}  // namespace

void AuditTable::add(const core::AuditEntry& entry) {
  // Of a subject that the store does not have any more, the log has the name.
  if (std::string name = name_in(entry); !name.empty()) {
    names_[entry.subject] = std::move(name);
  }
  subjects_.push_back(entry.subject);
  table_.add({std::to_string(entry.number), view_.brief_time(entry.at), or_dash(entry.actor.name),
              entry.actor.source, entry.action, or_dash(entry.subject), "-", words_of(entry)});
}

void AuditTable::finish(store::KeyStore& store) {
  if (table_.empty()) {
    print_note("no entries");
    return;
  }
  look_up_names(store);
  for (std::size_t i = 0; i < subjects_.size(); ++i) {
    if (const auto name = names_.find(subjects_[i]); name != names_.end()) {
      table_.row(i)[kNameColumn] = name->second;
    }
  }
  print_table(context_, std::move(table_));
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

}  // namespace nexakey::cli
