"""Measurements, each printed beside its limit or a rival of the same run."""
