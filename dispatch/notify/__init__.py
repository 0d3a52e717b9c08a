"""Ways by which messages leave the centre, all behind one protocol."""
