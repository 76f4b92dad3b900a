"""Changes of fabrics as they happen: one process follows each kind of each watched fabric."""
