"""What a Hedgehog manifest means: kinds, references, connections, switch ports, switch health. Pure: no Django."""
