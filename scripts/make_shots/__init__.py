"""Takes pictures of every page of a running system."""
