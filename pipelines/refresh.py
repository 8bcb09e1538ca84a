"""``python -m pipelines.refresh``: what ``audiogenre refresh`` does, from the checkout."""

import sys

from audiogenre.refresh import main

if __name__ == "__main__":
    sys.exit(main())
