"""`python -m cauce`: the command line."""

import sys

from cauce.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
