#!/usr/bin/env python3
"""Makes and tests the Debian package of a build: package_test.py CPACK CONFIG.

lintian finds no error, systemd accepts the units, the binary is hardened and runs from where the
package puts it, and dpkg installs and purges it; all of that in a temporary folder.
"""

import os
import platform
import re
import sys
import tempfile
from pathlib import Path

from steps import check, run
from system_calls import check_system_calls
from units import MAX_EXPOSURE, check_identity_example, check_postgresql_example, check_units

sys.path.insert(0, str(Path(__file__).parents[1] / "faults"))
import figure

# The files of the package besides the man pages, with their modes.
FILES = {
    "etc/nexakey/config.toml": 0o644,
    "usr/bin/nexakey": 0o755,
    "lib/systemd/system/nexakey.service": 0o644,
    "lib/systemd/system/nexakey.socket": 0o644,
    "usr/share/bash-completion/completions/nexakey": 0o644,
    "usr/share/zsh/vendor-completions/_nexakey": 0o644,
    "usr/share/fish/vendor_completions.d/nexakey.fish": 0o644,
    "usr/share/doc/nexakey/changelog.gz": 0o644,
    "usr/share/doc/nexakey/changelog.Debian.gz": 0o644,
    "usr/share/doc/nexakey/copyright": 0o644,
    "usr/share/doc/nexakey/README.md": 0o644,
    "usr/share/doc/nexakey/SECURITY.md": 0o644,
    "usr/share/doc/nexakey/docs/keys.md": 0o644,
    "usr/share/doc/nexakey/docs/operations.md": 0o644,
    "usr/share/doc/nexakey/docs/gateways/nginx.conf": 0o644,
    "usr/share/doc/nexakey/docs/prometheus/alerts.yml": 0o644,
    "usr/share/doc/nexakey/examples/nexakey-rotate.service": 0o644,
    "usr/share/doc/nexakey/examples/nexakey-rotate.timer": 0o644,
    "usr/share/doc/nexakey/examples/nexakey-unused.service": 0o644,
    "usr/share/doc/nexakey/examples/nexakey-unused.timer": 0o644,
    "usr/share/doc/nexakey/examples/gateways/nginx.conf": 0o644,
    "usr/share/doc/nexakey/examples/gateways/Caddyfile": 0o644,
    "usr/share/doc/nexakey/examples/gateways/haproxy.cfg": 0o644,
    "usr/share/doc/nexakey/examples/gateways/nexakey.lua": 0o644,
    "usr/share/doc/nexakey/examples/prometheus/prometheus.yml": 0o644,
    "usr/share/doc/nexakey/examples/prometheus/alerts.yml": 0o644,
    "usr/share/doc/nexakey/examples/identity/nexakey.service.d/identity.conf": 0o644,
    "usr/share/doc/nexakey/examples/postgresql/nexakey.service.d/postgresql.conf": 0o644,
    "usr/share/doc/nexakey/examples/postgresql/nexakey.socket.d/postgresql.conf": 0o644,
}

# The libraries that must be shared, so that the distribution's security updates reach them.
SHARED = ("libc6", "libsqlite3-0", "libssl3")


def make_package(cpack, config, folder):
    run(cpack, "--config", config, "-B", folder)
    packages = list(folder.glob("*.deb"))
    check(len(packages) == 1, f"cpack made {packages}")
    return packages[0]


def check_control(package):
    control = run("dpkg-deb", "--field", package)
    depends = re.search(r"^Depends: (.*)$", control, re.MULTILINE).group(1)
    for library in (*SHARED, "adduser"):
        check(re.search(rf"\b{library}\b", depends), f"Depends lacks {library}: {depends}")
    conffiles = run("dpkg-deb", "--info", package, "conffiles").split()
    check(conffiles == ["/etc/nexakey/config.toml"], f"conffiles are {conffiles}")


