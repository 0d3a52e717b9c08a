"""`python -m rehearsal`: as `dispatch rehearsal`, without anything of the dispatch centre in the process."""

from __future__ import annotations

import sys

from rehearsal.command import main

sys.exit(main())
