"""Backup and restore: every row and every stored file in one archive that either database can read back."""
