"""Budgets typed by others in spreadsheets: recognised, previewed, written at once, undone."""
