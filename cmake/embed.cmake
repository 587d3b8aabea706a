# Texts in the binary: files such as SQL become string literals.

# embed_texts(VARIABLE FILE…): sets VARIABLE to a C++ string literal of each file, with commas
# between them, for configure_file. A change of a file configures the project again.
function(embed_texts variable)
  set(literals "")
  set(separator "")
  foreach(file IN LISTS ARGN)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    file(READ ${file} text)
    string(APPEND literals "${separator}R\"embedded(${text})embedded\"")
    set(separator ",\n")
  endforeach()
  set(${variable} "${literals}" PARENT_SCOPE)
endfunction()
