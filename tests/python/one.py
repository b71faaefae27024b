"""Runs the tests of one file and counts them."""

import sys
import unittest


def main():
    suite = unittest.defaultTestLoader.loadTestsFromName(sys.argv[1])
    outcome = unittest.TextTestRunner(stream=sys.stdout, verbosity=1).run(suite)
    if outcome.skipped:
        print(f"FAIL  {len(outcome.skipped)} were skipped, and nothing may be")
    failed = len(outcome.failures) + len(outcome.errors) + len(outcome.skipped)
    # An error while a class is made ready is one of no test.
    passed = max(0, outcome.testsRun - failed)
    print(f"counted {passed} {failed}")
    sys.exit(1 if failed or not passed else 0)


main()
