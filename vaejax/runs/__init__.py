"""A run from its configuration to its files: set up, trained, evaluated, sampled, resumed."""
