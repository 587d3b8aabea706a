# Without the packages that find the dependencies of a package, cpack fails and names them.
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
