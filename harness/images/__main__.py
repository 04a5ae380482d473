"""`python -m harness.images`: build the images."""

import os
import sys

from harness.images.together import main

if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # Python's own end would wait for threads: for a build that was left, or for another process's lock.
    os._exit(code)
