"""Stream changes of fabrics: one process watches each kind of each fabric with watch enabled."""
