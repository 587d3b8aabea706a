# What every target is compiled with. Third-party headers are system headers and may warn.
add_library(nexakey_options INTERFACE)
target_include_directories(nexakey_options INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(nexakey_options INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror
  -fstack-protector-strong $<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
target_link_options(nexakey_options INTERFACE -Wl,-z,relro,-z,now)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # GCC bug 105651: false alarms about "literal" + std::string at -O2.
  target_compile_options(nexakey_options INTERFACE -Wno-restrict)
endif()

if(NEXAKEY_STATIC)
  target_link_options(nexakey_options INTERFACE -static-libstdc++ -static-libgcc)
  # A command lives for five milliseconds, most of them page faults. Whatever is not in the file is
  # not loaded; a program at a fixed address is not relocated. Stack, heap and libraries still get
  # random addresses; build with NEXAKEY_STATIC=OFF where the program itself has to as well.
  target_compile_options(nexakey_options INTERFACE -ffunction-sections -fdata-sections -fno-pie)
  target_link_options(nexakey_options INTERFACE -no-pie -Wl,--gc-sections -Wl,-z,noseparate-code)
endif()
if(NEXAKEY_SANITIZE)
  target_compile_options(nexakey_options INTERFACE
    -fsanitize=${NEXAKEY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(nexakey_options INTERFACE -fsanitize=${NEXAKEY_SANITIZE})
  if(NEXAKEY_SANITIZE STREQUAL "thread")
    # Asio has fences, which the sanitizer does not see; its locks are what orders things.
    target_compile_options(nexakey_options INTERFACE -Wno-tsan)
  endif()
endif()
