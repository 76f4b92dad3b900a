"""Report the state of services, fabrics and syncs, for pages, commands, API and metrics."""
