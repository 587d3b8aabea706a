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
  # Whatever is not in the file need not be loaded, and need not be relocated.
  target_compile_options(nexakey_options INTERFACE -ffunction-sections -fdata-sections)
  target_link_options(nexakey_options INTERFACE -Wl,--gc-sections -Wl,-z,pack-relative-relocs)
endif()
if(NEXAKEY_SANITIZE)
  target_compile_options(nexakey_options INTERFACE
    -fsanitize=${NEXAKEY_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(nexakey_options INTERFACE -fsanitize=${NEXAKEY_SANITIZE})
endif()
