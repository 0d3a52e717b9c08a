"""The commands of `python -m routing`, one module each."""
