"""``python -m gradviz``: the same as the command ``gradviz``."""

import os
import sys

if not sys.flags.safe_path:
    # Python looks in the current folder first; a click.py that lies there is the script's, not ours.
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

from gradviz.cli.main import main

sys.exit(main())
