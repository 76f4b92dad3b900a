"""Map resources to desired NetBox objects. Pure: no Django, no I/O."""
