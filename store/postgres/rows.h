#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/credential.h"
#include "store/postgres/libpq.h"

namespace nexakey::store::postgres {

/// The result of a statement.
class Rows {
 public:
  explicit Rows(PGresult* result) : result_(result) {}

  [[nodiscard]] int size() const { return libpq().rows(result_.get()); }
  [[nodiscard]] bool is_null(int row, int column) const;
  [[nodiscard]] std::string_view text(int row, int column) const;
  [[nodiscard]] std::int64_t number(int row, int column) const;
  [[nodiscard]] core::CredentialHash hash(int row, int column) const;
  [[nodiscard]] std::string bytes(int row, int column) const;

 private:
  struct Clear {
    void operator()(PGresult* result) const { libpq().clear(result); }
  };
  std::unique_ptr<PGresult, Clear> result_;
};

}  // namespace nexakey::store::postgres
