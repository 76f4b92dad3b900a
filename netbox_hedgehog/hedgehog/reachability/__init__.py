"""Tell whether one end can reach another in a fabric, from its resources alone."""
