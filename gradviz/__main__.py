"""``python -m gradviz``: the same as the command ``gradviz``."""

import sys

from gradviz.cli.main import main

sys.exit(main())
