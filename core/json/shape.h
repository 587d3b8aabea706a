#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include "core/json/codec.h"

/// The shapes of JSON objects. Each is described once, by a tuple of members, from which the
/// compiler generates its writer, its reader and its schema.
namespace nexakey::core::shape {

/// When a member is present.
enum class Presence {
  optional,  ///< always written; read as its default if it is absent or null
  required,  ///< always written; an error if it is absent when it is read
  sparse,    ///< written only if it has a value and is not empty; read like optional
};

/// A member of an object of type T. `access`: a pointer to a member of T, or a function that
/// returns a reference to it.
template <typename C, typename Access>
struct Member {
  std::string_view name;
  Access access;
  Presence presence;

  [[nodiscard]] MemberSchema schema() const {
    return {.name = name,
            .type = C::schema(),
            .is_required = presence == Presence::required,
            .is_always_written = presence != Presence::sparse};
  }

  template <typename T>
  void write(JsonWriter& json, const T& object, const std::optional<Time>& /*now*/) const {
    const auto& value = std::invoke(access, object);
    if (presence == Presence::sparse && is_absent(value)) {
      return;
    }
    C::write(json.name(name), value);
  }

  /// The same for a codec of a bounded length, whatever the presence: `,"name":value`.
  template <typename T>
  char* put(char* at, const T& object) const {
    at = core::put(core::put(core::put(at, ",\""), name), "\":");
    return C::put(at, std::invoke(access, object));
  }
  [[nodiscard]] constexpr std::size_t max_length() const {
    return std::string_view(R"(,"":)").size() + name.size() + C::kMaxLength;
  }

  /// `value`: null if the member is absent.
  template <typename T>
  Result<void> read(const Json* value, std::string_view what, T& object) const {
    constexpr bool kReadsNull = requires { C::kReadsNull; };
    const bool is_null = value != nullptr && value->is_null() && C::schema().is_nullable;
    if (value == nullptr || (is_null && !kReadsNull)) {
      return presence == Presence::required
                 ? reject(std::string(what) + " needs the member " + std::string(name))
                 : Result<void>();
    }
    auto read = C::read(*value, name);
    if (!read) {
      return tl::unexpected(std::move(read.error()));
    }
    std::invoke(access, object) = *std::move(read);
    return {};
  }

 private:
  template <typename V>
  static bool is_absent(const V& value) {
    if constexpr (requires { value.has_value(); }) {
      return !value.has_value();
    } else if constexpr (requires { value.empty(); }) {
      return value.empty();
    } else if constexpr (std::is_same_v<V, bool>) {
      return !value;
    } else {
      return false;
    }
  }
};

/// A member that is computed from the others. When it is read, its type is checked, and the value
/// is ignored. `compute` takes the object, or the object and the time; with the time, it is written
/// only if there is one, because it changes with time.
template <typename C, typename Compute>
struct Computed {
  std::string_view name;
  Compute compute;

  [[nodiscard]] MemberSchema schema() const {
    return {.name = name, .type = C::schema(), .is_required = false, .is_always_written = true};
  }

  template <typename T>
  void write(JsonWriter& json, const T& object, const std::optional<Time>& now) const {
    if constexpr (std::is_invocable_v<Compute, const T&>) {
      C::write(json.name(name), std::invoke(compute, object));
    } else if (now) {
      C::write(json.name(name), std::invoke(compute, object, *now));
    }
  }

