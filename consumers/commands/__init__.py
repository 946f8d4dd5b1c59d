"""The commands of coordination staff, integrators and hubs."""
