"""Use cases: one file each, one transaction each. The only writers of state."""
