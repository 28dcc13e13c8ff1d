"""Runs every test_*.py of this folder. The last line says how many passed and how many failed."""
import signal
import sys
import unittest
from pathlib import Path

TESTS = Path(__file__).resolve().parent
sys.path[:0] = [str(TESTS.parent), str(TESTS)]


class Counting(unittest.TextTestResult):
    """Counts the successes, which unittest itself does not."""

    passed = 0

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1


def main() -> int:
    # A shell that started this in the background has SIGINT ignored; tests send it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    import eml
    import support

    print("python %s, libeml %s (%s)" % (sys.version.split()[0], eml.version(), eml.library_path()))
    support.announce()
    suite = unittest.defaultTestLoader.discover(str(TESTS), top_level_dir=str(TESTS))
    result = unittest.TextTestRunner(stream=sys.stdout, resultclass=Counting).run(suite)
    for test, reason in result.skipped:
        print("skipped: %s: %s" % (test.id(), reason))
    failed = len({test.id() for test, _ in result.failures + result.errors}) + len(result.unexpectedSuccesses)
    print("%d passed, %d failed" % (result.passed, failed))
    return 1 if failed or not result.passed else 0


if __name__ == "__main__":
    sys.exit(main())
