#!/usr/bin/env python3
"""Makes the Debian package of a build and tries it: package_test.py CPACK CONFIG.

lintian finds no error, systemd takes the units, the binary runs from where the package puts it, and
dpkg installs and purges it; all of that in a folder that is removed at the end.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LONGEST = 300  # seconds for one command
MOST_EXPOSED = 20  # of 100, for systemd-analyze security

# What a package has besides pages: each with its mode.
FILES = {
    "usr/bin/nexakey": 0o755,
    "lib/systemd/system/nexakey.service": 0o644,
    "lib/systemd/system/nexakey.socket": 0o644,
    "usr/share/bash-completion/completions/nexakey": 0o644,
    "usr/share/zsh/vendor-completions/_nexakey": 0o644,
    "usr/share/fish/vendor_completions.d/nexakey.fish": 0o644,
    "usr/share/doc/nexakey/changelog.Debian.gz": 0o644,
    "usr/share/doc/nexakey/copyright": 0o644,
    "usr/share/doc/nexakey/README.md": 0o644,
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
}


def run(*command, **options):
    """What a command prints; fails if it does."""
    result = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=LONGEST, **options,
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stdout}")
    return result.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)


def make_package(cpack, config, folder):
    run(cpack, "--config", config, "-B", folder)
    packages = list(folder.glob("*.deb"))
    check(len(packages) == 1, f"cpack made {packages}")
    return packages[0]


def check_files(root):
    for name, mode in FILES.items():
        path = root / name
        check(path.is_file(), f"{name} is not in the package")
        found = path.stat().st_mode & 0o7777
        check(found == mode, f"{name} has mode {found:o}")


def check_program(root, home):
    """Each command of the binary has a page in the package, and a key can be made and used."""
    program = root / "usr/bin/nexakey"
    settings = {"PATH": os.environ["PATH"], "HOME": str(home)}
    commands = run(program, "__complete", "", env=settings).splitlines()
    for command in [line.split("\t")[0] for line in commands if not line.startswith(":")]:
        page = root / f"usr/share/man/man1/nexakey-{command}.1.gz"
        check(page.is_file(), f"{page.name} is not in the package")
    run("mandoc", root / "usr/share/man/man1/nexakey.1.gz")
    key = home / "a.key"
    run(program, "create", "--scope", "read", "--key-file", key, env=settings)
    run(program, "verify", "--key-file", key, env=settings)


def check_units(root, folder):
    """systemd looks for the program where the unit says, so the unit says where it is now."""
    for unit in [*root.glob("lib/systemd/system/*"),
                 *root.glob("usr/share/doc/nexakey/examples/*.*")]:
        text = unit.read_text(encoding="utf-8")
        (folder / unit.name).write_text(text.replace("/usr/bin", f"{root}/usr/bin"), encoding="utf-8")
    for unit in folder.iterdir():
        problems = run("systemd-analyze", "--man=no", "verify", unit)
        check(unit.name not in problems, problems)
    run("systemd-analyze", "--no-pager", "--offline=true", f"--threshold={MOST_EXPOSED}", "security",
        root / "lib/systemd/system/nexakey.service")


def check_installation(package, root):
    """DPKG_ROOT tells the scripts of the package to leave this machine alone."""
    (root / "var/lib/dpkg").mkdir(parents=True)
    (root / "var/lib/dpkg/status").touch()
    dpkg = ("dpkg", f"--root={root}", "--force-script-chrootless", "--force-depends")
    run(*dpkg, "--install", package)
    check_files(root)
    check("nexakey" in run(root / "usr/bin/nexakey", "--version"), "it says no version")
    run(*dpkg, "--purge", "nexakey")
    left = [path for path in root.rglob("*nexakey*")]
    check(not left, f"a purge leaves {left}")


def main(cpack, config):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("made", "unpacked", "home", "units", "installed"):
            (folder / part).mkdir()
        package = make_package(cpack, config, folder / "made")
        control = run("dpkg-deb", "--field", package)
        check(re.search(r"^Depends:.*\blibc6\b", control, re.MULTILINE), control)
        # lintian speaks of root on standard error and goes on.
        run("lintian", "--allow-root", "--fail-on", "error", package)
        run("dpkg-deb", "--extract", package, folder / "unpacked")
        check_files(folder / "unpacked")
        check_program(folder / "unpacked", folder / "home")
        check_units(folder / "unpacked", folder / "units")
        if os.geteuid() == 0:
            check_installation(package, folder / "installed")


if __name__ == "__main__":
    main(*sys.argv[1:])
