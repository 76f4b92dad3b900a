"""Resources become desired NetBox objects. Pure: no Django, no I/O."""
