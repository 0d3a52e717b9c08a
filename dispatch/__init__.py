"""SEMAR: emergency ambulance dispatch for one regency or many."""