  template <typename T>
  Result<void> read(const Json* value, std::string_view /*what*/, T& /*object*/) const {
    if constexpr (requires { C::read(*value, name); }) {
      if (value != nullptr && !value->is_null()) {
        if (const auto read = C::read(*value, name); !read) {
          return tl::unexpected(read.error());
        }
      }
    }
    return {};
  }
};

/// The type of a member of T.
template <typename T, typename Access>
using ValueOf = std::remove_cvref_t<std::invoke_result_t<Access, T&>>;

/// A member with the codec of its type.
template <typename T, typename Access>
constexpr auto member(std::string_view name, Access access,
                      Presence presence = Presence::optional) {
  return Member<Codec<ValueOf<T, Access>>, Access>{name, access, presence};
}

/// A member with the codec C.
template <typename C, typename Access>
constexpr auto member_as(std::string_view name, Access access,
                         Presence presence = Presence::optional) {
  return Member<C, Access>{name, access, presence};
}

template <typename C, typename Compute>
constexpr auto computed(std::string_view name, Compute compute) {
  return Computed<C, Compute>{name, compute};
}

/// Writes the members of an object, without its braces.
template <typename T, typename... M>
void write_members(JsonWriter& json, const T& object, const std::tuple<M...>& members,
                   const std::optional<Time>& now = std::nullopt) {
  std::apply([&](const M&... member) { (member.write(json, object, now), ...); }, members);
}

template <typename T, typename... M>
void write_object(JsonWriter& json, const T& object, const std::tuple<M...>& members,
                  const std::optional<Time>& now = std::nullopt) {
  json.begin_object();
  write_members(json, object, members, now);
  json.end_object();
}

/// Writes the members in which two objects differ, as an object of each.
template <typename T, typename... M>
std::pair<std::string, std::string> write_differences(const T& one, const T& other,
                                                      const std::tuple<M...>& members) {
  std::array<std::string, 2> texts;
  std::array json{JsonWriter(texts[0]), JsonWriter(texts[1])};
  std::array<std::string, 2> written;
  const auto write = [&](const auto& member, const T& object, std::string& text) {
    text.clear();
    JsonWriter writer(text);
    member.write(writer, object, std::nullopt);
  };
  const auto compare = [&](const auto& member) {
    write(member, one, written[0]);
    write(member, other, written[1]);
    if (written[0] == written[1]) {
      return;
    }
    for (std::size_t i = 0; i < written.size(); ++i) {
      if (!written[i].empty()) {
        json[i].raw(written[i]);
      }
    }
  };
  std::ranges::for_each(json, &JsonWriter::begin_object);
  std::apply([&](const M&... member) { (compare(member), ...); }, members);
  std::ranges::for_each(json, &JsonWriter::end_object);
  return {std::move(texts[0]), std::move(texts[1])};
}

/// Error: `usage`, if `json` has a member whose name is not in `names`.
Result<void> check_names(const Json& json, std::string_view what,
                         std::initializer_list<std::string_view> names);

/// Reads the members of an object into `object`, which has the defaults, from the values that
/// `find` returns for their names; null if a member is absent. Returns the first error. `what`
/// names the object in messages: "a key".
template <typename Find, typename T, typename... M>
Result<void> read_each(const Find& find, std::string_view what, T& object,
                       const std::tuple<M...>& members) {
  return std::apply(
      [&](const M&... member) {
        Result<void> result;
        const auto read = [&](const auto& one) {
          result = one.read(find(one.name), what, object);
          return result.has_value();
        };
        static_cast<void>((read(member) && ...));
        return result;
      },
      members);
}

/// The same of a JSON object.
template <typename T, typename... M>
Result<void> read_members(const Json& json, std::string_view what, T& object,
                          const std::tuple<M...>& members, Unknown unknown) {
  if (!json.is_object()) {
    return reject(std::string(what) + " must be a JSON object");
  }
  const auto find = [&](std::string_view name) {
    const auto found = json.find(name);
    return found == json.end() ? nullptr : &*found;
  };
  return read_each(find, what, object, members).and_then([&]() -> Result<void> {
    return unknown == Unknown::ignored
               ? Result<void>()
               : std::apply(
                     [&](const M&... member) { return check_names(json, what, {member.name...}); },
                     members);
  });
}

template <typename T, typename... M>
Result<T> read_object(const Json& json, std::string_view what, const std::tuple<M...>& members,
                      Unknown unknown) {
  T object{};
  return read_members(json, what, object, members, unknown).map([&] { return std::move(object); });
}

/// An object within another one. Newer versions may add members to it, unless unknown ones are
/// refused.
template <typename T, const auto& kMembers, Unknown kUnknown = Unknown::ignored>
struct Object {
  static TypeSchema schema() { return {.type = "object"}; }
  static void write(JsonWriter& json, const T& object) { write_object(json, object, kMembers); }
  static Result<T> read(const Json& value, std::string_view name) {
    return read_object<T>(value, "the member " + std::string(name), kMembers, kUnknown);
  }
};

/// An object of members that are always written and whose codecs have a bounded length. It is
/// written as a whole.
template <typename T, const auto& kMembers>
struct FlatObject : Object<T, kMembers> {
  static constexpr std::size_t kMaxLength = std::apply(
      [](const auto&... member) { return (std::size_t{1} + ... + member.max_length()); }, kMembers);

  static void write(JsonWriter& json, const T& object) {
    json.put(kMaxLength, [&](char* at) { return put(at, object); });
  }
  static char* put(char* at, const T& object) {
    char* end = at;
    std::apply([&](const auto&... member) { ((end = member.put(end, object)), ...); }, kMembers);
    *at = '{';  // in place of the first comma
    return core::put(end, '}');
  }
};

/// An array of values of one type.
template <typename T, typename C = Codec<T>>
struct List {
  static TypeSchema schema() { return {.type = "array"}; }
  static void write(JsonWriter& json, const auto& list) {
    if constexpr (requires { C::kMaxLength; }) {
      json.put(2 + list.size() * (C::kMaxLength + 1), [&](char* at) { return put(at, list); });
    } else {
      json.begin_array();
      for (const T& element : list) {
        C::write(json, element);
      }
      json.end_array();
    }
  }
  /// The same for elements of a bounded length.
  static char* put(char* at, const auto& list) {
    char* const begin = core::put(at, '[');
    char* end = begin;
    for (const T& element : list) {
      end = C::put(end == begin ? end : core::put(end, ','), element);
    }
    return core::put(end, ']');
  }
  static Result<std::vector<T>> read(const Json& value, std::string_view name) {
    if (!value.is_array()) {
      return wrong_type(name, "an array");
    }
    std::vector<T> list;
    for (const Json& element : value) {
      auto read = C::read(element, name);
      if (!read) {
        return tl::unexpected(std::move(read.error()));
      }
      list.push_back(*std::move(read));
    }
    return list;
  }
};

template <typename... M>
ShapeSchema schema_of(std::string_view name, const std::tuple<M...>& members) {
  return {.name = name,
          .members = std::apply(
              [](const M&... member) { return std::vector<MemberSchema>{member.schema()...}; },
              members)};
}

}  // namespace nexakey::core::shape
