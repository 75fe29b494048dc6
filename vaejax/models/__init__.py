"""Architectures: flax modules that return a `VAEOutput`; one file each."""

from vaejax.models.conv_vae import ConvVAE as ConvVAE
