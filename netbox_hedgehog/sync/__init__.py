"""Sync one fabric, start to end: list pages, compare, apply, report."""
