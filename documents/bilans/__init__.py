"""The bilan as a document: its agreement between the parties, its freezing, its PDF."""
