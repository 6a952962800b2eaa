"""Invented data in quantity, to measure the pages on what a whole region would hold."""
