"""Answer where an address, MAC address, name or number is: read find() in lookup.py first."""
