"""One step for every model, importable by anybody; it knows no configuration."""
