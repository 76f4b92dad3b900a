"""A plan is applied to NetBox, in one transaction."""
