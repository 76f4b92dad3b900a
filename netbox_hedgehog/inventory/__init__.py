"""Map resources to NetBox objects (pure), plan how they differ from what NetBox holds (pure), and apply the plan."""
