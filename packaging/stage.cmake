# Runs in cpack before the package is made: arranges the tree that was installed as Debian requires.

# Without dpkg-shlibdeps, which needs file(1), cpack makes a package without dependencies.
foreach(program file dpkg-shlibdeps)
  find_program(${program}_PROGRAM ${program})
  if(NOT ${program}_PROGRAM)
    message(FATAL_ERROR "${program} is missing: run scripts/install-deps package "
                        "(Debian packages file and dpkg-dev)")
  endif()
endforeach()

set(usr ${CPACK_TEMPORARY_DIRECTORY}/usr)
set(doc ${usr}/share/doc/nexakey)
set(readable OWNER_READ OWNER_WRITE GROUP_READ WORLD_READ)

# Without name and time, so that the same input makes the same package.
function(compress)
  execute_process(COMMAND gzip -9n ${ARGV} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

file(GLOB pages ${usr}/share/man/man*/*)
compress(${pages})

# If CMake was configured with another prefix than /usr, the completion is in zsh's folder for
# administrators.
if(EXISTS ${usr}/share/zsh/site-functions)
  file(RENAME ${usr}/share/zsh/site-functions ${usr}/share/zsh/vendor-completions)
endif()

# The documents, in the places where their links expect each other. The configurations of gateways
# and of Prometheus are examples, where `cmake --install` put them.
set(documents README.md CONTRIBUTING.md SECURITY.md)
list(TRANSFORM documents PREPEND ${CPACK_NEXAKEY_SOURCE}/)
file(COPY ${CPACK_NEXAKEY_DEBIAN}/copyright ${documents} DESTINATION ${doc}
     FILE_PERMISSIONS ${readable})
file(GLOB documents ${CPACK_NEXAKEY_SOURCE}/docs/*.md ${CPACK_NEXAKEY_SOURCE}/docs/*.svg)
file(COPY ${documents} DESTINATION ${doc}/docs FILE_PERMISSIONS ${readable})
foreach(folder gateways prometheus)
  file(CREATE_LINK ../examples/${folder} ${doc}/docs/${folder} SYMBOLIC)
endforeach()
file(COPY ${CPACK_NEXAKEY_DEBIAN}/examples DESTINATION ${doc} FILE_PERMISSIONS ${readable})
file(COPY_FILE ${CPACK_NEXAKEY_SOURCE}/CHANGELOG.md ${doc}/changelog)
file(COPY_FILE ${CPACK_NEXAKEY_CHANGELOG} ${doc}/changelog.Debian)
compress(${doc}/changelog ${doc}/changelog.Debian)

file(COPY ${CPACK_NEXAKEY_DEBIAN}/nexakey.service ${CPACK_NEXAKEY_DEBIAN}/nexakey.socket
     DESTINATION ${CPACK_TEMPORARY_DIRECTORY}/lib/systemd/system FILE_PERMISSIONS ${readable})
file(COPY ${CPACK_NEXAKEY_DEBIAN}/config.toml
     DESTINATION ${CPACK_TEMPORARY_DIRECTORY}/etc/nexakey FILE_PERMISSIONS ${readable})
file(COPY ${CPACK_NEXAKEY_DEBIAN}/lintian-overrides
     DESTINATION ${usr}/share/lintian/overrides FILE_PERMISSIONS ${readable})
file(RENAME ${usr}/share/lintian/overrides/lintian-overrides
     ${usr}/share/lintian/overrides/nexakey)
