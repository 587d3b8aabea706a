#include "store/postgres/rows.h"

#include "store/postgres/problem.h"
#include "store/postgres/text_form.h"

namespace nexakey::store::postgres {

namespace {

Problem damaged() { return Problem("the store has a damaged value", "restore it from a backup"); }

}  // namespace

bool Rows::is_null(int row, int column) const {
  return libpq().is_null(result_.get(), row, column) != 0;
}

std::string_view Rows::text(int row, int column) const {
  return {libpq().value(result_.get(), row, column),
          static_cast<std::size_t>(libpq().length(result_.get(), row, column))};
}

std::int64_t Rows::number(int row, int column) const {
  const auto number = parse_number(text(row, column));
  return number ? *number : throw damaged();
}

core::CredentialHash Rows::hash(int row, int column) const {
  const auto hash = parse_hash(text(row, column));
  return hash ? *hash : throw damaged();
}

std::string Rows::bytes(int row, int column) const { return parse_bytes(text(row, column)); }

}  // namespace nexakey::store::postgres
