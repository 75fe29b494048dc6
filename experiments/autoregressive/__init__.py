"""Parts of the lecture on autoregressive models: what networks see, and what a code keeps."""
