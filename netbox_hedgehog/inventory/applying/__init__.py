"""Apply a plan to NetBox, in one transaction."""
