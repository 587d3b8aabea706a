#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "store/key_store.h"
#include "store/open.h"
#include "tests/store/memory_store.h"
#include "tests/support/stores.h"
#include "tests/support/temporary_directory.h"

/// One suite for every backend: it checks each sentence of store/key_store.h. A backend takes part
/// with a fixture: an object that stands for one store, empty at first, and opens any number of
/// connections to it.
namespace nexakey::store::test {

using namespace nexakey::test;

class SqliteFixture {
 public:
  static constexpr std::string_view kScheme = "sqlite";

  [[nodiscard]] std::string url() const { return "sqlite:" + path().string(); }
  [[nodiscard]] std::filesystem::path path() const { return directory_ / "keys.db"; }
  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    return value_of(open(url(), OpenMode::create_if_missing));
  }

 private:
  TemporaryDirectory directory_ = TemporaryDirectory::in_memory();
};

class MemoryFixture {
 public:
  static constexpr std::string_view kScheme = "memory";

  [[nodiscard]] std::unique_ptr<KeyStore> connect() const {
    return std::make_unique<MemoryStore>(data_);
  }

 private:
  std::shared_ptr<MemoryStore::Data> data_ = MemoryStore::make_data();
};

/// All fixtures. Each TEST_CASE_TEMPLATE of the suite runs on each of them.
#define STORE_FIXTURES nexakey::store::test::SqliteFixture, nexakey::store::test::MemoryFixture

/// Two connections to one new store.
template <typename Fixture>
struct Stores {
  Fixture fixture;
  std::unique_ptr<KeyStore> first = fixture.connect();
  std::unique_ptr<KeyStore> second = fixture.connect();
};

}  // namespace nexakey::store::test

TYPE_TO_STRING_AS("sqlite", nexakey::store::test::SqliteFixture);
TYPE_TO_STRING_AS("memory", nexakey::store::test::MemoryFixture);
