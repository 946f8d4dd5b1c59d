"""The geometry of Sweden, made from its source (`make land`; consumers/land/README.md)."""
