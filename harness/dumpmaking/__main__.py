"""`python -m harness.dumpmaking`: make the bundled dumps."""

import sys

from harness.dumpmaking import main

if __name__ == "__main__":
    sys.exit(main())
