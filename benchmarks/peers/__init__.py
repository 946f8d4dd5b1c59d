"""The hub beside the frameworks that a first version might be written on (`make peers`, README.md)."""
