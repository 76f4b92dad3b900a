"""Desired objects and NetBox's current state become a plan: nothing is written."""
