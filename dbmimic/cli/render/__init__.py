"""Values as words on a terminal."""
