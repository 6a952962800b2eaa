"""The life of a convention: one table of transitions, the conditions they check, the acts that make them."""
