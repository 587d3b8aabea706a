# CMake leaves out tests and says so in one line. With NEXAKEY_ALL_TESTS it stops.
[[ $(cmake -S . -B build | grep --count 'Tests left out: .* run scripts/install-deps test (doctest-dev') == 1 ]]
if cmake -S . -B build -DNEXAKEY_ALL_TESTS=ON >cmake.log 2>&1; then
  exit 1
fi
grep 'Tests left out' cmake.log
cmake -S . -B build -DNEXAKEY_ALL_TESTS=OFF >cmake.log
