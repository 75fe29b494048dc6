"""Layers that know nothing of VAEs."""
