"""Resources become DCIM and IPAM: what is wanted (pure), how that differs from what is there (pure), owned writes."""
