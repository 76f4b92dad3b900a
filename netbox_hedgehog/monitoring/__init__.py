"""How services, fabrics and syncs are, for pages, commands, API and metrics."""
