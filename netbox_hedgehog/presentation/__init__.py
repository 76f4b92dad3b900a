"""What pages, API and commands show of plans, discrepancies and resources, restricted to the user."""
