"""An explicit-state checker of the dispatch rules: every order of commands, timers and faults, exhausted."""
