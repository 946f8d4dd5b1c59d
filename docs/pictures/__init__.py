"""The pictures of the guides, and what makes them."""
