"""The units of the package: systemd accepts them, their exposure, and what they allow."""

import json
import shutil

from steps import check, run

MAX_EXPOSURE = 10  # tenths, as systemd-analyze security counts


def settings(text, name):
    """The values of a setting in a unit, in order; an empty one removes those before, as in systemd."""
    values = []
    for line in text.splitlines():
        key, separator, value = line.partition("=")
        if separator and key == name:
            values = [*values, value] if value else []
    return values


def check_units(root, folder):
    """systemd looks for the program that the unit names, so this names the one of the package."""
    for unit in [*root.glob("lib/systemd/system/*"),
                 *root.glob("usr/share/doc/nexakey/examples/*.*")]:
        text = unit.read_text(encoding="utf-8")
        (folder / unit.name).write_text(text.replace("/usr/bin", f"{root}/usr/bin"), encoding="utf-8")
    for unit in folder.iterdir():
        problems = run("systemd-analyze", "--man=no", "verify", unit)
        check(unit.name not in problems, problems)
    run("systemd-analyze", "--no-pager", "--offline=true", f"--threshold={MAX_EXPOSURE}", "security",
        root / "lib/systemd/system/nexakey.service")


class Merged:
    """The units of the package in a folder of their own, to which drop-ins are added."""

    def __init__(self, root, folder):
        self.root, self.folder = root, folder
        self.offline = ("systemd-analyze", "--no-pager", f"--root={folder}")
        shutil.copytree(root / "lib/systemd/system", folder / "usr/lib/systemd/system")

    def add(self, example):
        shutil.copytree(self.root / "usr/share/doc/nexakey/examples" / example,
                        self.folder / "etc/systemd/system")

    def unit(self, name):
        return run(*self.offline, "cat-config", f"systemd/system/{name}")

    def reach(self):
        """What systemd says of the addresses that the service may reach."""
        report = json.loads(run(*self.offline, "--offline=true", "--json=short",
                                f"--threshold={MAX_EXPOSURE}", "security", "nexakey.service"))
        return next(row["description"] for row in report if row["json_field"] == "IPAddressDeny")


def check_postgresql_example(root, folder):
    """With the drop-ins, the units need no SQLite file and may reach other machines."""
    units = Merged(root, folder)
    for name in ("nexakey.socket", "nexakey.service"):
        check(settings(units.unit(name), "ConditionPathExists"), f"{name} has no condition to remove")
    check("only localhost" in units.reach(), units.reach())

    units.add("postgresql")
    for name in ("nexakey.socket", "nexakey.service"):
        check(not settings(units.unit(name), "ConditionPathExists"), f"{name} still needs a file")
    check("non-localhost" in units.reach(), units.reach())


def check_identity_example(root, folder):
    """With the drop-in, the service may reach issuers. It still needs its store."""
    units = Merged(root, folder)
    units.add("identity")
    check("non-localhost" in units.reach(), units.reach())
    check(settings(units.unit("nexakey.service"), "ConditionPathExists"), "it needs no file any more")
    check(settings(units.unit("nexakey.service"), "IPAddressDeny") == ["any"], "it denies no addresses")
