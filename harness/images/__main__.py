"""`python -m harness.images`: build the images."""

import sys

from harness.images import main

if __name__ == "__main__":
    sys.exit(main())
