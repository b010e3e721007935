"""Says whose image a picture is, from hashes alone."""
