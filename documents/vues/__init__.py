"""Pages of the life of a convention and of its documents."""
