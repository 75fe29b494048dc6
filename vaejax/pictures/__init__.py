"""What can be looked at: arrays as images, panels of a model, and the sampler."""
