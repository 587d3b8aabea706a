# Every dependency is a package of the distribution. If one is missing, the message names the
# package.

# Finds a CMake package, or stops with the name of the Debian package that contains it.
function(nexakey_find package debian)
  find_package(${package} ${ARGN} QUIET GLOBAL)
  if(NOT ${package}_FOUND)
    message(FATAL_ERROR "${package} is missing: apt-get install ${debian}")
  endif()
endfunction()

nexakey_find(Threads libc6-dev)
# SQLite reads untrusted files. It is always a shared library, so that the distribution's updates
# reach it. That costs each command 0.1 ms.
nexakey_find(SQLite3 libsqlite3-dev)

if(NEXAKEY_STATIC)
  # This links only SHA-256 and CRYPTO_memcmp of libcrypto. TLS, randomness and libcurl use the
  # shared library, which is loaded at its first use: loading it costs a command 1.2 ms, half of its
  # time.
  set(OPENSSL_USE_STATIC_LIBS ON)
  set(CMAKE_FIND_LIBRARY_SUFFIXES .a .so)
endif()

nexakey_find(OpenSSL libssl-dev COMPONENTS Crypto)
nexakey_find(nlohmann_json nlohmann-json3-dev)
nexakey_find(CLI11 libcli11-dev)
nexakey_find(CURL libcurl4-openssl-dev)
nexakey_find(SQLiteCpp libsqlitecpp-dev)
nexakey_find(Boost libboost1.81-dev)

find_library(UTF8PROC_LIBRARY utf8proc)
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h)
if(NOT UTF8PROC_LIBRARY OR NOT UTF8PROC_INCLUDE_DIR)
  message(FATAL_ERROR "utf8proc is missing: apt-get install libutf8proc-dev")
endif()
add_library(utf8proc::utf8proc UNKNOWN IMPORTED)
set_target_properties(utf8proc::utf8proc PROPERTIES
  IMPORTED_LOCATION ${UTF8PROC_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${UTF8PROC_INCLUDE_DIR})

# Only the headers of libarchive: the library is loaded when scan finds an archive.
find_path(ARCHIVE_INCLUDE_DIR archive_entry.h)
if(NOT ARCHIVE_INCLUDE_DIR)
  message(FATAL_ERROR "libarchive is missing: apt-get install libarchive-dev")
endif()

find_path(TL_EXPECTED_INCLUDE_DIR tl/expected.hpp)
if(NOT TL_EXPECTED_INCLUDE_DIR)
  message(FATAL_ERROR "tl::expected is missing: apt-get install libexpected-dev")
endif()

# Only the headers of libpq: the library is loaded when a store in PostgreSQL is used.
find_path(LIBPQ_INCLUDE_DIR libpq-fe.h PATH_SUFFIXES postgresql)
if(NOT LIBPQ_INCLUDE_DIR)
  message(FATAL_ERROR "libpq is missing: apt-get install libpq-dev")
endif()
add_library(PostgreSQL::headers INTERFACE IMPORTED)
target_include_directories(PostgreSQL::headers SYSTEM INTERFACE ${LIBPQ_INCLUDE_DIR})

# Only the headers of toml++: loading its library would delay each command.
find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h)
if(NOT TOMLPLUSPLUS_INCLUDE_DIR)
  message(FATAL_ERROR "toml++ is missing: apt-get install libtomlplusplus-dev")
endif()

find_library(CSV_LIBRARY csv)
find_path(CSV_INCLUDE_DIR csv.h)
if(NOT CSV_LIBRARY OR NOT CSV_INCLUDE_DIR)
  message(FATAL_ERROR "libcsv is missing: apt-get install libcsv-dev")
endif()
add_library(csv::csv UNKNOWN IMPORTED)
set_target_properties(csv::csv PROPERTIES
  IMPORTED_LOCATION ${CSV_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${CSV_INCLUDE_DIR})
