"""Build a plan from desired objects and NetBox's current state: nothing is written."""
