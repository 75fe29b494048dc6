"""One file per run; `get_config(variant)` gives the configuration. See `vaejax.runs.config`."""
