#include "store/postgres/arrays.h"

#include "core/sha256.h"

namespace nexakey::store::postgres {
namespace {

/// An element of an array in PostgreSQL's text form (its manual, 8.15.6).
std::string array_element(std::string_view text) {
  std::string element = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      element += '\\';
    }
    element += c;
  }
  return element + '"';
}

}  // namespace

void ColumnArrays::operator()(std::string_view name, std::int64_t number) {
  add(name, "bigint", std::to_string(number));
}

void ColumnArrays::operator()(std::string_view name, std::string_view text) {
  add(name, "text", array_element(text));
}

void ColumnArrays::operator()(std::string_view name, const core::CredentialHash& hash) {
  add(name, "bytea", array_element("\\x" + core::to_hex(hash)));
}

void ColumnArrays::operator()(std::string_view name, const std::optional<std::string>& text) {
  add(name, "text", text ? array_element(*text) : "NULL");
}

void ColumnArrays::operator()(std::string_view name, const std::optional<core::Time>& time) {
  add(name, "bigint", time ? std::to_string(time->time_since_epoch().count()) : "NULL");
}

void ColumnArrays::add(std::string_view name, std::string_view type, std::string_view element) {
  if (next_ == columns_.size()) {
    columns_.push_back({.name = name, .type = type, .array = {}});
  }
  std::string& array = columns_[next_++].array;
  array += array.empty() ? "{" : ",";
  array += element;
}

Parameters ColumnArrays::parameters() const {
  Parameters parameters;
  for (const Column& column : columns_) {
    parameters.add(column.array + "}");
  }
  return parameters;
}

std::string ColumnArrays::insert_into(std::string_view table) const {
  return "INSERT INTO nexakey." + std::string(table) + " (" + names() + ") SELECT " + names() +
         " FROM " + as_table() + " WITH ORDINALITY AS added (" + names() + ", nth) ORDER BY nth";
}

std::string ColumnArrays::update_of(std::string_view table, std::string_view further) const {
  const std::string name(table);
  return "UPDATE nexakey." + name + " SET " + std::string(further) + assignments() + " FROM " +
         as_table() + " AS added (" + names() + ") WHERE " + name + ".id = added.id";
}

std::string ColumnArrays::names() const {
  std::string names;
  for (const Column& column : columns_) {
    names += names.empty() ? "" : ", ";
    names += column.name;
  }
  return names;
}

std::string ColumnArrays::as_table() const {
  std::string table = "unnest(";
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    table += (i == 0 ? "$" : ", $") + std::to_string(i + 1) + "::" + std::string(columns_[i].type) +
             "[]";
  }
  return table + ")";
}

std::string ColumnArrays::assignments() const {
  std::string text;
  for (std::size_t i = 1; i < columns_.size(); ++i) {
    const std::string name(columns_[i].name);
    text += (i == 1 ? "" : ", ") + name + " = added." + name;
  }
  return text;
}

}  // namespace nexakey::store::postgres
