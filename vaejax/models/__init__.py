"""Architectures: flax modules that return a `VAEOutput`; one file each."""

from vaejax.models.conv_vae import ConvVAE as ConvVAE
from vaejax.models.dense_hierarchy import DenseHierarchy as DenseHierarchy
from vaejax.models.dense_hierarchy import burda as burda
from vaejax.models.nvae import NVAE as NVAE
from vaejax.models.pixel_model import Autoregressive as Autoregressive
from vaejax.models.pixel_vae import PixelVAE as PixelVAE
