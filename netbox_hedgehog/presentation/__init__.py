"""What pages, API and commands show of plans, findings and resources, to the user who asks."""
