"""Prepare plans, discrepancies and resources for pages, API and commands, restricted to the user."""
