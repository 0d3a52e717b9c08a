"""The stand-in for the Dukcapil service: the same form over HTTP, for a made-up population."""
