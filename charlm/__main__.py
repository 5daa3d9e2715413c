"""`python -m charlm`, the same as `charlm`."""

import sys

from charlm.cli import main

sys.exit(main())
