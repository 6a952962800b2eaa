"""The bilan annuel: what was planned, what was done, who paid, what is due."""