def check_files(root):
    for name, mode in FILES.items():
        path = root / name
        check(path.is_file(), f"{name} is not in the package")
        found = path.stat().st_mode & 0o7777
        check(found == mode, f"{name} has mode {found:o}")


def check_hardening(program):
    """The ELF file has the hardening of cmake/options.cmake."""
    header, dynamic = run("readelf", "-hW", program), run("readelf", "-dW", program)
    segments, symbols = run("readelf", "-lW", program), run("readelf", "-W", "--dyn-syms", program)
    check(re.search(r"Type:\s+DYN", header) and re.search(r"FLAGS_1.*\bPIE\b", dynamic),
          "the binary is not position-independent")
    check("GNU_RELRO" in segments and "BIND_NOW" in dynamic, "relocations stay writable")
    check(re.search(r"GNU_STACK.* RW ", segments), "the stack is executable")
    check("__stack_chk_fail" in symbols, "there is no stack protector")
    check(re.search(r"__\w+_chk\b", symbols.replace("__stack_chk_fail", "")),
          "calls of libc are not fortified")
    check(not re.search(r"R(UN)?PATH", dynamic), "the binary has an RPATH")
    if platform.machine() == "x86_64":
        notes = run("readelf", "-nW", program)
        check(re.search(r"x86 feature: IBT, SHSTK", notes), f"control flow is unprotected: {notes}")


def check_program(root, home):
    """Each command of the binary has a man page in the package, and a key can be created and used."""
    program = root / "usr/bin/nexakey"
    settings = {"PATH": os.environ["PATH"], "HOME": str(home),
                "NEXAKEY_SYSTEM_CONFIG": str(home / "none.toml")}
    commands = run(program, "__complete", "", env=settings).splitlines()
    for command in [line.split("\t")[0] for line in commands if not line.startswith(":")]:
        page = root / f"usr/share/man/man1/nexakey-{command}.1.gz"
        check(page.is_file(), f"{page.name} is not in the package")
    run("mandoc", root / "usr/share/man/man1/nexakey.1.gz")
    key = home / "a.key"
    run(program, "create", "--scope", "read", "--key-file", key, env=settings)
    run(program, "verify", "--key-file", key, env=settings)


def check_installation(package, root):
    """DPKG_ROOT tells the scripts of the package to leave this machine alone."""
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    dpkg = ("dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends")
    run(*dpkg, "--install", package)
    check_files(root)
    check("nexakey" in run(root / "usr/bin/nexakey", "--version"), "--version prints no version")
    with open(root / "etc/nexakey/config.toml", "a", encoding="utf-8") as config:
        config.write("# changed\n")
    run(*dpkg, "--remove", "nexakey")
    check((root / "etc/nexakey/config.toml").is_file(), "a removal deletes a changed config.toml")
    run(*dpkg, "--purge", "nexakey")
    left = list(root.rglob("*nexakey*"))
    check(not left, f"a purge leaves {left}")


def main(cpack, config):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)
        for part in ("made", "unpacked", "home", "units", "postgresql", "installed", "service"):
            (folder / part).mkdir()
        package = make_package(cpack, config, folder / "made")
        check_control(package)
        # lintian only warns on standard error that it runs as root.
        run("lintian", "--allow-root", "--fail-on", "error", package)
        unpacked = folder / "unpacked"
        run("dpkg-deb", "--extract", package, unpacked)
        check_files(unpacked)
        check_hardening(unpacked / "usr/bin/nexakey")
        check_program(unpacked, folder / "home")
        check_units(unpacked, folder / "units")
        check_postgresql_example(unpacked, folder / "postgresql")
        check_identity_example(unpacked, folder / "identity")
        check_system_calls(unpacked, folder / "service")
        if os.geteuid() == 0:
            check_installation(package, folder / "installed")
    figure.report(24, "properties of the packaged binary (PIE, RELRO, stack, canary, FORTIFY, CET)", 6,
                  {"missing": 0}, f"exposure of the unit at most {MAX_EXPOSURE / 10}")


if __name__ == "__main__":
    main(*sys.argv[1:])
