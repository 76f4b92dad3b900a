"""Load NetBox's side of a reconcile: the current state of a fabric, and the names that a plan shows."""
