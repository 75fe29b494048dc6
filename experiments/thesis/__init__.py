"""Figures, tables and identities of the thesis on beta-VAEs; see `experiments/thesis_frey.py`."""
