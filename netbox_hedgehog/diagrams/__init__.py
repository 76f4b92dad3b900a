"""Diagrams as SVG, drawn on the server: geometry in, markup out. Pure: no Django, no I/O, no clock."""
