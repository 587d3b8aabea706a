# Compiles the headers of the standard library once for all targets, which halves the time that a
# small source file takes. It does not include our headers and those of other libraries: with CLI11
# and nlohmann/json, the precompiled header takes longer to load than it saves. For GCC only,
# because ccache and clang do not accept such headers without more options.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(precompile ON)
else()
  set(precompile OFF)
endif()
option(NEXAKEY_PRECOMPILE "Precompile the headers of the standard library" ${precompile})

# nexakey_precompile(OWNER FOLDER…): precompiles them as part of the target OWNER, and uses them in
# all other targets of the folders and of those below.
function(nexakey_precompile owner)
  if(NOT NEXAKEY_PRECOMPILE)
    return()
  endif()
  target_precompile_headers(${owner} PRIVATE
    <algorithm> <array> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional> <set>
    <span> <string> <string_view> <unordered_map> <variant> <vector> <tl/expected.hpp>)
  nexakey_use_precompiled(${owner} ${ARGN})
endfunction()

function(nexakey_use_precompiled owner)
  foreach(folder ${ARGN})
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
      get_target_property(type ${target} TYPE)
      if(NOT target STREQUAL owner AND type MATCHES "EXECUTABLE|(STATIC|OBJECT)_LIBRARY")
        target_precompile_headers(${target} REUSE_FROM ${owner})
      endif()
    endforeach()
    get_property(below DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    nexakey_use_precompiled(${owner} ${below})
  endforeach()
endfunction()
