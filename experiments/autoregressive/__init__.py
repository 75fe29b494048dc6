"""Parts of the lecture on autoregressive models: what a network sees, and what a code then keeps."""
