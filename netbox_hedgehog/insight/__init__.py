"""What readings mean: links, health, differences. Pure: no Django, no I/O; sync/ stores it and faces show it."""
