"""`python -m chaos`: the same as `make chaos`."""

import sys

from chaos.command import main

sys.exit(main())
