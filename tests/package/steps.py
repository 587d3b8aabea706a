"""Commands that must succeed, and conditions that must hold, for the checks of the package."""

import subprocess
import sys

TIME_LIMIT = 300  # seconds for one command


def run(*command, **options):
    """Returns what a command prints; ends the test if the command fails."""
    result = subprocess.run(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, timeout=TIME_LIMIT, **options,
    )
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {result.returncode}:\n{result.stdout}")
    return result.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)
