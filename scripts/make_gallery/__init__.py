"""Draws the gallery of the road network."""
