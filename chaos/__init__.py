"""Faults on purpose: kills and starves a system in mid-traffic, and counts what was lost or doubled."""
