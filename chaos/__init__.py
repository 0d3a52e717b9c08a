"""Faults on purpose: kills and starves a running system in mid-traffic, and counts what was lost or doubled."""
