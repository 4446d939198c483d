"""`python -m hub` is `hub`."""

import sys

from hub.cli.main import main

sys.exit(main())
