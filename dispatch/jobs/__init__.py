"""The worker: timers, outbox and upkeep, in any number of processes."""
