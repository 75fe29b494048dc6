"""Parts of the lecture on autoregressive models: what a network sees of an image."""
