# cpack fails and names what it cannot find of the package's dependencies.
refuses() {
  if (cd build && cpack) >cpack.log 2>&1; then
    return 1
  fi
  cat cpack.log
  grep "$1 is missing: run scripts/install-deps package" cpack.log
  [[ -z $(find build -maxdepth 1 -name '*.deb') ]]
}
refuses file
sudo apt-get install --quiet --no-install-recommends file
refuses dpkg-shlibdeps
