"""Workspace pages, one module a subject."""
