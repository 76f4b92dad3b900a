"""One fabric's reading, start to end: pages, compare, apply, report."""
