#include "store/postgres/arrays.h"

#include "store/postgres/text_form.h"

namespace nexakey::store::postgres {
void ColumnArrays::operator()(std::string_view name, std::int64_t number) {
  add(name, "bigint", std::to_string(number));
}

void ColumnArrays::operator()(std::string_view name, std::string_view text) {
  add(name, "text", quoted_element(text));
}

void ColumnArrays::operator()(std::string_view name, const core::CredentialHash& hash) {
  add(name, "bytea", quoted_element(hex_form(std::as_bytes(std::span(hash)))));
}

void ColumnArrays::operator()(std::string_view name, const std::optional<std::string>& text) {
  add(name, "text", text ? quoted_element(*text) : "NULL");
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
