"""What the configurations of one family share; a configuration is a file of `configs/`."""
