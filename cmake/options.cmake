# The compiler and linker options of every target. Third-party headers are system headers and may
# warn. In the presets, a warning in our own code is an error (CMAKE_COMPILE_WARNING_AS_ERROR).
add_library(nexakey_options INTERFACE)
target_include_directories(nexakey_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(nexakey_options INTERFACE -Wall -Wextra -Wpedantic -Wconversion -Wshadow)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bugs 105329 and 105651: false positives about the concatenation of std::string at -O2.
  target_compile_options(nexakey_options INTERFACE
    -Wno-restrict -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread)
endif()

# Hardening, which tests/package checks in the binary: position-independent code, read-only
# relocations, stack protector, fortified libc calls, and control-flow protection where the
# processor has it. The linker has to be told to mark the binary for the latter, because the
# start-up files of Debian 12 are not marked.
target_compile_options(nexakey_options INTERFACE
  -fPIE -fstack-protector-strong $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
target_link_options(nexakey_options INTERFACE -Wl,-z,relro,-z,now)
if(NEXAKEY_SANITIZE MATCHES "address")
  # The sanitizers add millions of relocations, which take most of the time that a command takes to
  # start.
  target_link_options(nexakey_options INTERFACE -no-pie)
else()
  target_link_options(nexakey_options INTERFACE -pie)
endif()
if(CMAKE_SYSTEM_PROCESSOR STREQUAL "x86_64")
  target_compile_options(nexakey_options INTERFACE -fcf-protection=full)
  target_link_options(nexakey_options INTERFACE -Wl,-z,ibt,-z,shstk)
endif()

if(NEXAKEY_STATIC)
  # A command runs for two milliseconds, most of them for page faults. A smaller file has fewer.
  target_compile_options(nexakey_options INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(nexakey_options INTERFACE
    -static-libstdc++ -static-libgcc -Wl,--gc-sections -Wl,-z,noseparate-code)
endif()
if(NEXAKEY_SANITIZE)
  target_compile_options(nexakey_options INTERFACE
    -fsanitize=${NEXAKEY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(nexakey_options INTERFACE -fsanitize=${NEXAKEY_SANITIZE})
  if(NEXAKEY_SANITIZE MATCHES "address,undefined" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Undefined behaviour is a trap, whose place AddressSanitizer prints (handle_sigill=1). For
    # messages of its own, GCC adds a million global variables, which AddressSanitizer prepares at
    # each start of a command, and compiles twice as long.
    target_compile_options(nexakey_options INTERFACE
      -fsanitize-undefined-trap-on-error -fno-sanitize=vptr)
  endif()
  if(NEXAKEY_SANITIZE STREQUAL "thread")
    # The sanitizer does not see Asio's fences; Asio's locks are sufficient.
    target_compile_options(nexakey_options INTERFACE -Wno-tsan)
  endif()
endif()
