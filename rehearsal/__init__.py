"""Virtual residents, crews and desks that play cases against a running system, as clients of its API."""
